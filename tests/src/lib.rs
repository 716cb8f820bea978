//! The harness of the black-box tests: a whole Stockade, started as a person would and used from
//! outside.
//!
//! # Role
//! Builds the programs, signs packages, starts `stockade serve`, speaks HTTP byte by byte, watches the
//! processes, and reads the ledger through the command line.
//!
//! # Security
//! Reads: what the programs under test say. Holds: the rights of whoever runs the tests. It listens
//! nowhere, connects to loopback only, and ends only processes that it started.
//!
//! # Non-goals
//! Knows nothing of how the programs work inside: a test that needs that belongs to its crate.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

pub mod command;
pub mod demo;
mod http;
mod ledger;
mod options;
mod packages;
pub mod places;
mod skip;
mod sse;
mod stockade;
mod tree;
mod wait;

pub use command::Ran;
pub use http::{Connection, Head, Response};
pub use ledger::Ledger;
pub use options::{Options, accepted};
pub use packages::{Package, Signer};
pub use places::Build;
pub use skip::{is_root, skipped};
pub use sse::{Stream, Whole};
pub use stockade::Stockade;
pub use tree::{Process, tree};
pub use wait::{PATIENCE, eventually, within};
