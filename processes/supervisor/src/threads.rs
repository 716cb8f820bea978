//! Threads that wait, so that the one that decides never does.

use std::thread;

use proto::code::Failure;

use crate::failure::host;

/// Starts a thread. Its stack is small: it only waits and copies.
pub(crate) fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    thread::Builder::new()
        .name(name.chars().take(15).collect())
        .stack_size(STACK_BYTES)
        .spawn(work)
        .map(drop)
        .map_err(host("start a thread"))
}

const STACK_BYTES: usize = 256 * 1024;
