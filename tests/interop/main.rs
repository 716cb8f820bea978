//! Programs of others: the official client, foreign verifiers of the ledger, the reference
//! implementation of Model Signing.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod client;
mod model_signing;
mod notes;
mod python;
