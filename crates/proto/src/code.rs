//! The closed list of codes that clients and operators may see. Each has a page in `docs/errors/`.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A stable code for one kind of failure. The text never changes its meaning.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
        pub enum Code {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The code as clients see it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

codes! {
    // The client's request.
    /// The body is no JSON, or JSON of another shape than the API's.
    InvalidRequest = "invalid_request",
    /// The request asks for something that this API does not do.
    UnsupportedParameter = "unsupported_parameter",
    /// The body, a header or a field is larger than its ceiling.
    RequestTooLarge = "request_too_large",
    /// The client sent its request too slowly.
    RequestTimeout = "request_timeout",
    /// The path or the method does not exist.
    NotFound = "not_found",
    /// There is no API key, or it is not known.
    InvalidApiKey = "invalid_api_key",
    /// No model of that name is served.
    ModelNotFound = "model_not_found",
    /// The prompt has no text.
    PromptEmpty = "prompt_empty",
    /// The prompt has more tokens than its ceiling or the model's context.
    PromptTooLong = "prompt_too_long",
    /// Too many requests are in flight.
    TooManyRequests = "too_many_requests",
    /// The client went away before its answer was complete.
    ClientGone = "client_gone",

    // The engine and its package.
    /// No worker of that model is ready.
    ModelNotReady = "model_not_ready",
    /// The worker stopped before the answer was complete.
    WorkerCrashed = "worker_crashed",
    /// The worker said something that its link does not allow.
    WorkerMisbehaved = "worker_misbehaved",
    /// The answer took longer than its ceiling.
    DeadlinePassed = "deadline_passed",
    /// The chat template failed, or took more steps than its ceiling.
    TemplateFailed = "template_failed",
    /// The engine failed while computing.
    EngineFailed = "engine_failed",

    // Stockade itself.
    /// The ledger did not accept the record of this request, so the request was not served.
    LedgerUnavailable = "ledger_unavailable",
    /// Stockade is stopping.
    ShuttingDown = "shutting_down",
    /// Something that should not happen did; the ledger has the details.
    Internal = "internal",

    // Packages.
    /// The package has no manifest, or one that is not well formed.
    ManifestInvalid = "manifest_invalid",
    /// The package has no signature bundle.
    SignatureMissing = "signature_missing",
    /// The signature bundle is not well formed.
    SignatureMalformed = "signature_malformed",
    /// The signature does not verify.
    SignatureInvalid = "signature_invalid",
    /// The package is signed, by somebody who is not trusted.
    SignerUntrusted = "signer_untrusted",
    /// A file's bytes are not those that were signed.
    DigestMismatch = "digest_mismatch",
    /// A file that was signed is not there.
    FileMissing = "file_missing",
    /// A file is there that was not signed.
    FileUnexpected = "file_unexpected",
    /// A path is a link, a device, a socket or a pipe.
    FileNotRegular = "file_not_regular",
    /// A path is absolute, has `..`, or has characters that are not allowed.
    PathInvalid = "path_invalid",
    /// The package is larger, deeper or has more files than its ceiling.
    PackageTooLarge = "package_too_large",
    /// A model file is malformed.
    FormatInvalid = "format_invalid",
    /// A model file is well formed, of a kind that is not supported.
    FormatUnsupported = "format_unsupported",
    /// A file runs code when it is loaded, hides something, or is not known to be harmless.
    ContentUnsafe = "content_unsafe",
    /// A scan would have needed more than its ceiling on time, depth, size or number.
    ScanCeiling = "scan_ceiling",
    /// A scan could not read something to its end.
    ScanFailed = "scan_failed",
    /// No package of that digest or name is in the store.
    PackageNotFound = "package_not_found",
    /// A stored file changed after it was admitted.
    StoreTampered = "store_tampered",
    /// A stored file was opened for writing while an engine used it.
    LeaseBroken = "lease_broken",

    // The host.
    /// A control is degraded or absent and the operator has not accepted that.
    ControlNotEnforced = "control_not_enforced",
    /// The kernel refused a step of the sandbox.
    SandboxRefused = "sandbox_refused",
    /// A process did not become ready in time.
    StartTimeout = "start_timeout",
    /// The configuration is not valid.
    ConfigInvalid = "config_invalid",
    /// A file or a socket of the host could not be used.
    HostIo = "host_io",
    /// Another Stockade uses this state directory.
    StateInUse = "state_in_use",
    /// The ledger's records, tree and checkpoints do not agree.
    LedgerTampered = "ledger_tampered",
    /// Nothing is served from this state directory.
    NotRunning = "not_running",
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure as it is told to another process or to the operator.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Which failure.
    pub code: Code,
    /// What happened, in one sentence, lower case, without payloads.
    pub message: String,
    /// What the reader can do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// Adds what the reader can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
