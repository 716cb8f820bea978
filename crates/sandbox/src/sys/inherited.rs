//! Descriptors that the process was started with.

use std::{
    io,
    os::fd::{BorrowedFd, FromRawFd, OwnedFd},
    sync::atomic::{AtomicU64, Ordering},
};

/// Numbers already adopted, one bit each.
static ADOPTED: AtomicU64 = AtomicU64::new(0);

/// Takes ownership of an inherited descriptor, once for each number.
pub(crate) fn adopt(number: u32) -> io::Result<OwnedFd> {
    if !(3..64).contains(&number) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let raw = number.cast_signed();
    // SAFETY: the number is not -1, and the borrow ends in this statement; when nothing is open there
    // the kernel answers EBADF.
    let flags = rustix::io::fcntl_getfd(unsafe { BorrowedFd::borrow_raw(raw) })?;
    if ADOPTED.fetch_or(1 << number, Ordering::SeqCst) & (1 << number) != 0 {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists));
    }
    // SAFETY: the descriptor is open, and the bit set above gives it to this one owner. The jail
    // places descriptors at these numbers for nobody else.
    let owned = unsafe { OwnedFd::from_raw_fd(raw) };
    rustix::io::fcntl_setfd(&owned, flags | rustix::io::FdFlags::CLOEXEC)?;
    Ok(owned)
}
