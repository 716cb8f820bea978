//! Names of things, each its own type.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// One client request, unique within one run of the gateway.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// One start of one worker, unique within one run of the supervisor.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct WorkerId(pub u64);

/// What a package is known by: the SHA-256 of its manifest, which names the digest of every other file.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct PackageDigest(pub Digest);

impl fmt::Display for PackageDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name by which clients ask for a model: 1 to 128 of `A-Z a-z 0-9 . _ - / :`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelName(String);

impl ModelName {
    /// Most bytes a name may have.
    pub const BYTES_MAX: usize = 128;

    /// Parses a model name.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, too long, or has another character.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let fits = (1..=Self::BYTES_MAX).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:".contains(&b));
        if fits && plain { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ModelName {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::parse(&text)
    }
}

impl From<ModelName> for String {
    fn from(name: ModelName) -> Self {
        name.0
    }
}

/// A text is not a model name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("model names have 1 to 128 of the characters A-Z a-z 0-9 . _ - / :")]
pub struct NameError;
