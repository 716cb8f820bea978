//! A package's files, as its manifest lists them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use package::kind::Kind;
use package::manifest::{self, Manifest};
use package::{Format, MANIFEST_PATH, Rejection};

/// The directory of a package.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    manifest: Manifest,
}

impl Folder {
    /// Reads the manifest of the package at `root`.
    ///
    /// # Errors
    /// [`Rejection`] when it cannot be read or breaks a rule.
    pub fn open(root: &Path) -> Result<Self, Rejection> {
        let text = whole(&root.join(MANIFEST_PATH), MANIFEST_PATH, manifest::BYTES_MAX)?;
        Ok(Self { root: root.to_owned(), manifest: Manifest::parse(&text)? })
    }

    /// What the weights are.
    pub fn format(&self) -> Format {
        self.manifest.format
    }

    /// The paths of the files of that kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let paths = self.manifest.files.iter().map(|file| file.path.as_str());
        paths.filter(move |path| Kind::of(path) == Some(kind))
    }

    /// A file's bytes, which a model cannot do without.
    ///
    /// # Errors
    /// [`Rejection`] when it is not listed, too large, or cannot be read.
    pub fn required(&self, path: &'static str, bytes_max: usize) -> Result<Vec<u8>, Rejection> {
        self.optional(path, bytes_max)?.ok_or(Rejection::ModelFileMissing { path })
    }

    /// A file's bytes, when the manifest lists it.
    ///
    /// # Errors
    /// [`Rejection`] when it is too large or cannot be read.
    pub fn optional(&self, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, Rejection> {
        let listed = self.manifest.files.iter().any(|file| file.path == path);
        listed.then(|| whole(&self.root.join(path), path, bytes_max)).transpose()
    }

    /// Opens a file to read parts of it.
    ///
    /// # Errors
    /// [`Rejection`] when it cannot be opened.
    pub fn parts(&self, path: &str) -> Result<Parts, Rejection> {
        let opened = File::open(self.root.join(path)).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (bytes, file) = opened.map_err(unreadable(path))?;
        Ok(Parts { path: path.to_owned(), file, bytes })
    }
}

/// A file that is read in parts.
#[derive(Debug)]
pub struct Parts {
    path: String,
    file: File,
    bytes: u64,
}

impl Parts {
    /// The file's path in the package.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Some of its bytes. None is reserved before it is known to be there.
    ///
    /// # Errors
    /// [`Rejection`] when they are not there or cannot be read.
    pub fn part(&self, from: u64, bytes: usize) -> Result<Vec<u8>, Rejection> {
        if from.checked_add(bytes as u64).is_none_or(|end| end > self.bytes) {
            return Err(unreadable(&self.path)(io::Error::from(io::ErrorKind::UnexpectedEof)));
        }
        let mut part = vec![0; bytes];
        self.file.read_exact_at(&mut part, from).map_err(unreadable(&self.path))?;
        Ok(part)
    }
}

fn whole(at: &Path, path: &str, bytes_max: usize) -> Result<Vec<u8>, Rejection> {
    let file = File::open(at).map_err(unreadable(path))?;
    let found = file.metadata().map_err(unreadable(path))?.len();
    // One more than there are, so that the end is found without growing.
    let mut bytes = Vec::with_capacity(usize::try_from(found).unwrap_or(usize::MAX).min(bytes_max) + 1);
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(unreadable(path))?;
    if bytes.len() > bytes_max { Err(Rejection::TooLarge) } else { Ok(bytes) }
}

fn unreadable(path: &str) -> impl Fn(io::Error) -> Rejection {
    move |source| Rejection::Read { path: path.to_owned(), source }
}
