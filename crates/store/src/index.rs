//! Which files a package has, and whether it may be loaded.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::BorrowedFd,
};

use proto::{
    Code, Digest, PackageDigest,
    link::inspector::{FILES_MAX, ListedFile},
};
use rustix::fs::{Mode, OFlags, openat};

use crate::{error, error::StoreError};

/// Every package that has a list, in the order of their digests.
pub(crate) fn list(packages: BorrowedFd<'_>) -> Result<Vec<PackageDigest>, StoreError> {
    let names = crate::names(packages).map_err(error::io("read `store/packages`"))?;
    let mut packages: Vec<_> =
        names.iter().filter_map(|name| Digest::parse_hex(name).ok().map(PackageDigest)).collect();
    packages.sort_unstable();
    Ok(packages)
}

/// Reads a package's list; `None` when there is none.
pub(crate) fn read(
    packages: BorrowedFd<'_>,
    package: PackageDigest,
) -> Result<Option<Vec<ListedFile>>, StoreError> {
    let Some(bytes) =
        read_small(packages, &package.0.hex(), LIST_BYTES_MAX).map_err(error::io("read a package's list"))?
    else {
        return Ok(None);
    };
    let tampered = |how: &str| StoreError::Tampered { what: "list of files".to_owned(), how: how.to_owned() };
    let Ok((list, [])) = postcard::take_from_bytes::<Vec<ListedFile>>(&bytes) else {
        return Err(tampered("it can't be read"));
    };
    if list.len() > FILES_MAX || list.first().is_none_or(|manifest| manifest.digest != package.0) {
        return Err(tampered("it is another package's"));
    }
    Ok(Some(list))
}

/// Encodes a package's list.
pub(crate) fn encode(list: &[ListedFile]) -> Result<Vec<u8>, StoreError> {
    let bytes = postcard::to_stdvec(list)
        .map_err(|error| error::io("encode a package's list")(io::Error::other(error)))?;
    if bytes.len() as u64 > LIST_BYTES_MAX {
        return Err(StoreError::Mismatch { how: "the list of files is too long" });
    }
    Ok(bytes)
}

/// Why a package is in quarantine, if it is. A mark that can't be read is one.
pub(crate) fn quarantined(packages: BorrowedFd<'_>, package: PackageDigest) -> Option<Code> {
    match read_small(packages, &mark(package), MARK_BYTES_MAX) {
        Ok(None) => None,
        Ok(Some(text)) => Some(
            Code::ALL
                .iter()
                .copied()
                .find(|code| code.as_str().as_bytes() == text)
                .unwrap_or(Code::StoreTampered),
        ),
        Err(_) => Some(Code::StoreTampered),
    }
}

/// Puts a package into quarantine.
pub(crate) fn quarantine(
    packages: BorrowedFd<'_>,
    package: PackageDigest,
    code: Code,
) -> Result<(), StoreError> {
    let write = || -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(packages, mark(package), flags, Mode::from_raw_mode(0o644))?);
        file.write_all(code.as_str().as_bytes())?;
        file.sync_all()?;
        Ok(rustix::fs::fsync(packages)?)
    };
    write().map_err(error::io("put a package into quarantine"))
}

/// The name of a package's mark.
pub(crate) fn mark(package: PackageDigest) -> String {
    format!("{}.quarantined", package.0.hex())
}

fn read_small(folder: BorrowedFd<'_>, name: &str, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match openat(folder, name, crate::FILE, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    Ok(Some(bytes))
}

/// Most bytes of a package's list: every path at its longest.
const LIST_BYTES_MAX: u64 = FILES_MAX as u64 * 1100;

/// Most bytes of a mark.
const MARK_BYTES_MAX: u64 = 64;
