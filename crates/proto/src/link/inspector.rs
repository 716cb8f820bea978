//! Supervisor ⇄ inspector: is this package what its signer signed, and well formed?

use serde::{Deserialize, Serialize};

use crate::code::Failure;
use crate::link::scan::{Entry, ScanReport};
use crate::{Digest, PackageDigest};

/// Most bytes of one frame, either way.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Most files in one package.
pub const FILES_MAX: usize = 4096;

/// Most files that are handed over at once.
pub const HANDED_MAX: usize = 4;

/// What the supervisor says: one question, and the files that the answer needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToInspector {
    /// Examine the directory mounted at `/package`.
    Examine {
        /// Whose signatures count.
        signers: Vec<TrustedSigner>,
        /// The package it must be; nothing at the first examination.
        expected: Option<PackageDigest>,
        /// The time at which certificates must be valid, in seconds since 1970.
        now_s: u64,
        /// Threads of hashing.
        threads: u32,
    },
    /// Scan an unsigned package: it asks for each file when its turn comes.
    Scan {
        /// What the directory holds.
        entries: Vec<Entry>,
        /// Most milliseconds it may take.
        wall_ms_max: u64,
    },
    /// The answer to `Want`: this entry and some that follow it. Those that could be opened, and are
    /// what was listed, travel with this frame, open for reading, in their order.
    Files {
        /// Whether each travels; at least one entry, at most [`HANDED_MAX`].
        opened: Vec<bool>,
    },
}

/// A publisher whose signature the operator trusts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TrustedSigner {
    /// The operator's name for it.
    pub name: String,
    /// How its signatures are known.
    pub trust: SignerTrust,
}

impl TrustedSigner {
    /// One that is trusted by key.
    pub fn with_key(name: impl Into<String>, public_key_pem: impl Into<String>) -> Self {
        Self { name: name.into(), trust: SignerTrust::Key { public_key_pem: public_key_pem.into() } }
    }
}

/// How a publisher's signatures are known.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum SignerTrust {
    /// By its key.
    Key {
        /// PEM `SubjectPublicKeyInfo` (ECDSA on P-256, P-384 or P-521), as the file has it.
        public_key_pem: String,
    },
    /// By a certificate that an authority gave it.
    Certificate {
        /// The authorities' own certificates, PEM, as the file has them.
        roots_pem: String,
        /// Whose certificate it must be.
        identity: String,
    },
}

/// What the inspector answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromInspector {
    /// Work done so far; at most one in 50 ms.
    Progress {
        /// Bytes hashed.
        bytes_done: u64,
        /// Bytes in all.
        bytes_all: u64,
    },
    /// The scan needs this entry's bytes, and likely those of the entries after it.
    Want {
        /// Its place in the list.
        entry: u32,
    },
    /// What the scan found.
    Scanned(Box<ScanReport>),
    /// The package is what its signer signed, and well formed.
    Accepted(Box<Inspection>),
    /// It is not.
    Rejected {
        /// Why.
        failure: Failure,
        /// The package, when its manifest could be read.
        package: Option<PackageDigest>,
    },
}

/// What an accepted package is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The manifest's digest.
    pub package: PackageDigest,
    /// The package's name, from its manifest.
    pub name: String,
    /// The package's version, from its manifest.
    pub version: String,
    /// The trusted signer whose key verified.
    pub signer: String,
    /// SHA-256 of the signer's PEM public key.
    pub signer_key: Digest,
    /// Every file but the signature bundle, in the manifest's order, the manifest first.
    pub files: Vec<ListedFile>,
    /// The signature bundle.
    pub bundle: ListedFile,
    /// What the weights are.
    pub model: ModelSummary,
}

/// One file of a package.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ListedFile {
    /// Path below the package, `/` between components.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// What the weights are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// `safetensors` or `gguf`.
    pub format: String,
    /// Such as `llama`.
    pub architecture: String,
    /// Numbers in all tensors.
    pub parameters: u64,
    /// How many tensors.
    pub tensors: u32,
    /// Bytes of weights.
    pub weight_bytes: u64,
    /// Tokens of context that the model was made for.
    pub context_tokens: u32,
    /// Tokens in the vocabulary.
    pub vocabulary: u32,
    /// SHA-256 of the chat template's text, when there is one.
    pub chat_template: Option<Digest>,
    /// Tensor types and how many of each, such as `F16` 28.
    pub dtypes: Vec<(String, u32)>,
}
