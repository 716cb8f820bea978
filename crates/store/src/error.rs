//! Why the store refuses or fails.

use std::io;

use proto::{Code, PackageDigest};

/// Why the store refuses or fails.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No such package is stored.
    #[error("package {package} is not in the store")]
    NotFound {
        /// Which one.
        package: PackageDigest,
    },
    /// The package was found changed before, or while an engine used it.
    #[error("package {package} is in quarantine: {code}")]
    Quarantined {
        /// Which one.
        package: PackageDigest,
        /// What was found then.
        code: Code,
    },
    /// Something in the store is not as it was left.
    #[error("stored `{what}` is not as it was admitted: {how}")]
    Tampered {
        /// A path of the package, or its list.
        what: String,
        /// What is different.
        how: String,
    },
    /// A source file's size changed while it was copied.
    #[error("file `{path}` changed while it was copied")]
    Changing {
        /// Its path in the package.
        path: String,
    },
    /// What was examined is not what was copied.
    #[error("what was examined is not what was copied: {how}")]
    Mismatch {
        /// What is different.
        how: &'static str,
    },
    /// The host failed.
    #[error("failed to {step}")]
    Io {
        /// What was tried.
        step: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl StoreError {
    /// The code under which operators know it.
    pub const fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::PackageNotFound,
            Self::Quarantined { code, .. } => *code,
            Self::Tampered { .. } => Code::StoreTampered,
            Self::Changing { .. } | Self::Mismatch { .. } => Code::DigestMismatch,
            Self::Io { .. } => Code::HostIo,
        }
    }
}

/// Names the step that failed.
pub(crate) fn io<E: Into<io::Error>>(step: impl Into<String>) -> impl FnOnce(E) -> StoreError {
    move |source| StoreError::Io { step: step.into(), source: source.into() }
}
