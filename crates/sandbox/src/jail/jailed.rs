//! A process in its jail, as its supervisor holds it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rustix::process::{Signal, WaitId, WaitIdOptions, WaitIdStatus, pidfd_send_signal, waitid};

use super::{
    cgroup::Group,
    exit::{Cause, Exit},
    fault::{JailError, preparing},
    outside::Expected,
};
use crate::{
    confine::report::{self, Report},
    control::{ControlReport, merge},
    descriptor::readable,
    sys::child::Child,
};

/// A process in its jail. Dropping it kills the process, reaps it, and removes its control groups.
#[derive(Debug)]
pub struct Jailed {
    process: i32,
    descriptor: OwnedFd,
    log: Option<OwnedFd>,
    report: Option<OwnedFd>,
    expected: Expected,
    exit: Option<Exit>,
    killed: AtomicBool,
    // Last, so that it is removed after the process is reaped.
    group: Group,
}

impl Jailed {
    pub(super) fn new(child: Child, log: OwnedFd, report: OwnedFd, group: Group, expected: Expected) -> Self {
        Self {
            process: child.process,
            descriptor: child.descriptor,
            log: Some(log),
            report: Some(report),
            expected,
            exit: None,
            killed: AtomicBool::new(false),
            group,
        }
    }

    /// The process's id, in the supervisor's pid namespace.
    pub fn pid(&self) -> i32 {
        self.process
    }

    /// The process's descriptor: it can be polled for the end, and can't be mistaken for another's.
    pub fn pidfd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }

    /// The reading end of what the process writes to its standard output and error. Untrusted bytes.
    pub fn log(&self) -> Option<BorrowedFd<'_>> {
        self.log.as_ref().map(AsFd::as_fd)
    }

    /// Takes the reading end of the log. Whoever takes it must go on reading: a process that fills the
    /// pipe waits.
    pub fn take_log(&mut self) -> Option<OwnedFd> {
        self.log.take()
    }

    /// Reads what the process found from inside, looks from outside, and merges both: the worst of each
    /// control. It can be asked once.
    ///
    /// # Errors
    /// [`JailError::Deadline`] when the process does not report in time, [`JailError::Report`] when its
    /// report isn't well formed or is another process's.
    pub fn report(&mut self, deadline: Instant) -> Result<Vec<ControlReport>, JailError> {
        let pipe = self.report.take().ok_or(JailError::Report)?;
        let bytes = read_all(pipe.as_fd(), deadline)?;
        let report: Report = report::decode(&bytes).ok_or(JailError::Report)?;
        let mut findings = self.expected.compare(&report).ok_or(JailError::Report)?;
        findings.extend(self.expected.observe(self.process));
        findings.extend(report.controls);
        Ok(merge(&findings))
    }

    /// Kills the process and everything in its pid namespace.
    ///
    /// # Errors
    /// The kernel's own; a process that has ended is not one.
    pub fn kill(&self) -> io::Result<()> {
        self.killed.store(true, Ordering::Relaxed);
        match pidfd_send_signal(&self.descriptor, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the end, and reaps the process; `None` when the deadline passed first.
    ///
    /// # Errors
    /// The kernel's own.
    pub fn wait(&mut self, deadline: Instant) -> io::Result<Option<Exit>> {
        if self.exit.is_none() && readable(self.descriptor.as_fd(), deadline)? {
            let status = loop {
                match waitid(WaitId::PidFd(self.descriptor.as_fd()), WaitIdOptions::EXITED) {
                    Err(rustix::io::Errno::INTR) => {}
                    other => break other?,
                }
            };
            self.exit = status.map(|status| Exit { cause: self.cause(&status) });
        }
        Ok(self.exit)
    }

    fn cause(&self, status: &WaitIdStatus) -> Cause {
        match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => Cause::Exited(code),
            (None, Some(libc::SIGSYS)) => Cause::Seccomp,
            (None, Some(libc::SIGKILL)) if self.group.ran_out_of_memory() => Cause::OutOfMemory,
            (None, Some(libc::SIGKILL)) if self.killed.load(Ordering::Relaxed) => Cause::Killed,
            (None, signal) => Cause::Signaled(signal.unwrap_or(0)),
        }
    }
}

impl Drop for Jailed {
    fn drop(&mut self) {
        if self.exit.is_none() {
            let _ = self.kill();
            let _ = self.wait(Instant::now() + REAPED_WITHIN);
        }
    }
}

/// Reads a pipe to its end, bounded in bytes and time.
fn read_all(pipe: BorrowedFd<'_>, deadline: Instant) -> Result<Vec<u8>, JailError> {
    let mut bytes = vec![0; report::BYTES_MAX];
    let mut filled = 0;
    loop {
        let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) else {
            return Err(JailError::Report);
        };
        if !readable(pipe, deadline).map_err(preparing("wait for the process's report"))? {
            return Err(JailError::Deadline { step: "report" });
        }
        match rustix::io::read(pipe, rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(preparing("read the process's report")(error)),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// How long the kernel may take to end a killed process.
const REAPED_WITHIN: Duration = Duration::from_secs(10);
