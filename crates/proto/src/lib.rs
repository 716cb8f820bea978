//! The words that Stockade's processes share.
//!
//! # Role
//! Ids, digests, limits, error codes, events, and one module per link between two processes: what
//! each side may say and when.
//!
//! # Security
//! Reads: frames from peers (hostile). Holds: nothing. Decoding is bounded before it allocates.
//!
//! # Non-goals
//! No sockets, no clock, no decisions: processes move the bytes, `policy` decides.
#![forbid(unsafe_code)]

pub mod blame;
pub mod code;
pub mod digest;
pub mod event;
pub mod frame;
pub mod id;
pub mod limits;
pub mod link;
pub mod posture;
pub mod secret;

pub use blame::Blame;
pub use code::Code;
pub use digest::{Digest, DigestError, KeyedDigest};
pub use frame::{FrameError, read_frame, write_frame};
pub use id::{ModelName, PackageDigest, RequestId, WorkerId};
pub use secret::Secret;
