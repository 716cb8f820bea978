//! A package's directory as the operator has it: regular files alone, reached without following a link.

use std::{
    fs::File,
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use proto::{Code, code::Failure, link::inspector::FILES_MAX};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2, statat};

use crate::failure::host;

/// One file of a directory, open for reading.
#[derive(Debug)]
pub(crate) struct Source {
    /// Its path below the directory.
    pub(crate) path: String,
    pub(crate) file: File,
    pub(crate) bytes: u64,
    /// Whether every identity may read it.
    pub(crate) open_to_all: bool,
}

/// Every file of a directory, in the order of their paths.
pub(crate) fn list(directory: &str) -> Result<Vec<Source>, Failure> {
    let root = openat(CWD, Path::new(directory), FOLDER, Mode::empty())
        .map_err(host(format!("open the directory `{directory}`")))?;
    let mut listing = Listing { sources: Vec::new(), entries: 0, bytes: 0 };
    listing.walk(root.as_fd(), "", DEPTH_MAX)?;
    if listing.sources.is_empty() {
        return Err(Failure::new(Code::ManifestInvalid, format!("the directory `{directory}` is empty")));
    }
    listing.sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(listing.sources)
}

struct Listing {
    sources: Vec<Source>,
    entries: usize,
    bytes: u64,
}

impl Listing {
    fn walk(&mut self, at: BorrowedFd<'_>, above: &str, deeper: usize) -> Result<(), Failure> {
        let failed = |error: rustix::io::Errno| host(format!("read the directory `{above}`"))(error);
        for entry in Dir::read_from(at).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if [c".", c".."].contains(&name) {
                continue;
            }
            let path = match name.to_str() {
                Ok(name) if above.is_empty() => name.to_owned(),
                Ok(name) => format!("{above}/{name}"),
                Err(_) => {
                    let shown = name.to_string_lossy();
                    return Err(Failure::new(Code::PathInvalid, format!("path {shown:?} is no text")));
                }
            };
            if path.len() > PATH_BYTES_MAX {
                return Err(Failure::new(Code::PathInvalid, format!("path {path:?} is too long")));
            }
            self.entries += 1;
            let status =
                statat(at, name, AtFlags::SYMLINK_NOFOLLOW).map_err(host(format!("look at {path:?}")))?;
            match FileType::from_raw_mode(status.st_mode) {
                FileType::RegularFile => self.take(at, name, path)?,
                FileType::Directory if deeper > 0 => {
                    let below = openat2(at, name, FOLDER, Mode::empty(), BENEATH)
                        .map_err(host(format!("open {path:?}")))?;
                    self.walk(below.as_fd(), &path, deeper - 1)?;
                }
                FileType::Directory => return Err(too_large()),
                _ => return Err(not_regular(&path)),
            }
            if self.entries > ENTRIES_MAX || self.sources.len() > FILES_MAX || self.bytes > BYTES_MAX {
                return Err(too_large());
            }
        }
        Ok(())
    }

    fn take(&mut self, at: BorrowedFd<'_>, name: &std::ffi::CStr, path: String) -> Result<(), Failure> {
        let file = match openat2(at, name, FILE, Mode::empty(), BENEATH) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::LOOP) => return Err(not_regular(&path)),
            Err(error) => return Err(host(format!("open {path:?}"))(error)),
        };
        let status = fstat(&file).map_err(host(format!("look at {path:?}")))?;
        // Something else may have taken its place since it was looked at.
        if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
            return Err(not_regular(&path));
        }
        let bytes = status.st_size.cast_unsigned();
        self.bytes = self.bytes.saturating_add(bytes);
        self.sources.push(Source { path, file, bytes, open_to_all: status.st_mode & 0o004 != 0 });
        Ok(())
    }
}

fn not_regular(path: &str) -> Failure {
    Failure::new(Code::FileNotRegular, format!("{path:?} is a link, a device, a socket or a pipe"))
}

fn too_large() -> Failure {
    Failure::new(
        Code::PackageTooLarge,
        "package has more files, deeper directories or more bytes than are allowed",
    )
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A pipe that takes a file's place must not make the opening wait.
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

const BENEATH: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS);

/// Ceilings that keep the listing bounded; the inspector has its own, tighter ones.
const ENTRIES_MAX: usize = 2 * FILES_MAX;
const DEPTH_MAX: usize = 8;
const BYTES_MAX: u64 = 1 << 40;

/// A mount's target has at most 1024 bytes, `/package/` included.
const PATH_BYTES_MAX: usize = 1014;

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    fn code(make: impl Fn(&Path)) -> Result<Vec<String>, Code> {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path());
        match list(folder.path().to_str().unwrap()) {
            Ok(sources) => Ok(sources.into_iter().map(|source| source.path).collect()),
            Err(failure) => Err(failure.code),
        }
    }

    #[test]
    fn regular_files_are_listed_in_order_at_any_depth_that_is_allowed() {
        let found = code(|root| {
            fs::create_dir_all(root.join("b/c")).unwrap();
            for path in ["z", "b/c/file", "a"] {
                fs::write(root.join(path), path).unwrap();
            }
        });
        assert_eq!(found.unwrap(), ["a", "b/c/file", "z"]);
    }

    #[test]
    fn links_and_special_files_are_refused() {
        let link = |target: &'static str| move |root: &Path| symlink(target, root.join("link")).unwrap();
        assert_eq!(code(link("/etc/passwd")), Err(Code::FileNotRegular));
        assert_eq!(code(link("nowhere")), Err(Code::FileNotRegular));
        assert_eq!(code(link("/etc")), Err(Code::FileNotRegular));
        let pipe = |root: &Path| {
            let mode = Mode::from_raw_mode(0o644);
            rustix::fs::mknodat(CWD, root.join("pipe"), FileType::Fifo, mode, 0).unwrap();
        };
        assert_eq!(code(pipe), Err(Code::FileNotRegular));
        let socket = |root: &Path| {
            std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
        };
        assert_eq!(code(socket), Err(Code::FileNotRegular));
    }

    #[test]
    fn what_is_too_deep_or_not_there_is_refused() {
        assert_eq!(
            code(|root| fs::create_dir_all(root.join("d/".repeat(10))).unwrap()),
            Err(Code::PackageTooLarge)
        );
        assert_eq!(code(|_| ()), Err(Code::ManifestInvalid));
        assert_eq!(list("/nonexistent/package").unwrap_err().code, Code::HostIo);
    }
}
