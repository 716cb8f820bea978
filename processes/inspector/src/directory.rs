//! A package's directory: its regular files, reached without following a link.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use package::Rejection;
use package::path::{self, PathError};
use proto::link::inspector::FILES_MAX;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, statat};

use crate::examine::Refusal;

/// An open package directory. Files in it are opened anew for each use: a package may have more files
/// than the process may have open.
#[derive(Debug)]
pub struct Directory {
    root: OwnedFd,
}

impl Directory {
    /// Opens the directory at `path`.
    ///
    /// # Errors
    /// [`Refusal`] when it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, Refusal> {
        let opened = openat(rustix::fs::CWD, path, DIRECTORY, Mode::empty());
        let root = opened.map_err(|error| unreadable(".", error.into()))?;
        Ok(Self { root })
    }

    /// Path and size of every file.
    ///
    /// # Errors
    /// [`Rejection`] when a path breaks a rule, something is neither a regular file nor a directory, a
    /// ceiling is passed, or the directory cannot be read.
    pub fn list(&self) -> Result<Vec<(String, u64)>, Rejection> {
        let mut listing = Listing { files: Vec::new(), entries: 0 };
        listing.walk(self.root.as_fd(), "")?;
        Ok(listing.files)
    }

    /// Opens a file for reading. No component of its path may be a link.
    ///
    /// # Errors
    /// The kernel's, and [`io::ErrorKind::InvalidInput`] for what is no regular file.
    pub fn file(&self, path: &str) -> io::Result<File> {
        let mut parent: Option<OwnedFd> = None;
        let mut rest = path;
        while let Some((directory, below)) = rest.split_once('/') {
            let at = parent.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
            parent = Some(openat(at, directory, DIRECTORY, Mode::empty())?);
            rest = below;
        }
        let at = parent.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
        let file = openat(at, rest, FILE, Mode::empty())?;
        if FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile {
            Ok(File::from(file))
        } else {
            Err(io::Error::from(io::ErrorKind::InvalidInput))
        }
    }

    /// A whole file of exactly `bytes` bytes. The caller bounds how many.
    ///
    /// # Errors
    /// [`Rejection::Read`], also when the file has become shorter.
    pub fn whole(&self, path: &str, bytes: u64) -> Result<Vec<u8>, Rejection> {
        let mut content = vec![0; usize::try_from(bytes).map_err(|_| Rejection::TooLarge)?];
        package::Source::read_at(self, path, 0, &mut content).map_err(|error| unreadable(path, error))?;
        Ok(content)
    }
}

impl package::Source for Directory {
    fn read_at(&self, path: &str, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.file(path)?.read_exact_at(into, offset)
    }
}

/// What a walk has found so far.
struct Listing {
    files: Vec<(String, u64)>,
    entries: usize,
}

impl Listing {
    /// Takes everything below `at`, whose path is `above`. Paths have a ceiling of components, and so
    /// has this recursion.
    fn walk(&mut self, at: BorrowedFd<'_>, above: &str) -> Result<(), Rejection> {
        let failed = |error: rustix::io::Errno| unreadable(above, error.into());
        for entry in Dir::read_from(at).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                return Err(Rejection::TooLarge);
            }
            let text = name.to_str().map_err(|_| no_text(&name.to_string_lossy()))?;
            let path = if above.is_empty() { text.to_owned() } else { format!("{above}/{text}") };
            path::check(&path)?;
            let status = statat(at, name, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| unreadable(&path, error.into()))?;
            match FileType::from_raw_mode(status.st_mode) {
                FileType::RegularFile => self.files.push((path, status.st_size.cast_unsigned())),
                FileType::Directory => {
                    let below = openat(at, name, DIRECTORY, Mode::empty())
                        .map_err(|error| unreadable(&path, error.into()))?;
                    self.walk(below.as_fd(), &path)?;
                }
                _ => return Err(Rejection::NotRegular { path }),
            }
        }
        Ok(())
    }
}

pub(crate) fn unreadable(path: &str, source: io::Error) -> Rejection {
    Rejection::Read { path: path.to_owned(), source }
}

fn no_text(name: &str) -> PathError {
    PathError { path: name.chars().take(128).collect(), rule: "has a character that is not allowed" }
}

/// Most files and directories together: directories that hold no file are not bounded by the files.
const ENTRIES_MAX: usize = 2 * FILES_MAX;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A pipe that takes a file's place must not make the opening wait.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
