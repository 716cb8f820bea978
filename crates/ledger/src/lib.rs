//! What happened, in a form that nobody can quietly change.
//!
//! # Role
//! Records as bytes, the RFC 6962 Merkle tree over them in C2SP tlog-tiles layout, checkpoints as
//! signed notes, the journal's groups, proofs, and the verifier that checks all of it from outside.
//!
//! # Security
//! Reads: a ledger directory's files, through [`TileSource`] (hostile to a verifier: whoever holds the
//! disk may have changed them). Holds: the signing key, in [`note::Signer`], for the auditor only.
//! If taken over: as the process that uses it.
//!
//! # Non-goals
//! Opens no file, reads no clock, draws no random bytes: callers pass bytes, `now` and nonces.
#![forbid(unsafe_code)]

pub mod checkpoint;
mod event;
pub mod hash;
pub mod journal;
mod json;
pub mod layout;
mod nodes;
pub mod note;
pub mod proof;
pub mod reader;
pub mod record;
pub mod recovery;
pub mod schema;
pub mod sequence;
mod snapshot;
pub mod source;
pub mod tampering;
pub mod tile;
pub mod tree;
pub mod verify;

pub use checkpoint::Checkpoint;
pub use hash::Hash;
pub use proof::Proof;
pub use reader::Ledger;
pub use record::{Body, Entry, Record};
pub use recovery::{Recovered, recover};
pub use source::TileSource;
pub use tampering::Tampering;
pub use verify::{Summary, verify, verify_against, verify_watched};
