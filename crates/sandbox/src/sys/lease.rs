//! Leases on open files.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

/// Asks that the process be told before somebody else opens the file for writing or shortens it.
pub(crate) fn take(file: BorrowedFd<'_>) -> io::Result<()> {
    // By itself the kernel would tell the calling thread, and only while that is the process's first.
    let process = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: the command takes a plain number, and the descriptor is borrowed through the call.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETOWN, process) } == -1 {
        return Err(io::Error::last_os_error());
    }
    set(file, libc::F_RDLCK)
}

/// Gives the lease up: who waits to write may go on.
pub(crate) fn release(file: BorrowedFd<'_>) -> io::Result<()> {
    set(file, libc::F_UNLCK)
}

/// Whether the lease is held and nobody waits for its end.
pub(crate) fn is_intact(file: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: the command takes no argument, and the descriptor is borrowed through the call.
    let kind = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLEASE) };
    if kind == -1 { Err(io::Error::last_os_error()) } else { Ok(kind == libc::F_RDLCK) }
}

fn set(file: BorrowedFd<'_>, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: the command takes a plain number, and the descriptor is borrowed through the call.
    let result = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
