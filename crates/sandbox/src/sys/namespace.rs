//! Leaving namespaces.

use std::io;

use rustix::thread::UnshareFlags;

/// Moves the calling process into new namespaces. Not the descriptor table: that is refused.
pub(crate) fn unshare(flags: UnshareFlags) -> io::Result<()> {
    if flags.contains(UnshareFlags::FILES) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: the call is unsound only when it unshares the descriptor table, which is refused above.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(io::Error::from)
}
