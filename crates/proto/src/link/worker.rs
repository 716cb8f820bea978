//! Supervisor ⇄ worker: load, and say what was loaded.

use serde::{Deserialize, Serialize};

use crate::Code;
use crate::limits::EngineLimits;

/// Most bytes of one frame, either way. The worker is hostile: the supervisor reads no more.
pub const FRAME_BYTES_MAX: usize = 4 * 1024;

/// What the supervisor says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Load the package mounted at `/package`.
    Load {
        /// What to reserve.
        limits: EngineLimits,
    },
}

/// The codes that a worker may give in [`FromWorker::Failed`]. The others are not its to say.
pub const FAILURE_CODES: &[Code] = &[
    Code::ManifestInvalid,
    Code::DigestMismatch,
    Code::FileMissing,
    Code::FileUnexpected,
    Code::FileNotRegular,
    Code::PathInvalid,
    Code::PackageTooLarge,
    Code::FormatInvalid,
    Code::FormatUnsupported,
    Code::ConfigInvalid,
    Code::HostIo,
    Code::EngineFailed,
];

/// What the worker answers, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// The model is loaded and the tighter filter is in place.
    Loaded {
        /// Tokens that one sequence may have, the package's and the supervisor's limit applied.
        context_tokens_max: u32,
    },
    /// The package can't be served. The worker exits after this.
    Failed {
        /// Why.
        code: Code,
        /// What happened, at most 512 bytes.
        message: String,
    },
}
