//! What may run, what did happen, and what is left when something breaks: the whole product, from
//! outside.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod auditor;
mod controls;
mod crashes;
mod disk;
mod gateway;
mod misdeeds;
mod packages;
mod payloads;
mod scan;
mod stopping;
mod store;
mod supervisor;
mod tampering;
mod worker;
