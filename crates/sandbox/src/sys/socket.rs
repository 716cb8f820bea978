//! What a socket says of itself.

use std::{
    io, mem,
    os::fd::{AsRawFd, BorrowedFd},
};

/// How many messages the kernel dropped because they were not read in time. The count wraps.
pub(crate) fn dropped(socket: BorrowedFd<'_>) -> io::Result<u32> {
    // SK_MEMINFO_VARS numbers, the drops last.
    let mut numbers = [0_u32; 9];
    let mut length = libc::socklen_t::try_from(mem::size_of_val(&numbers))
        .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    // SAFETY: the kernel writes at most `length` bytes to the array, and the length to its live place.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            numbers.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let [.., drops] = numbers;
    if result == 0 { Ok(drops) } else { Err(io::Error::last_os_error()) }
}
