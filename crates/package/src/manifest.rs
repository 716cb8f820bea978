//! `manifest.json`: what a package is called and which files it has.

use std::collections::BTreeSet;

use proto::link::inspector::{FILES_MAX, ListedFile};
use proto::{Code, Digest, ModelName, PackageDigest};
use serde::{Deserialize, Serialize};

use crate::json::{self, JsonError, Limits};
use crate::path::{self, PathError};
use crate::{BUNDLE_PATH, MANIFEST_PATH};

/// Most bytes of a manifest.
pub const BYTES_MAX: usize = 2 * 1024 * 1024;
/// Most bytes of all files of a package.
pub const PACKAGE_BYTES_MAX: u64 = 1 << 40;
/// Most files that a manifest lists: itself and the bundle are files too.
pub const LISTED_MAX: usize = FILES_MAX - 2;

/// A manifest whose every rule holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Manifest {
    /// The package's name, of the characters of a model name.
    pub name: String,
    /// Its version: 1 to 64 of `A-Z a-z 0-9 . _ + -`.
    pub version: String,
    /// What its weights are.
    pub format: Format,
    /// How its model writes tool calls, when it does.
    pub tool_format: Option<ToolFormat>,
    /// Every file but the manifest and the signature bundle, in ascending order of path.
    pub files: Vec<ListedFile>,
}

/// What a package's weights are.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// safetensors, beside `config.json` and `tokenizer.json`.
    Safetensors,
    /// One GGUF file.
    Gguf,
}

