//! Which Landlock the kernel has.

/// The kernel's version of Landlock; 0 when it has none or it is off.
pub(crate) fn version() -> u32 {
    const VERSION_FLAG: u32 = 1;
    // SAFETY: with this flag the kernel takes a null pointer and size 0, and only answers a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            VERSION_FLAG,
        )
    };
    u32::try_from(version).unwrap_or(0)
}
