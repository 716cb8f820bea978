//! Why a jail could not be built.

use std::io;

/// Why a jail could not be built, or its process not started or watched.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    /// The process's name is empty, too long, or not plain.
    #[error("process name `{name}` is not plain lower case of at most 32 bytes")]
    Name {
        /// The name.
        name: String,
    },
    /// More descriptors than a jail takes.
    #[error("{found} descriptors are more than a jail takes")]
    TooManyDescriptors {
        /// How many.
        found: usize,
    },
    /// The mount's target isn't a plain absolute path, or overlaps another.
    #[error("mount target `{target}` is not a plain absolute path of its own")]
    Target {
        /// The target.
        target: String,
    },
    /// The mount's source is neither a file nor a directory.
    #[error("mount for `{target}` is neither a file nor a directory")]
    Source {
        /// The target.
        target: String,
    },
    /// A step of the supervisor failed.
    #[error("failed to {step}")]
    Prepare {
        /// What was tried.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A step inside the new process failed, before the program ran.
    #[error("the new process failed to {step}")]
    Child {
        /// What was tried.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The process did not do in time what it should.
    #[error("the process did not {step} in time")]
    Deadline {
        /// What was awaited.
        step: &'static str,
    },
    /// The process's report cannot be read.
    #[error("the process's report is not well formed")]
    Report,
}

/// Names the step that failed.
pub(super) fn preparing<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> JailError {
    move |source| JailError::Prepare { step, source: source.into() }
}
