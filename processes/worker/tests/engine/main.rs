//! The engine on the demo packages, outside a jail: what it computes, and how it behaves on its link.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed, which is what it is for"
)]

mod client;
mod demo;
mod gguf;
mod limits;
mod link;
mod package;
mod prompt;
mod reference;
