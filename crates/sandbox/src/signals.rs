//! Signals as messages: read by one thread, never interrupting another.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    time::Instant,
};

use crate::{descriptor::readable, sys};

/// The signals that ask a supervisor to stop, and the one that tells of a broken lease.
#[derive(Debug)]
pub struct Signals(OwnedFd);

/// Which kind of signal arrived. The kernel merges equal ones that wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Arrival {
    /// Somebody waits to write to a leased file: see [`Leases`](crate::lease::Leases).
    Lease,
    /// The process is asked to stop: interrupted, terminated, or its terminal is gone.
    Stop,
}

impl Signals {
    /// From now on these signals wait to be read. Call it before the first thread is started.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn hold() -> io::Result<Self> {
        sys::signal::hold(&[libc::SIGIO, libc::SIGINT, libc::SIGTERM, libc::SIGHUP]).map(Self)
    }

    /// The next signal; `None` when the deadline passed first.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn next(&self, deadline: Instant) -> io::Result<Option<Arrival>> {
        let mut record = [0; RECORD_BYTES];
        loop {
            match rustix::io::read(&self.0, &mut record) {
                Ok(RECORD_BYTES) => {
                    let [a, b, c, d, ..] = record;
                    let lease = i32::from_ne_bytes([a, b, c, d]) == libc::SIGIO;
                    return Ok(Some(if lease { Arrival::Lease } else { Arrival::Stop }));
                }
                Ok(_) => return Err(io::Error::from(io::ErrorKind::InvalidData)),
                Err(rustix::io::Errno::AGAIN) => {
                    if !readable(self.0.as_fd(), deadline)? {
                        return Ok(None);
                    }
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Bytes of struct `signalfd_siginfo`; the signal's number is first.
const RECORD_BYTES: usize = 128;
