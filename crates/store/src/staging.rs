//! A package on its way in: copied, hashed, not admitted yet.

use std::{
    fs::File,
    io::{Read, Write},
    os::fd::AsFd,
    sync::atomic::{AtomicU64, Ordering},
};

use proto::{
    PackageDigest,
    link::inspector::{FILES_MAX, ListedFile},
};
use rustix::fs::{AtFlags, Mode, OFlags, fsync, openat, renameat, unlinkat};

use crate::{FILE, FILE_MODE, Store, StoreError, content, error, index, own};

/// A package on its way in. Dropping it before [`commit`](Self::commit) removes what was copied.
#[derive(Debug)]
pub struct Staging<'s> {
    store: &'s Store,
    files: Vec<Staged>,
}

/// One copied file.
#[derive(Debug)]
pub struct Staged {
    /// Its path in the package, and what was copied.
    pub listed: ListedFile,
    /// The copy, open for reading.
    pub file: File,
    /// Its name in `incoming/`.
    name: String,
}

impl<'s> Staging<'s> {
    pub(crate) fn new(store: &'s Store) -> Self {
        Self { store, files: Vec::new() }
    }

    /// Copies a file in, and gives it to the store's identity. `progress` is told bytes as they are
    /// copied.
    ///
    /// # Errors
    /// [`StoreError::Changing`] when the source hasn't exactly `bytes` bytes; [`StoreError::Io`].
    pub fn copy(
        &mut self,
        path: &str,
        bytes: u64,
        source: &mut impl Read,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        if self.files.len() >= FILES_MAX {
            return Err(StoreError::Mismatch { how: "there are too many files" });
        }
        let name = fresh_name();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let create = openat(&self.store.incoming, &name, flags, Mode::from_raw_mode(0o600));
        let mut copy = File::from(create.map_err(error::io("create a file in `store/incoming`"))?);
        let filled = self.fill(path, bytes, source, &mut copy, progress);
        drop(copy);
        // Read from here on: whoever looks at it must find no writer.
        let opened = filled.and_then(|digest| {
            let file = openat(&self.store.incoming, &name, FILE, Mode::empty())
                .map_err(error::io("open a file in `store/incoming`"))?;
            Ok((digest, File::from(file)))
        });
        match opened {
            Ok((digest, file)) => {
                let listed = ListedFile { path: path.to_owned(), bytes, digest };
                self.files.push(Staged { listed, file, name });
                Ok(())
            }
            Err(error) => {
                let _ = unlinkat(&self.store.incoming, &name, AtFlags::empty());
                Err(error)
            }
        }
    }

    /// What was copied so far, in that order.
    pub fn files(&self) -> &[Staged] {
        &self.files
    }

    /// Admits the package: `listed` is what its examination found, the manifest first, and must be
    /// exactly what was copied. Afterwards it can be opened, also after a crash; before, nothing of it
    /// can. A quarantine of the same package ends.
    ///
    /// # Errors
    /// [`StoreError::Mismatch`] when something else was examined; [`StoreError::Io`].
    pub fn commit(mut self, package: PackageDigest, listed: &[ListedFile]) -> Result<(), StoreError> {
        self.check(package, listed)?;
        let store = self.store;
        let list = self.write_list(listed)?;
        // The content is on disk before its name is. One flush of all of it: thousands of small files
        // would take as many flushes.
        rustix::fs::syncfs(&store.files).map_err(error::io("flush the store"))?;
        let moving = error::io("admit a file");
        let moved = self.files.iter().try_for_each(|staged| {
            // Over an older copy of the same content: that one may have been changed.
            renameat(&store.incoming, &staged.name, &store.files, staged.listed.digest.hex())
        });
        moved.and_then(|()| fsync(&store.files)).map_err(moving)?;
        self.files.clear();
        renameat(&store.incoming, &list, &store.packages, package.0.hex())
            .and_then(|()| match unlinkat(&store.packages, index::mark(package), AtFlags::empty()) {
                Err(rustix::io::Errno::NOENT) => Ok(()),
                other => other,
            })
            .and_then(|()| fsync(&store.packages))
            .map_err(error::io("list a package"))
    }

    fn fill(
        &self,
        path: &str,
        bytes: u64,
        source: &mut impl Read,
        copy: &mut File,
        progress: &mut dyn FnMut(u64),
    ) -> Result<proto::Digest, StoreError> {
        let (digest, copied) = content::copy(source, copy, bytes.saturating_add(1), progress)
            .map_err(error::io(format!("copy `{path}`")))?;
        if copied != bytes {
            return Err(StoreError::Changing { path: path.to_owned() });
        }
        own(copy.as_fd(), self.store.owner)
            .and_then(|()| rustix::fs::fchmod(&*copy, Mode::from_raw_mode(FILE_MODE)))
            .map_err(error::io(format!("store `{path}`")))?;
        Ok(digest)
    }

    fn check(&self, package: PackageDigest, listed: &[ListedFile]) -> Result<(), StoreError> {
        let different = |how| Err(StoreError::Mismatch { how });
        if listed.first().is_none_or(|manifest| manifest.digest != package.0) {
            return different("the manifest is another");
        }
        let mut examined: Vec<&ListedFile> = listed.iter().collect();
        let mut copied: Vec<&ListedFile> = self.files.iter().map(|staged| &staged.listed).collect();
        examined.sort_by(|one, other| one.path.cmp(&other.path));
        copied.sort_by(|one, other| one.path.cmp(&other.path));
        if examined == copied { Ok(()) } else { different("the files are others") }
    }

    fn write_list(&self, listed: &[ListedFile]) -> Result<String, StoreError> {
        let name = fresh_name();
        let bytes = index::encode(listed)?;
        let write = || -> std::io::Result<()> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut file =
                File::from(openat(&self.store.incoming, &name, flags, Mode::from_raw_mode(0o600))?);
            file.write_all(&bytes)?;
            own(file.as_fd(), self.store.owner)?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(FILE_MODE))?;
            Ok(())
        };
        write().map_err(error::io("write a package's list"))?;
        Ok(name)
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        for staged in &self.files {
            let _ = unlinkat(&self.store.incoming, &staged.name, AtFlags::empty());
        }
    }
}

/// A name that nothing in `incoming/` has: it was swept when the store was opened.
fn fresh_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}.part", NEXT.fetch_add(1, Ordering::Relaxed))
}
