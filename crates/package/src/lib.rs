//! What a model package is: its manifest, its signature, its formats, and the chain of checks.
//!
//! # Role
//! The single parser of packages: what the inspector accepts, the worker loads through the same
//! readers.
//!
//! # Security
//! Reads: packages (hostile). Holds: nothing; a signing key only while `sign` runs. If a reader here
//! errs, the process that runs it is taken over: the inspector or a worker, each in its jail.
//!
//! # Non-goals
//! Opens no file, knows no clock and makes no random bytes: it takes bytes and gives views of them.
#![forbid(unsafe_code)]

pub mod config;
pub mod gguf;
pub mod hash;
pub mod json;
pub mod kind;
pub mod manifest;
pub mod path;
pub mod safetensors;
pub mod template;
pub mod tokenizer;

pub use manifest::{Format, Manifest, ToolFormat, build_manifest};

/// Where a package's manifest stands.
pub const MANIFEST_PATH: &str = "manifest.json";

/// Where a package's signature bundle stands.
pub const BUNDLE_PATH: &str = "model.sig";
