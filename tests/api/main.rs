//! The client API of the whole product, from outside: what it answers, what it refuses, and that it
//! goes on.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod answers;
mod bodies;
mod ceilings;
mod completions;
mod disconnects;
mod gullible;
mod keys;
mod routes;
mod wire;
