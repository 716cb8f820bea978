//! Signed packages to serve, and their signers.

use std::{
    fs,
    path::{Path, PathBuf},
};

use package::{Format, PrivateKey, ToolFormat};
use proto::link::inspector::ListedFile;
use tempfile::TempDir;

use crate::{demo, places};

/// A publisher with a key of its own, the same in every run.
#[derive(Debug)]
pub struct Signer {
    /// The operator's name for it.
    pub name: &'static str,
    key: PrivateKey,
}

impl Signer {
    /// The publisher that tests trust.
    pub fn trusted() -> Self {
        Self::with_key("publisher", 7)
    }

    /// Somebody else.
    pub fn stranger() -> Self {
        Self::with_key("stranger", 9)
    }

    fn with_key(name: &'static str, byte: u8) -> Self {
        Self { name, key: PrivateKey::from_random(&[byte; 32]).expect("a key") }
    }

    /// The public key, PEM.
    ///
    /// # Panics
    /// Never, for a key that was made.
    pub fn public_pem(&self) -> String {
        self.key.public().to_pem().expect("the key has a text")
    }

    /// The private key, PEM.
    ///
    /// # Panics
    /// Never, for a key that was made.
    pub fn private_pem(&self) -> String {
        self.key.to_pem().expect("the key has a text").as_ref().to_owned()
    }

    /// Signs a directory: writes its manifest and its signature bundle.
    ///
    /// # Panics
    /// When the directory holds what a manifest cannot list.
    pub fn sign(&self, directory: &Path, name: &str, format: Format) {
        for file in [package::MANIFEST_PATH, package::BUNDLE_PATH] {
            let _ = fs::remove_file(directory.join(file));
        }
        let manifest =
            package::build_manifest(name, "1.0", format, Some(ToolFormat::Hermes), listed(directory))
                .expect("a manifest");
        self.seal(directory, &manifest);
    }

    /// Writes this manifest and signs it.
    ///
    /// # Panics
    /// When it is no manifest.
    pub fn seal(&self, directory: &Path, manifest: &[u8]) {
        fs::write(directory.join(package::MANIFEST_PATH), manifest).expect("write the manifest");
        let bundle = package::sign(manifest, &self.key).expect("a bundle");
        fs::write(directory.join(package::BUNDLE_PATH), bundle).expect("write the bundle");
    }
}

/// A signed package in a directory of its own.
#[derive(Debug)]
pub struct Package {
    directory: TempDir,
}

impl Package {
    /// The shipped model, safetensors, signed by the trusted publisher.
    pub fn demo() -> Self {
        Self::of(&places::workspace().join("models/demo/package"), "demo", Format::Safetensors)
    }

    /// The shipped model, quantised, signed by the trusted publisher.
    pub fn demo_gguf() -> Self {
        Self::of(&places::workspace().join("models/demo/package-gguf"), "demo-gguf", Format::Gguf)
    }

    /// The files of `source`, signed by the trusted publisher.
    pub fn of(source: &Path, name: &str, format: Format) -> Self {
        let package = Self { directory: places::scratch("package") };
        demo::copy(source, package.path());
        Signer::trusted().sign(package.path(), name, format);
        package
    }

    /// The shipped model with one file more, for an engine of a test's own.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn demo_with(file: &str, content: &str) -> Self {
        let package = Self { directory: places::scratch("package") };
        demo::copy(&places::workspace().join("models/demo/package"), package.path());
        fs::write(package.file(file), content).expect("write the further file");
        Signer::trusted().sign(package.path(), "demo", Format::Safetensors);
        package
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A file of it.
    pub fn file(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }
}

/// Every file of a flat directory, measured.
fn listed(directory: &Path) -> Vec<ListedFile> {
    let measure = |entry: fs::DirEntry| {
        let content = fs::read(entry.path()).expect("read a file to sign");
        ListedFile {
            path: entry.file_name().into_string().expect("a file name is text"),
            bytes: content.len() as u64,
            digest: package::hash::sha256(&content),
        }
    };
    fs::read_dir(directory)
        .expect("read the directory")
        .map(|entry| measure(entry.expect("an entry")))
        .collect()
}
