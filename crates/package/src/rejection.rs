//! Why a package is refused, whole: every case with its code.

use std::error::Error;
use std::io;

use proto::code::Failure;
use proto::{Code, PackageDigest};

use crate::config::ConfigError;
use crate::gguf::GgufError;
use crate::json::JsonError;
use crate::manifest::ManifestError;
use crate::oms::BundleError;
use crate::path::PathError;
use crate::safetensors::SafetensorsError;
use crate::template::TemplateError;
use crate::tokenizer::TokenizerError;

/// Why a package is refused.
#[derive(Debug, thiserror::Error)]
#[expect(
    missing_docs,
    reason = "the messages say what the variants are; fields are paths, counts and sources"
)]
pub enum Rejection {
    #[error("package has no `manifest.json`")]
    ManifestMissing,
    #[error("package has no `model.sig`")]
    SignatureMissing,
    #[error("package has more files, deeper directories or more bytes than are allowed")]
    TooLarge,
    #[error("package has a path that is not allowed")]
    Path(#[from] PathError),
    #[error("{path:?} is a link, a device, a socket or a pipe")]
    NotRegular { path: String },
    #[error("package's signature is refused")]
    Bundle(#[from] BundleError),
    #[error("package's manifest is refused")]
    Manifest(#[from] ManifestError),
    #[error("file {path:?} is in the package and not signed")]
    NotSigned { path: String },
    #[error("file {path:?} is signed and not in the manifest")]
    NotListed { path: String },
    #[error("file {path:?} is in the package and not in the manifest")]
    FileUnexpected { path: String },
    #[error("file {path:?} is in the manifest and not in the package")]
    FileMissing { path: String },
    #[error("file {path:?} has {found} bytes, the manifest says {expected}")]
    SizeMismatch { path: String, found: u64, expected: u64 },
    #[error("file {path:?} has other bytes than those that were signed")]
    DigestMismatch { path: String },
    #[error("package is {found}, expected was {expected}")]
    OtherPackage { expected: PackageDigest, found: PackageDigest },
    #[error("file {path:?} cannot be read")]
    Read { path: String, source: io::Error },
    #[error("file {path:?} is of a kind that packages may not have, or weights below the top")]
    KindUnsupported { path: String },
    #[error("package has weights of more than one format, or not those of its manifest")]
    WeightsMixed,
    #[error("package has no `{path}`")]
    ModelFileMissing { path: &'static str },
    #[error("file {path:?} is no text")]
    NotText { path: String },
    #[error("file {path:?} is not accepted")]
    Json { path: String, source: JsonError },
    #[error("file {path:?} is not accepted")]
    Safetensors { path: String, source: SafetensorsError },
    #[error("file {path:?} is not accepted")]
    Gguf { path: String, source: GgufError },
    #[error("package's configuration is refused")]
    Config(#[from] ConfigError),
    #[error("package's tokenizer is refused")]
    Tokenizer(#[from] TokenizerError),
    #[error("package's chat template is refused")]
    Template(#[from] TemplateError),
    #[error("tensor {name:?} stands in two files")]
    TensorTwice { name: String },
    #[error("tensor {name:?} does not belong to the model that the configuration describes")]
    TensorUnknown { name: String },
    #[error("tensor {name:?} is missing")]
    TensorMissing { name: String },
    #[error("tensor {name:?} has other dimensions than the configuration says")]
    TensorShape { name: String },
    #[error("tensor {name:?} has numbers of a type that weights may not have")]
    TensorType { name: String },
    #[error("index {path:?} does not agree with the tensors in the package")]
    WeightMap { path: String },
}

impl Rejection {
    /// The code under which operators know it.
    pub fn code(&self) -> Code {
        match self {
            Self::ManifestMissing => Code::ManifestInvalid,
            Self::SignatureMissing => Code::SignatureMissing,
            Self::TooLarge => Code::PackageTooLarge,
            Self::Path(error) => error.code(),
            Self::NotRegular { .. } => Code::FileNotRegular,
            Self::Bundle(error) => error.code(),
            Self::Manifest(error) => error.code(),
            Self::NotSigned { .. } | Self::NotListed { .. } | Self::FileUnexpected { .. } => {
                Code::FileUnexpected
            }
            Self::FileMissing { .. } => Code::FileMissing,
            Self::SizeMismatch { .. } | Self::DigestMismatch { .. } | Self::OtherPackage { .. } => {
                Code::DigestMismatch
            }
            Self::Read { .. } => Code::HostIo,
            Self::KindUnsupported { .. } | Self::TensorType { .. } => Code::FormatUnsupported,
            Self::Safetensors { source, .. } => source.code(),
            Self::Gguf { source, .. } => source.code(),
            Self::Config(error) => error.code(),
            Self::Tokenizer(error) => error.code(),
            Self::Template(error) => error.code(),
            Self::WeightsMixed
            | Self::ModelFileMissing { .. }
            | Self::NotText { .. }
            | Self::Json { .. }
            | Self::TensorTwice { .. }
            | Self::TensorUnknown { .. }
            | Self::TensorMissing { .. }
            | Self::TensorShape { .. }
            | Self::WeightMap { .. } => Code::FormatInvalid,
        }
    }

    /// The failure as it is told to others: the whole chain of causes in one bounded line, without
    /// characters that a terminal would obey.
    pub fn failure(&self) -> Failure {
        let mut message = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        let message =
            message.chars().take(MESSAGE_CHARS_MAX).map(|c| if c.is_control() { '?' } else { c }).collect();
        Failure { code: self.code(), message, hint: self.hint().map(str::to_owned) }
    }

    fn hint(&self) -> Option<&'static str> {
        Some(match self.code() {
            Code::SignerUntrusted => "add the publisher's public key to the trusted signers, if you trust it",
            Code::SignatureMissing => {
                "ask the publisher for a signed package, or sign it: stockade package sign"
            }
            Code::DigestMismatch | Code::FileMissing | Code::FileUnexpected => {
                "fetch the package again; if it stays so, ask the publisher"
            }
            _ => return None,
        })
    }
}

const MESSAGE_CHARS_MAX: usize = 512;
