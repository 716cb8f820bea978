//! Attempts at what a jail forbids. Each is harmless where it is not forbidden.

use std::{ffi::CStr, io, ptr};

/// The answer of a raw call.
fn answer(result: libc::c_long) -> io::Result<libc::c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Opens a file for reading, and closes it.
pub(crate) fn open(path: &CStr) -> io::Result<()> {
    // SAFETY: the path is a C string that lives through the call.
    close(answer(unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), libc::O_RDONLY) })?);
    Ok(())
}

/// Creates a file, and removes it.
pub(crate) fn create(path: &CStr) -> io::Result<()> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL;
    // SAFETY: the path is a C string that lives through both calls.
    unsafe {
        close(answer(libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path.as_ptr(), flags, 0o600))?);
        libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, path.as_ptr(), 0);
    }
    Ok(())
}

/// Makes a socket of a family, and closes it.
pub(crate) fn socket(family: i32, kind: i32) -> io::Result<()> {
    // SAFETY: the call takes plain numbers.
    close(answer(unsafe { libc::syscall(libc::SYS_socket, family, kind | libc::SOCK_CLOEXEC, 0) })?);
    Ok(())
}

/// Starts a process that ends at once, and reaps it.
pub(crate) fn fork() -> io::Result<()> {
    // SAFETY: like fork(2): the child shares no memory, and ends without running any of our code.
    unsafe {
        let child = answer(libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0))?;
        if child == 0 {
            libc::syscall(libc::SYS_exit_group, 0);
        }
        libc::syscall(libc::SYS_wait4, child, ptr::null_mut::<i32>(), 0, ptr::null_mut::<libc::c_void>());
    }
    Ok(())
}

/// Enters a new user namespace. Only ever succeeds where a test took the filter away.
pub(crate) fn unshare() -> io::Result<()> {
    // SAFETY: the call takes a plain number and touches no memory or descriptor of ours.
    answer(unsafe { libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER) }).map(drop)
}

/// Remounts the root with what it has: changes nothing where it is allowed.
pub(crate) fn mount() -> io::Result<()> {
    // SAFETY: every pointer is a C string or null, as mount(2) allows for a change of propagation.
    answer(unsafe {
        libc::syscall(
            libc::SYS_mount,
            c"none".as_ptr(),
            c"/".as_ptr(),
            ptr::null::<libc::c_char>(),
            libc::MS_PRIVATE,
            ptr::null::<libc::c_void>(),
        )
    })
    .map(drop)
}

/// Asks to trace a process that isn't there: without a filter the kernel says so.
pub(crate) fn trace() -> io::Result<()> {
    const NOBODY: i32 = i32::MAX;
    // SAFETY: the request takes plain numbers, and no process has this id.
    answer(unsafe { libc::syscall(libc::SYS_ptrace, libc::PTRACE_SEIZE, NOBODY, 0, 0) }).map(drop)
}

/// Asks for a call that no kernel has. What the filter refuses of it marks a place in the kernel's log.
pub(crate) fn nothing() {
    // SAFETY: the call takes nothing and does nothing.
    unsafe { libc::syscall(libc::SYS_vserver) };
}

/// Maps memory that is writable and executable, and unmaps it.
pub(crate) fn map_writable_executable() -> io::Result<()> {
    let page = map(libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC)?;
    unmap(page);
    Ok(())
}

/// Makes memory executable that was writable, and unmaps it.
pub(crate) fn turn_executable() -> io::Result<()> {
    let page = map(libc::PROT_READ | libc::PROT_WRITE)?;
    // SAFETY: the page is ours alone and nothing points into it.
    let result = unsafe { libc::mprotect(page, PAGE_BYTES, libc::PROT_READ | libc::PROT_EXEC) };
    let outcome = answer(result.into()).map(drop);
    unmap(page);
    outcome
}

/// Which of the numbers below `count` are open descriptors, asked in one call.
pub(crate) fn open_descriptors(count: u32) -> io::Result<Vec<u32>> {
    let mut asked: Vec<libc::pollfd> =
        (0..count).map(|number| libc::pollfd { fd: number.cast_signed(), events: 0, revents: 0 }).collect();
    // SAFETY: the pointer and length are of one live vector, which the kernel fills in place; a timeout
    // of zero does not wait.
    let result = unsafe { libc::syscall(libc::SYS_poll, asked.as_mut_ptr(), asked.len(), 0) };
    answer(result)?;
    Ok(asked
        .iter()
        .filter(|one| one.revents & libc::POLLNVAL == 0)
        .map(|one| one.fd.cast_unsigned())
        .collect())
}

fn map(protection: i32) -> io::Result<*mut libc::c_void> {
    // SAFETY: a private anonymous mapping at an address that the kernel picks touches nothing of ours.
    let page = unsafe {
        libc::mmap(ptr::null_mut(), PAGE_BYTES, protection, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
    };
    if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(page) }
}

fn unmap(page: *mut libc::c_void) {
    // SAFETY: the page was mapped by `map` above, and nothing points into it.
    unsafe { libc::munmap(page, PAGE_BYTES) };
}

fn close(descriptor: libc::c_long) {
    // SAFETY: the descriptor was opened by the caller just before and given to nobody.
    unsafe { libc::syscall(libc::SYS_close, descriptor) };
}

const PAGE_BYTES: usize = 4096;
