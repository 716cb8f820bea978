//! Content-addressed, tamper-evident storage of packages.
//!
//! # Role
//! Takes in files under the SHA-256 of their bytes, remembers which belong to a package, and opens them
//! for a load only as they were left. Layout: `files/<digest>` holds content, `packages/<digest>` lists
//! what a package has, `packages/<digest>.quarantined` says why one may not be loaded, `incoming/`
//! holds what is not admitted yet and is swept at each start.
//!
//! # Security
//! Reads: package files as bytes to hash and copy; its own lists. Holds: packages, owned by an
//! identity that no process runs as, and readable to all. Only one supervisor has it open at a time.
//!
//! # Non-goals
//! Parses no package and believes no claim about one: what is admitted is decided elsewhere, and what
//! is loaded is hashed again by who loads it. No network, no clock.
#![forbid(unsafe_code)]

mod catalogue;
mod content;
mod error;
mod index;
mod staging;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use proto::{Code, PackageDigest, link::inspector::ListedFile};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid, fstat, openat, unlinkat};

pub use catalogue::Catalogue;
pub use content::digest_of;
pub use error::StoreError;
pub use staging::{Staged, Staging};

/// The store of one state directory.
#[derive(Debug)]
pub struct Store {
    owner: Option<u32>,
    files: OwnedFd,
    packages: OwnedFd,
    incoming: OwnedFd,
}

/// One file of a stored package, open for reading. Its bytes are those that were admitted only if
/// their digest still is the one listed.
#[derive(Debug)]
pub struct Opened {
    /// What the package lists.
    pub listed: ListedFile,
    /// The file.
    pub file: File,
}

impl Store {
    /// Opens the store at `root`, makes it if it isn't there, and sweeps what an interruption left.
    /// With an `owner`, that identity owns everything in it; otherwise the calling user does.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a directory can't be made, opened or swept.
    pub fn open(root: &Path, owner: Option<u32>) -> Result<Self, StoreError> {
        let folder = |name: &str, mode: u32| {
            make_folder(&root.join(name), owner, mode).map_err(error::io(format!("open `store/{name}`")))
        };
        make_folder(root, owner, 0o755).map_err(error::io("open the store"))?;
        let store = Self {
            owner,
            files: folder("files", 0o755)?,
            packages: folder("packages", 0o755)?,
            incoming: folder("incoming", 0o700)?,
        };
        store.sweep()?;
        Ok(store)
    }

    /// Begins to take a package in.
    pub fn stage(&self) -> Staging<'_> {
        Staging::new(self)
    }

    /// What a package lists: its files and its bundle; `None` when it isn't stored.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] when the list isn't as it was written.
    pub fn find(&self, package: PackageDigest) -> Result<Option<Vec<ListedFile>>, StoreError> {
        index::read(self.packages.as_fd(), package)
    }

    /// Every stored package, in the order of their digests.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the directory can't be read.
    pub fn list(&self) -> Result<Vec<PackageDigest>, StoreError> {
        index::list(self.packages.as_fd())
    }

    /// Why a package may not be loaded, when it may not.
    pub fn quarantined(&self, package: PackageDigest) -> Option<Code> {
        index::quarantined(self.packages.as_fd(), package)
    }

    /// Marks a package so that it is not loaded again until it is taken in anew.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the mark can't be written.
    pub fn quarantine(&self, package: PackageDigest, code: Code) -> Result<(), StoreError> {
        index::quarantine(self.packages.as_fd(), package, code)
    }

    /// Opens every file of a package, for a load. Each is a regular file of its listed size with one
    /// name, the store's own, that nobody may write. The content is for the caller to hash, once no
    /// one can change it any more.
    ///
    /// # Errors
    /// [`StoreError`]: not stored, in quarantine, or not as it was left.
    pub fn open_package(&self, package: PackageDigest) -> Result<Vec<Opened>, StoreError> {
        if let Some(code) = self.quarantined(package) {
            return Err(StoreError::Quarantined { package, code });
        }
        let list = self.find(package)?.ok_or(StoreError::NotFound { package })?;
        list.into_iter().map(|listed| self.open_file(listed)).collect()
    }

    fn open_file(&self, listed: ListedFile) -> Result<Opened, StoreError> {
        let opened = self.open_once(listed)?;
        // Another package with the same content may have been admitted just now, over this copy.
        match fstat(&opened.file).map_err(error::io("look at a stored file"))?.st_nlink {
            0 => self.open_once(opened.listed),
            _ => Ok(opened),
        }
    }

    fn open_once(&self, listed: ListedFile) -> Result<Opened, StoreError> {
        let tampered = |how: &str| StoreError::Tampered { what: listed.path.clone(), how: how.to_owned() };
        let file = match openat(&self.files, listed.digest.hex(), FILE, Mode::empty()) {
            Ok(file) => file,
            Err(rustix::io::Errno::NOENT) => return Err(tampered("it is gone")),
            Err(rustix::io::Errno::LOOP) => return Err(tampered("it is a link")),
            Err(error) => return Err(error::io("open a stored file")(error)),
        };
        let status = fstat(&file).map_err(error::io("look at a stored file"))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(tampered("it is no regular file"));
        }
        if status.st_size.cast_unsigned() != listed.bytes {
            return Err(tampered("its size is another"));
        }
        if status.st_nlink > 1 {
            return Err(tampered("it has a second name"));
        }
        if status.st_mode & 0o7777 != FILE_MODE || self.owner.is_some_and(|owner| owner != status.st_uid) {
            return Err(tampered("its owner or mode is another"));
        }
        Ok(Opened { listed, file: File::from(file) })
    }

    /// Removes what was not admitted, and content that no package lists.
    fn sweep(&self) -> Result<(), StoreError> {
        for name in names(self.incoming.as_fd()).map_err(error::io("read `store/incoming`"))? {
            unlinkat(&self.incoming, &name, AtFlags::empty()).map_err(error::io("sweep `store/incoming`"))?;
        }
        let mut listed = BTreeSet::new();
        for package in self.list()? {
            // A list that can't be read may name any file: then nothing is removed.
            let Ok(Some(list)) = self.find(package) else { return Ok(()) };
            listed.extend(list.into_iter().map(|file| file.digest.hex()));
        }
        for name in names(self.files.as_fd()).map_err(error::io("read `store/files`"))? {
            if !listed.contains(&name) {
                // What can't be removed is only in the way of nobody.
                let _ = unlinkat(&self.files, &name, AtFlags::empty());
            }
        }
        Ok(())
    }
}

/// Makes a folder if it isn't there, gives it its owner and mode, and opens it.
fn make_folder(path: &Path, owner: Option<u32>, mode: u32) -> io::Result<OwnedFd> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = openat(CWD, path, flags, Mode::empty())?;
    own(folder.as_fd(), owner)?;
    rustix::fs::fchmod(&folder, Mode::from_raw_mode(mode))?;
    Ok(folder)
}

/// Gives something to the store's identity.
fn own(what: BorrowedFd<'_>, owner: Option<u32>) -> rustix::io::Result<()> {
    match owner {
        Some(id) => rustix::fs::fchown(what, Some(Uid::from_raw(id)), Some(Gid::from_raw(id))),
        None => Ok(()),
    }
}

/// The names in a folder of ours: each is plain text that we wrote.
fn names(folder: BorrowedFd<'_>) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "." && name != ".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// What stored files may be: read by everybody, written by nobody.
const FILE_MODE: u32 = 0o444;

/// A pipe that takes a file's place must not make the opening wait.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
