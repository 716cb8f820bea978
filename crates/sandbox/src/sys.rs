//! System calls that no library offers in a safe form. The only module with `unsafe`.
#![expect(unsafe_code, reason = "these system calls have no safe form in the libraries we use")]

pub(crate) mod attempt;
pub(crate) mod child;
pub(crate) mod inherited;
pub(crate) mod landlock;
pub(crate) mod lease;
pub(crate) mod mount;
pub(crate) mod namespace;
pub(crate) mod process;
pub(crate) mod seccomp;
pub(crate) mod signal;
pub(crate) mod socket;
