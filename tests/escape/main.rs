//! Engines that were taken over, in the whole product: each attack is denied, the model beside it is
//! served all the same, and the ledger tells what the kernel lets us see of the attempt.
//!
//! That the attacks are real is shown in `tests/hostile`: without the controls each gets through.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod families;
mod lies;
mod outside;
mod siege;
