//! Programs of others against a whole Stockade: the official client, foreign verifiers of the ledger.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod client;
mod notes;
mod python;
mod signing;
