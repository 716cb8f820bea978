//! What a process does first in its jail: try it from inside, report, and give up the rest.

mod probe;
pub(crate) mod report;

use std::{io, os::fd::OwnedFd};

use rustix::fs::{FileType, OFlags};

use crate::{
    control::Control,
    descriptor,
    filter::{self, Profile},
    sys,
};

/// Where the report goes.
const REPORT_AT: u32 = 3;

/// Proof that the calling process has given up its rights for good.
///
/// Only [`enter`] makes one. Functions that read untrusted bytes ask for it.
#[derive(Debug)]
pub struct Confined(());

/// Tries every control from inside, reports to the supervisor, and gives up executing programs. Call it
/// first, while the process has one thread.
///
/// # Errors
/// [`ConfineError::NotInJail`] outside a jail; otherwise what failed. The process must end then.
pub fn enter(process: &str) -> Result<Confined, ConfineError> {
    let pipe = report_pipe().map_err(ConfineError::NotInJail)?;
    sys::process::deny_dumps().map_err(ConfineError::Dumps)?;
    let descriptors = probe::descriptors();
    let controls = probe::all(process);
    if cfg!(not(feature = "ablation")) && !probe::inside(&controls) {
        return Err(ConfineError::NotInJail(io::Error::from(io::ErrorKind::PermissionDenied)));
    }
    // From here on, what the process is denied is not the probe's doing: `observe::PROBE_END`.
    sys::attempt::nothing();
    let report = report::Report { process: process.to_owned(), descriptors, controls };
    let bytes = report::encode(&report).ok_or(ConfineError::TooLarge)?;
    rustix::io::write(&pipe, &bytes).map_err(|error| ConfineError::Report(error.into()))?;
    drop(pipe);
    if cfg!(feature = "ablation") && !sys::process::is_filtered().unwrap_or(true) {
        // A test took the filter away: this one would stand in for it.
        return Ok(Confined(()));
    }
    let _ = sys::process::set_no_new_privileges();
    sys::seccomp::add_filter(&filter::assemble(&filter::AFTER_START)).map_err(ConfineError::Filter)?;
    Ok(Confined(()))
}

/// Adds a tighter filter to every thread of the process. What it leaves out kills.
///
/// # Errors
/// [`ConfineError::Filter`] when the kernel refuses; the process must end then.
pub fn tighten(_confined: &Confined, profile: &Profile) -> Result<(), ConfineError> {
    sys::seccomp::add_filter(&filter::assemble(profile)).map_err(ConfineError::Filter)
}

/// Has all threads of the process allocate from one heap. With a heap each, the C library asks a file
/// in `/proc` how to give memory back: a process whose filter opens no file would be refused, and that
/// looks like an attack. It also keeps less memory. Call it before the first thread is started.
pub fn share_one_heap(_confined: &Confined) {
    sys::process::share_one_heap();
}

/// A proof of nothing, to measure what the jail costs by running outside it.
#[cfg(feature = "ablation")]
#[doc(hidden)]
#[must_use]
pub fn unconfined_for_measurement() -> Confined {
    Confined(())
}

/// The report pipe: only a jail puts the writing end of a pipe there.
fn report_pipe() -> io::Result<OwnedFd> {
    let pipe = descriptor::adopt(REPORT_AT)?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&pipe)?.st_mode);
    let access = rustix::fs::fcntl_getfl(&pipe)? & OFlags::RWMODE;
    if kind == FileType::Fifo && access == OFlags::WRONLY {
        Ok(pipe)
    } else {
        Err(io::Error::from(io::ErrorKind::InvalidInput))
    }
}

/// Why a process could not be confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// The process was not started by the supervisor, in a jail.
    #[error("this program runs only in a jail, started by `stockade`")]
    NotInJail(#[source] io::Error),
    /// The process could not turn its dumps off.
    #[error("failed to turn memory dumps off")]
    Dumps(#[source] io::Error),
    /// The report is over its ceiling.
    #[error("the report is too large")]
    TooLarge,
    /// The supervisor does not take the report.
    #[error("failed to report to the supervisor")]
    Report(#[source] io::Error),
    /// The filter was refused.
    #[error("failed to add a system-call filter")]
    Filter(#[source] io::Error),
}

impl Control {
    /// Enforced when `held`, otherwise absent for a reason.
    pub(crate) fn held(held: bool, why: impl FnOnce() -> String) -> Self {
        if held { Self::Enforced } else { Self::Absent { why: why() } }
    }
}
