//! The house rules, as tests: what the tree may hold, who may depend on whom, which words stand where.
//!
//! # Role
//! Compares the tree with `topology.toml`, the documents and the conventions, so that neither the
//! map nor the rules can drift from the code.
//!
//! # Security
//! Reads: our own tree. Holds: nothing. If it is wrong, a rule is broken and nobody sees it: so each
//! search is itself tried on a line that breaks its rule.
//!
//! # Non-goals
//! Style that `cargo fmt` and clippy already judge.
#![forbid(unsafe_code)]
#![cfg(test)]

mod arrows;
mod budget;
mod documents;
mod profiles;
mod shape;
mod source;
mod topology;
mod tree;
mod words;

/// Fails with every complaint at once: one run shows all there is to mend.
#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n  {}\n", complaints.join("\n  "));
}
