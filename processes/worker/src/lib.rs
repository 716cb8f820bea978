//! The built-in engine: one package, one model, many answers at a time.
//!
//! # Role
//! Loads the package that the supervisor mounted, then turns prompts into answers, token by token, for
//! the gateway. A decoder of our own on candle's kernels; no other runtime, no other process.
//!
//! # Security
//! Reads: model files (hostile), prompts (hostile), a chat template (hostile code, run with fuel and
//! without access). Holds: the prompts that are being answered. If taken over: it can answer falsely
//! and burn its own ceilings; it has no network, no other file and starts no process. Texts of clients
//! never become control tokens: see [`tokens::Controls`].
//!
//! # Non-goals
//! Keeps nothing of one request for another: no prefix is shared, so no client can measure what
//! another asked. Decides no policy, speaks no HTTP, knows no time of day.
#![forbid(unsafe_code)]

pub mod answer;
pub mod decoder;
pub mod folder;
pub mod generator;
pub mod inbox;
pub mod load;
pub mod matrix;
mod message;
pub mod prompt;
pub mod random;
pub mod sampler;
pub mod sequence;
pub mod serve;
pub mod threads;
pub mod tokens;
pub mod voice;

pub use serve::serve;
