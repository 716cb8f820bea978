//! Putting a system-call filter on the calling process.

use std::io;

use crate::filter::Instruction;

/// Adds a filter to every thread of the process, for good. What it refuses is logged.
pub(crate) fn add_filter(program: &[Instruction]) -> io::Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    let filter =
        libc::sock_fprog { len: length, filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut() };
    // SAFETY: `Instruction` is laid out as `sock_filter` is, the pointer and length are of one live slice,
    // and the kernel copies it without writing.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_LOG | libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const filter,
        )
    };
    match result {
        0 => Ok(()),
        -1 => Err(io::Error::last_os_error()),
        // A thread that could not take the filter is named; the process must not go on half confined.
        _ => Err(io::Error::from(io::ErrorKind::ResourceBusy)),
    }
}