/// How a model writes tool calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolFormat {
    /// `<tool_call>{"name": …, "arguments": …}</tool_call>`.
    Hermes,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ManifestError`] for the first rule that it breaks.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        let mut file: File = json::parse(text, &LIMITS)?;
        if file.schema != SCHEMA {
            return Err(ManifestError::Schema);
        }
        let files = std::mem::take(&mut file.files).into_iter().map(|FileEntry { path, bytes, sha256 }| {
            let digest = Digest::parse_hex(&sha256)
                .map_err(|_| ManifestError::Digest { path: path.chars().take(128).collect() })?;
            Ok(ListedFile { path, bytes, digest })
        });
        let files = files.collect::<Result<_, ManifestError>>()?;
        let File { name, version, format, tool_format, .. } = file;
        Self { name, version, format, tool_format, files }.checked()
    }

    /// The digest of the package whose manifest has these bytes.
    pub fn digest_of(text: &[u8]) -> PackageDigest {
        PackageDigest(crate::hash::sha256(text))
    }

    /// The manifest as it is stored. The same manifest always has the same bytes.
    ///
    /// # Errors
    /// [`ManifestError`] when it breaks a rule.
    pub fn to_bytes(self) -> Result<Vec<u8>, ManifestError> {
        let Self { name, version, format, tool_format, files } = self.checked()?;
        let entry =
            |file: ListedFile| FileEntry { sha256: file.digest.hex(), path: file.path, bytes: file.bytes };
        let file = File {
            schema: SCHEMA.to_owned(),
            name,
            version,
            format,
            tool_format,
            files: files.into_iter().map(entry).collect(),
        };
        let mut text =
            serde_json::to_vec_pretty(&file).map_err(|error| ManifestError::Json(JsonError::Shape(error)))?;
        text.push(b'\n');
        if text.len() > BYTES_MAX {
            return Err(ManifestError::TooLarge);
        }
        Ok(text)
    }

    fn checked(self) -> Result<Self, ManifestError> {
        ModelName::parse(&self.name).map_err(|_| ManifestError::Name)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
        if !(1..=64).contains(&self.version.len()) || !self.version.bytes().all(plain) {
            return Err(ManifestError::Version);
        }
        if self.files.len() > LISTED_MAX {
            return Err(ManifestError::TooMany { found: self.files.len() });
        }
        if !self.files.is_sorted_by(|one, next| one.path < next.path) {
            return Err(ManifestError::Order);
        }
        let mut bytes = 0_u64;
        let mut directories = BTreeSet::new();
        for file in &self.files {
            path::check(&file.path)?;
            if [MANIFEST_PATH, BUNDLE_PATH].contains(&file.path.as_str()) {
                return Err(ManifestError::Reserved);
            }
            directories.extend(file.path.match_indices('/').filter_map(|(at, _)| file.path.get(..at)));
            bytes = bytes.saturating_add(file.bytes);
        }
        if self.files.iter().any(|file| directories.contains(file.path.as_str())) {
            return Err(ManifestError::FileIsDirectory);
        }
        if bytes > PACKAGE_BYTES_MAX {
            return Err(ManifestError::TooLarge);
        }
        Ok(self)
    }
}

/// Builds a manifest's bytes from what a directory holds; `files` in any order.
///
/// # Errors
/// [`ManifestError`] when a rule would be broken.
pub fn build_manifest(
    name: &str,
    version: &str,
    format: Format,
    tool_format: Option<ToolFormat>,
    mut files: Vec<ListedFile>,
) -> Result<Vec<u8>, ManifestError> {
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Manifest { name: name.to_owned(), version: version.to_owned(), format, tool_format, files }.to_bytes()
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is no JSON that we accept, or of another shape.
    #[error("`manifest.json` is not accepted")]
    Json(#[from] JsonError),
    /// Its `schema` is another.
    #[error("`manifest.json` has another schema than `{SCHEMA}`")]
    Schema,
    /// The name has characters that are not allowed, or is too long.
    #[error("package name has a character that is not allowed, or is empty or too long")]
    Name,
    /// The version has characters that are not allowed, or is too long.
    #[error("package version has a character that is not allowed, or is empty or too long")]
    Version,
    /// It lists too many files.
    #[error("manifest lists {found} files, at most {LISTED_MAX} are allowed")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// Files are not in ascending order of path, or one stands twice.
    #[error("manifest's files are not in ascending order, or one stands twice")]
    Order,
    /// It lists itself or the signature bundle.
    #[error("manifest lists itself or the signature bundle")]
    Reserved,
    /// A path is both a file and the directory of another.
    #[error("manifest has a path that is both a file and a directory")]
    FileIsDirectory,
    /// A path breaks a rule.
    #[error("manifest has a path that is not allowed")]
    Path(#[from] PathError),
    /// A digest is malformed.
    #[error("file {path:?} has no SHA-256 of 64 lower-case digits in the manifest")]
    Digest {
        /// The file, shortened.
        path: String,
    },
    /// All files together pass their ceiling, or the manifest does.
    #[error("package has more than {PACKAGE_BYTES_MAX} bytes, or its manifest more than {BYTES_MAX}")]
    TooLarge,
}

impl ManifestError {
    /// The code under which operators know it.
    pub fn code(&self) -> Code {
        match self {
            Self::Path(error) => error.code(),
            Self::TooMany { .. } | Self::TooLarge => Code::PackageTooLarge,
            Self::Json(error) if error.is_ceiling() => Code::PackageTooLarge,
            _ => Code::ManifestInvalid,
        }
    }
}

/// The manifest's schema.
pub const SCHEMA: &str = "stockade.dev/package/v1";

const LIMITS: Limits = Limits { bytes_max: BYTES_MAX, depth_max: 4, values_max: 32 + 4 * 4096 };

/// The file itself, in the order of its keys.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: String,
    name: String,
    version: String,
    format: Format,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tool_format: Option<ToolFormat>,
    files: Vec<FileEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    path: String,
    bytes: u64,
    sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(path: &str) -> ListedFile {
        ListedFile { path: path.to_owned(), bytes: 1, digest: crate::hash::sha256(path.as_bytes()) }
    }

    fn text(paths: &[&str]) -> String {
        let files = paths.iter().copied().map(listed).collect();
        String::from_utf8(
            build_manifest("demo", "1.0", Format::Safetensors, Some(ToolFormat::Hermes), files).unwrap(),
        )
        .unwrap()
    }

    fn code(text: &str) -> Code {
        Manifest::parse(text.as_bytes()).unwrap_err().code()
    }

    #[test]
    fn a_manifest_comes_back_as_it_went_and_has_one_spelling() {
        let built = text(&["b.json", "a.json", "c/d.txt"]);
        let parsed = Manifest::parse(built.as_bytes()).unwrap();
        assert_eq!(
            parsed.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["a.json", "b.json", "c/d.txt"]
        );
        assert_eq!(parsed.tool_format, Some(ToolFormat::Hermes));
        assert_eq!(parsed.to_bytes().unwrap(), built.as_bytes());
    }

    #[test]
    fn each_broken_rule_has_its_code() {
        let good = text(&["a.json", "b.json"]);
        for (from, to, expected) in [
            ("package/v1", "package/v2", Code::ManifestInvalid),
            ("\"demo\"", "\"de mo\"", Code::ManifestInvalid),
            ("\"1.0\"", "\"\"", Code::ManifestInvalid),
            ("\"name\"", "\"nome\"", Code::ManifestInvalid),
            ("\"schema\"", "\"extra\": 1, \"schema\"", Code::ManifestInvalid),
            ("\"schema\"", "\"version\": \"2\", \"schema\"", Code::ManifestInvalid),
            ("hermes", "other", Code::ManifestInvalid),
            ("safetensors", "pickle", Code::ManifestInvalid),
            ("b.json", "a.json", Code::ManifestInvalid),
            ("a.json", "c.json", Code::ManifestInvalid),
            ("b.json", "manifest.json", Code::ManifestInvalid),
            ("b.json", "model.sig", Code::ManifestInvalid),
            ("b.json", "a.json/b", Code::ManifestInvalid),
            ("b.json", "b.sig", Code::PathInvalid),
            ("a.json", "../a.json", Code::PathInvalid),
            ("a.json", "/a.json", Code::PathInvalid),
            ("\"sha256\": \"", "\"sha256\": \"0", Code::ManifestInvalid),
            ("\"bytes\": 1", "\"bytes\": -1", Code::ManifestInvalid),
            ("\"bytes\": 1", "\"bytes\": 1099511627777", Code::PackageTooLarge),
            ("\"bytes\": 1", "\"bytes\": 18446744073709551615", Code::PackageTooLarge),
            ("\"bytes\": 1", "\"bytes\": [[[[1]]]]", Code::PackageTooLarge),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert_eq!(code(&bad), expected, "{from} -> {to}");
        }
    }

    #[test]
    fn a_manifest_over_its_ceilings_is_refused() {
        assert_eq!(code(&" ".repeat(BYTES_MAX + 1)), Code::PackageTooLarge);
        let many = (0..=LISTED_MAX).map(|number| listed(&format!("{number}.txt"))).collect();
        let refused = build_manifest("demo", "1", Format::Gguf, None, many).unwrap_err();
        assert_eq!(refused.code(), Code::PackageTooLarge);
    }
}
