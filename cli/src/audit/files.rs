//! A ledger's directory, read without following a link.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use ledger::TileSource;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

/// An open ledger directory.
#[derive(Debug)]
pub(crate) struct Files(OwnedFd);

impl Files {
    /// Opens a directory.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// Whether nothing is in it.
    pub(crate) fn is_empty(&mut self) -> io::Result<bool> {
        Ok(self.list(".")?.is_empty())
    }

    /// Opens what a path leads to, one name after the other, none of them a link; nothing when there
    /// is no such thing.
    fn descend(&self, path: &str, last: OFlags) -> io::Result<Option<OwnedFd>> {
        let mut parent: Option<OwnedFd> = None;
        let mut rest = path;
        loop {
            let at = parent.as_ref().map_or(self.0.as_fd(), |parent| parent.as_fd());
            let (name, flags, below) = match rest.split_once('/') {
                Some((name, below)) => (name, OFlags::DIRECTORY, Some(below)),
                None => (rest, last, None),
            };
            let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let opened = match openat(at, name, flags, Mode::empty()) {
                Ok(opened) => opened,
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let Some(below) = below else { return Ok(Some(opened)) };
            (parent, rest) = (Some(opened), below);
        }
    }
}

impl TileSource for Files {
    fn read(&mut self, path: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        // Without waiting for a writer, should it be a pipe.
        let Some(opened) = self.descend(path, OFlags::NONBLOCK)? else { return Ok(None) };
        let status = fstat(&opened)?;
        let regular = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
        let size = usize::try_from(status.st_size).ok().filter(|size| regular && *size <= bytes_max);
        let mut bytes = Vec::with_capacity(size.ok_or(io::ErrorKind::FileTooLarge)?);
        File::from(opened).take(bytes_max as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn list(&mut self, directory: &str) -> io::Result<Vec<String>> {
        let Some(opened) = self.descend(directory, OFlags::DIRECTORY)? else { return Ok(Vec::new()) };
        let mut names = Vec::new();
        for entry in Dir::read_from(&opened)? {
            let entry = entry?;
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            if names.len() == NAMES_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            names.push(name.to_string_lossy().into_owned());
        }
        Ok(names)
    }
}

/// A directory of tiles has at most a thousand, and for each a directory of partial ones or of groups.
const NAMES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_what_is_no_file_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (outside, inside) = (folder.path().join("outside"), folder.path().join("ledger"));
        std::fs::create_dir_all(inside.join("tile")).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), inside.join("checkpoint")).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("tile/0")).unwrap();
        std::fs::write(inside.join("journal"), "four").unwrap();
        let mut files = Files::open(&inside).unwrap();
        assert!(files.read("checkpoint", 100).is_err());
        assert!(files.read("tile/0/secret", 100).is_err());
        assert!(files.list("tile/0").is_err());
        assert!(files.read("tile", 100).is_err());
        assert!(files.read("journal", 3).is_err());
        assert_eq!(files.read("journal", 4).unwrap().unwrap(), b"four");
        assert_eq!(files.read("tile/1/000", 100).unwrap(), None);
        assert_eq!(files.list("tile/entries").unwrap(), Vec::<String>::new());
    }
}
