//! What stands in a directory, whatever it is: nothing is followed and nothing refused, so that the
//! report can name it.

use std::{
    fs::File,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use proto::{
    Code,
    code::Failure,
    link::inspector::HANDED_MAX,
    link::scan::{ENTRIES_MAX, Entry, EntryKind, PATHS_BYTES_MAX},
};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, statat,
};

use crate::failure::host;

/// A directory's entries, or one file.
#[derive(Debug)]
pub(super) struct Listing {
    root: OwnedFd,
    items: Vec<Item>,
    /// The entry is the root itself.
    single: bool,
}

#[derive(Debug)]
struct Item {
    entry: Entry,
    device: u64,
    inode: u64,
}

/// Lists the directory at `path`, or the file. Only there a link is followed: the operator named it.
pub(super) fn list(path: &str) -> Result<Listing, Failure> {
    let flags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
    let root = openat(CWD, Path::new(path), flags, Mode::empty()).map_err(host(format!("open `{path}`")))?;
    let status = fstat(&root).map_err(host(format!("look at `{path}`")))?;
    let single = match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => false,
        FileType::RegularFile => true,
        _ => {
            return Err(Failure::new(
                Code::FileNotRegular,
                format!("`{path}` is a device, a socket or a pipe"),
            ));
        }
    };
    let mut listing = Listing { root, items: Vec::new(), single };
    if single {
        let name = Path::new(path)
            .file_name()
            .map_or_else(|| path.into(), |name| name.to_string_lossy().into_owned());
        listing.items.push(Item::new(name, kind(&status), &status));
        return Ok(listing);
    }
    let mut walk = Walk { items: Vec::new(), entries: 0, path_bytes: 0 };
    walk.directory(listing.root.as_fd(), "", DEPTH_MAX)?;
    listing.items = walk.items;
    listing.items.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
    Ok(listing)
}

impl Listing {
    /// What there is, in the order of the paths.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.items.iter().map(|item| item.entry.clone()).collect()
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.items.iter().fold(0, |sum, item| sum.saturating_add(item.bytes()))
    }

    /// Opens a file and some after it, each if it still is the one that was listed.
    pub(super) fn open(&self, entry: u32) -> Vec<Option<File>> {
        let first = usize::try_from(entry).unwrap_or(usize::MAX);
        (first..first.saturating_add(HANDED_MAX))
            .take_while(|place| *place == first || *place < self.items.len())
            .map(|place| self.open_one(place))
            .collect()
    }

    fn open_one(&self, place: usize) -> Option<File> {
        let item = self.items.get(place)?;
        if !matches!(item.entry.kind, EntryKind::File { .. }) {
            return None;
        }
        let file = if self.single {
            self.root.try_clone().ok()?
        } else {
            openat2(&self.root, &item.entry.path, FILE, Mode::empty(), BENEATH).ok()?
        };
        let status = fstat(&file).ok()?;
        let same = (status.st_dev, status.st_ino) == (item.device, item.inode);
        (same && status.st_size.cast_unsigned() == item.bytes()).then(|| File::from(file))
    }
}

impl Item {
    fn new(path: String, kind: EntryKind, status: &Stat) -> Self {
        Self { entry: Entry { path, kind }, device: status.st_dev, inode: status.st_ino }
    }

    const fn bytes(&self) -> u64 {
        match self.entry.kind {
            EntryKind::File { bytes } => bytes,
            _ => 0,
        }
    }
}

struct Walk {
    items: Vec<Item>,
    entries: usize,
    path_bytes: usize,
}

impl Walk {
    fn directory(&mut self, at: BorrowedFd<'_>, above: &str, deeper: usize) -> Result<(), Failure> {
        let failed = |error: rustix::io::Errno| host(format!("read the directory `{above}`"))(error);
        for entry in Dir::read_from(at).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            let shown = name.to_string_lossy();
            let path = if above.is_empty() { shown.into_owned() } else { format!("{above}/{shown}") };
            self.entries = self.entries.saturating_add(1);
            self.path_bytes = self.path_bytes.saturating_add(path.len());
            if self.entries > ENTRIES_MAX || self.path_bytes > PATHS_BYTES_MAX || deeper == 0 {
                return Err(too_large());
            }
            let status =
                statat(at, name, AtFlags::SYMLINK_NOFOLLOW).map_err(host(format!("look at {path:?}")))?;
            let is_directory = FileType::from_raw_mode(status.st_mode) == FileType::Directory;
            if name.to_str().is_err() {
                self.items.push(Item::new(path, EntryKind::Unnamed, &status));
            } else if is_directory {
                let below = openat2(at, name, FOLDER, Mode::empty(), BENEATH)
                    .map_err(host(format!("open {path:?}")))?;
                self.directory(below.as_fd(), &path, deeper.saturating_sub(1))?;
            } else {
                self.items.push(Item::new(path, kind(&status), &status));
            }
        }
        Ok(())
    }
}

fn kind(status: &Stat) -> EntryKind {
    match FileType::from_raw_mode(status.st_mode) {
        FileType::RegularFile => EntryKind::File { bytes: status.st_size.cast_unsigned() },
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Special,
    }
}

fn too_large() -> Failure {
    let message = "there are more files, deeper directories or longer paths than a scan takes";
    Failure::new(Code::PackageTooLarge, message)
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A pipe that takes a file's place must not make the opening wait.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

/// Most directories within one another.
const DEPTH_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::ffi::OsStrExt as _, os::unix::fs::symlink};

    #[test]
    fn everything_is_listed_and_nothing_followed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir(root.join("below")).unwrap();
        fs::write(root.join("below/.hidden"), "four").unwrap();
        symlink("/etc", root.join("link")).unwrap();
        fs::write(root.join(std::ffi::OsStr::from_bytes(b"no\xfftext")), "").unwrap();
        rustix::fs::mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
        let listing = list(root.to_str().unwrap()).unwrap();
        let found: Vec<_> = listing.entries().into_iter().map(|entry| (entry.path, entry.kind)).collect();
        assert_eq!(
            found,
            [
                ("below/.hidden".to_owned(), EntryKind::File { bytes: 4 }),
                ("link".to_owned(), EntryKind::Link),
                ("no\u{fffd}text".to_owned(), EntryKind::Unnamed),
                ("pipe".to_owned(), EntryKind::Special),
            ]
        );
        let opened = |entry| listing.open(entry).iter().map(Option::is_some).collect::<Vec<_>>();
        assert_eq!(opened(0), [true, false, false, false]);
        assert_eq!(opened(3), [false]);
        assert_eq!(opened(9), [false]);
    }

    #[test]
    fn a_file_that_is_another_one_by_now_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "one").unwrap();
        let listing = list(folder.path().to_str().unwrap()).unwrap();
        let single = list(path.to_str().unwrap()).unwrap();
        fs::rename(&path, folder.path().join("old")).unwrap();
        fs::write(&path, "two").unwrap();
        assert!(matches!(listing.open(0).as_slice(), [None, ..]));
        // Of a single file the descriptor is held since.
        assert!(matches!(single.open(0).as_slice(), [Some(_)]));
        fs::remove_file(&path).unwrap();
        symlink("old", &path).unwrap();
        assert!(matches!(listing.open(0).as_slice(), [None, ..]));
    }
}
