//! The ledger's directory: the only files this process touches, each reached from one descriptor.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use ledger::TileSource;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, flock, fstat, fsync, mkdirat, openat,
    renameat, statat, unlinkat,
};

/// How often the lock is tried before the directory counts as in use, and how long between.
const LOCK_ATTEMPTS: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Most names that are read from one directory.
const NAMES_MAX: usize = 100_000;

/// A ledger's directory, locked. Paths are relative to it.
#[derive(Debug)]
pub(crate) struct Directory(OwnedFd);

impl Directory {
    /// Opens and locks the directory. One that was just killed may hold the lock a moment longer: what
    /// it was writing then must be over before anybody else writes.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let descriptor = openat(CWD, path, DIRECTORY, Mode::empty())?;
        for attempt in 1..=LOCK_ATTEMPTS {
            match flock(&descriptor, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self(descriptor)),
                Err(rustix::io::Errno::WOULDBLOCK) if attempt < LOCK_ATTEMPTS => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(io::ErrorKind::ResourceBusy.into())
    }

    /// Writes a new file whole and makes its bytes durable; its name is not yet.
    pub(crate) fn write(&self, path: &str, bytes: &[u8], mode: Mode) -> io::Result<File> {
        self.remove(path)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.0, path, flags, mode)?);
        io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        Ok(file)
    }

    /// Opens a file that is there, to write in it.
    pub(crate) fn open_writable(&self, path: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.0, path, flags, Mode::empty())?))
    }

    /// Gives a file another name, replacing what had it.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    /// Makes a directory; one that is there already is fine.
    pub(crate) fn make(&self, path: &str) -> io::Result<()> {
        match mkdirat(&self.0, path, DIRECTORY_MODE) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the names in a directory durable.
    pub(crate) fn sync(&self, path: &str) -> io::Result<()> {
        Ok(fsync(openat(&self.0, path, DIRECTORY, Mode::empty())?)?)
    }

    /// Removes a file; none is fine.
    pub(crate) fn remove(&self, path: &str) -> io::Result<()> {
        match unlinkat(&self.0, path, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes the files in a directory, and then the directory; none is fine.
    pub(crate) fn clear(&self, path: &str) -> io::Result<()> {
        for name in self.names(path)? {
            self.remove(&format!("{path}/{name}"))?;
        }
        match unlinkat(&self.0, path, AtFlags::REMOVEDIR) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a name is there.
    pub(crate) fn has(&self, path: &str) -> io::Result<bool> {
        match statat(&self.0, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether a name still leads to this open file; nothing when the name is gone.
    pub(crate) fn leads_to(&self, path: &str, file: &File) -> io::Result<Option<bool>> {
        let opened = fstat(file)?;
        match statat(&self.0, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok(Some((named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A whole file; nothing when there is none.
    pub(crate) fn read(&self, path: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.0, path, flags, Mode::empty()) {
            Ok(opened) => File::from(opened),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let status = fstat(&file)?;
        let regular = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
        let size = usize::try_from(status.st_size).ok().filter(|size| regular && *size <= bytes_max);
        let mut bytes = vec![0; size.ok_or(io::ErrorKind::FileTooLarge)?];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Some(bytes))
    }

    fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let opened = match openat(&self.0, path, DIRECTORY, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in Dir::read_from(opened.as_fd())? {
            let entry = entry?;
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            if names.len() == NAMES_MAX {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            names.push(name.to_str().map_err(|_| io::ErrorKind::InvalidData)?.to_owned());
        }
        Ok(names)
    }
}

impl TileSource for &Directory {
    fn read(&mut self, path: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        Directory::read(self, path, bytes_max)
    }

    fn list(&mut self, directory: &str) -> io::Result<Vec<String>> {
        self.names(directory)
    }
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Tiles and checkpoints are never written again under their name.
pub(crate) const SEALED: Mode = Mode::RUSR.union(Mode::RGRP);

/// The journal is written in place.
pub(crate) const WRITABLE: Mode = SEALED.union(Mode::WUSR);

const DIRECTORY_MODE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP);
