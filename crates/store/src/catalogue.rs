//! What a store holds, for who looks at it from outside and changes nothing.

use std::{io, os::fd::AsFd, os::fd::OwnedFd, path::Path};

use proto::{Code, PackageDigest, link::inspector::ListedFile};
use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::{error, error::StoreError, index};

/// The packages of a store that a supervisor may have open at the same time.
#[derive(Debug)]
pub struct Catalogue(OwnedFd);

impl Catalogue {
    /// Looks at the store at `root`; `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it can't be opened.
    pub fn open(root: &Path) -> Result<Option<Self>, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(CWD, root.join("packages"), flags, Mode::empty()) {
            Ok(packages) => Ok(Some(Self(packages))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error::io("open `store/packages`")(io::Error::from(error))),
        }
    }

    /// Every stored package, in the order of their digests.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the directory can't be read.
    pub fn list(&self) -> Result<Vec<PackageDigest>, StoreError> {
        index::list(self.0.as_fd())
    }

    /// What a package lists: its files and its bundle; `None` when it isn't stored.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when the list isn't as it was written.
    pub fn find(&self, package: PackageDigest) -> Result<Option<Vec<ListedFile>>, StoreError> {
        index::read(self.0.as_fd(), package)
    }

    /// Why a package may not be loaded, when it may not.
    pub fn quarantined(&self, package: PackageDigest) -> Option<Code> {
        index::quarantined(self.0.as_fd(), package)
    }
}
