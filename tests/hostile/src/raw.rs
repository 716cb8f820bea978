//! System calls as an attacker makes them: by number, with any arguments.
//!
//! The only module outside of `sandbox::sys` with `unsafe`: code that has taken over an engine does
//! not use safe wrappers.
#![expect(unsafe_code, reason = "an attacker calls the kernel directly")]

use std::{ffi::CStr, io};

/// Makes a system call and gives its result, or the error that the kernel answered.
///
/// The callers pass integers and pointers to buffers that outlive the call.
pub(crate) fn call(number: libc::c_long, arguments: [usize; 6]) -> Result<usize, i32> {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: the arguments are integers, or addresses of live buffers of the length that the call
    // is told; a call that the sandbox lets through and that harms this process only is the attack.
    let result = unsafe { libc::syscall(number, first, second, third, fourth, fifth, sixth) };
    usize::try_from(result).map_err(|_| io::Error::last_os_error().raw_os_error().unwrap_or(0))
}

/// A constant of the C library as a raw argument. The kernel looks at the lower half of such ones.
pub(crate) fn number(constant: i32) -> usize {
    constant.cast_unsigned() as usize
}

/// The address of a text.
pub(crate) fn text(text: &'static CStr) -> usize {
    text.as_ptr() as usize
}

/// Writes to the start of a mapping of the caller's own.
pub(crate) fn touch(address: usize) {
    // SAFETY: the caller mapped at least a page there, writable, and nobody else knows of it.
    unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(1) };
}

/// Asks for the process id through the 32-bit entry, where call numbers mean other calls.
pub(crate) fn getpid_by_int80() -> i64 {
    const GETPID_32_BIT: i64 = 20;
    let result: i64;
    // SAFETY: `int 0x80` clobbers no more than rax and r8 to r11, which are named.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("rax") GETPID_32_BIT => result,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    result
}
