//! Mount attributes by descriptor.

use std::{
    io, mem, ops,
    os::fd::{AsRawFd, BorrowedFd},
};

/// Rights taken from a mount, as in linux/mount.h.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Attributes(u64);

impl Attributes {
    pub(crate) const READ_ONLY: Self = Self(0x1);
    pub(crate) const NO_SETUID: Self = Self(0x2);
    pub(crate) const NO_DEVICES: Self = Self(0x4);
    pub(crate) const NO_EXECUTE: Self = Self(0x8);
    pub(crate) const NO_SYMLINKS: Self = Self(0x20_0000);
}

impl ops::BitOr for Attributes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl ops::BitOrAssign for Attributes {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// Takes rights from the mount behind a descriptor.
pub(crate) fn set_attributes(tree: BorrowedFd<'_>, attributes: Attributes) -> io::Result<()> {
    let change = libc::mount_attr { attr_set: attributes.0, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is an empty C string, the structure lives through the call and has the size that
    // is told; the kernel reads both and writes nothing.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const change,
            mem::size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
