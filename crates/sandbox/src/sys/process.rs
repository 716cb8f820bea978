//! What a process says of itself, by prctl.

use std::io;

fn prctl(option: i32, argument: libc::c_ulong) -> io::Result<i32> {
    let zero: libc::c_ulong = 0;
    // SAFETY: only options that take and give plain numbers are passed, by the functions below.
    let result = unsafe { libc::prctl(option, argument, zero, zero, zero) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Makes the process untraceable by its like, and its memory undumpable.
pub(crate) fn deny_dumps() -> io::Result<()> {
    prctl(libc::PR_SET_DUMPABLE, 0).map(drop)
}

/// Whether the process can be dumped.
pub(crate) fn dumpable() -> io::Result<bool> {
    prctl(libc::PR_GET_DUMPABLE, 0).map(|value| value != 0)
}

/// Whether the process can never gain rights by executing.
pub(crate) fn has_no_new_privileges() -> io::Result<bool> {
    prctl(libc::PR_GET_NO_NEW_PRIVS, 0).map(|value| value == 1)
}

/// Gives up gaining rights by executing, for good.
pub(crate) fn set_no_new_privileges() -> io::Result<()> {
    prctl(libc::PR_SET_NO_NEW_PRIVS, 1).map(drop)
}

/// Whether system calls are filtered.
pub(crate) fn is_filtered() -> io::Result<bool> {
    prctl(libc::PR_GET_SECCOMP, 0).map(|value| value == 2)
}

/// Whether the kernel refuses memory that was writable to become executable.
pub(crate) fn denies_executable_gain() -> io::Result<bool> {
    const PR_GET_MDWE: i32 = 66;
    prctl(PR_GET_MDWE, 0).map(|value| value & 1 == 1)
}

/// The signal sent when the parent dies; 0 when none is.
pub(crate) fn parent_death_signal() -> io::Result<i32> {
    let mut signal: libc::c_int = 0;
    let zero: libc::c_ulong = 0;
    // SAFETY: the kernel writes one int to the address, and it lives through the call.
    let result = unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal, zero, zero, zero) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(signal) }
}

/// Has all threads allocate from one heap, that of the main thread.
pub(crate) fn share_one_heap() {
    // SAFETY: mallopt takes two integers and changes the allocator's own settings, under its lock.
    // It refuses only settings that it does not know.
    let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}
