//! Signals that are read from a descriptor instead of interrupting a thread.

use std::{
    io, mem,
    os::fd::{FromRawFd, OwnedFd},
    ptr,
};

/// Blocks signals in the calling thread, and in those it starts from now on, and gives a descriptor
/// from which they are read.
pub(crate) fn hold(signals: &[libc::c_int]) -> io::Result<OwnedFd> {
    // SAFETY: all-zero is a valid set, which is then filled; every pointer is to a live local, and the
    // signals' numbers are the caller's constants.
    unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        match libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) {
            0 => {}
            error => return Err(io::Error::from_raw_os_error(error)),
        }
        match libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(OwnedFd::from_raw_fd(descriptor)),
        }
    }
}
