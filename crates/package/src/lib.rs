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

pub mod certificate;
pub mod config;
pub mod gguf;
pub mod hash;
pub mod inspect;
pub mod json;
pub mod keys;
pub mod kind;
pub mod manifest;
pub mod oms;
pub mod package;
pub mod path;
pub mod rejection;
pub mod safetensors;
pub mod scan;
pub mod template;
pub mod tokenizer;

pub use inspect::{Source, inspect};
pub use keys::{PrivateKey, PublicKey};
pub use manifest::{Format, Manifest, ToolFormat, build_manifest};
pub use oms::{Trust, sign, sign_with};
pub use package::{Package, Received, Signed, Verified};
pub use rejection::Rejection;

/// Where a package's manifest stands.
pub const MANIFEST_PATH: &str = "manifest.json";

/// Where a package's signature bundle stands.
pub const BUNDLE_PATH: &str = "model.sig";
