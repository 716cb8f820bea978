//! Turns a request and the operator's rules into a permit or a denial.
//!
//! # Role
//! Who may ask, by which name and path, how much at once, and how much for one answer. Each decision
//! is a function of values; the gateway keeps the counters and asks.
//!
//! # Security
//! Reads: requests that the gateway parsed (hostile). Holds: nothing. If it is wrong, a client gets
//! what the operator did not allow; so only [`decide`] makes a [`RequestPermit`], and only a permit
//! can be sent to a worker.
//!
//! # Non-goals
//! No I/O, no clock, no randomness: the same inputs give the same answer.
#![forbid(unsafe_code)]

mod answer;
mod caller;
mod denial;
mod host;
mod load;
mod request;
mod route;

pub use answer::{Answer, answer};
pub use caller::{Principal, authenticate};
pub use denial::Denial;
pub use host::check_host;
pub use load::{Load, check_declared_body, check_load};
pub use request::{Ask, Candidate, RequestPermit, decide};
pub use route::{Route, find_route, needs_key};
