//! A process in its jail, and our end of its control link.

use std::{
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use proto::{
    Blame, WorkerId,
    event::{AttemptDenied, Event as Record, ProcessEnded},
    posture::ControlStatus,
};
use sandbox::jail::{Cause, Jailed};

use crate::{ground::Ground, roster::Member, topology::Process};

/// One start of one process, unique within one run of the supervisor.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct CellId(pub(crate) u64);

/// A process in its jail.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) id: CellId,
    pub(crate) process: &'static Process,
    /// Which start of a worker it is, or serves.
    pub(crate) worker: Option<WorkerId>,
    pub(crate) jailed: Jailed,
    pub(crate) control: UnixStream,
    /// What was found of each control.
    pub(crate) controls: Vec<ControlStatus>,
}

/// Why we wait for a process's end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reason {
    /// It ended by itself.
    Own,
    /// It did its work and is to end by itself.
    Finished,
    /// We end it, for a reason that is not its wall-clock ceiling.
    Ordered,
    /// It passed its wall-clock ceiling.
    TooLate,
}

/// How a process ended, as it is told and recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ending {
    pub(crate) cause: &'static str,
    pub(crate) status: i32,
    pub(crate) blame: Option<Blame>,
}

impl Cell {
    /// Waits for the process's end, ends it where that is asked for or it does not come, and records
    /// how it ended.
    pub(crate) fn end(mut self, ground: &Ground, reason: Reason) -> Ending {
        if matches!(reason, Reason::Ordered | Reason::TooLate) {
            let _ = self.jailed.kill();
        }
        let mut exit = self.jailed.wait(Instant::now() + ENDS_WITHIN).ok().flatten();
        if exit.is_none() {
            let _ = self.jailed.kill();
            exit = self.jailed.wait(Instant::now() + ENDS_WITHIN).ok().flatten();
        }
        ground.roster.end(self.id);
        let cause = exit.map_or(Cause::Killed, |exit| exit.cause);
        let ending = Ending::of(cause, reason, self.is_untrusted());
        let member = Member { process: self.process.name, worker: self.worker };
        if let Some(denied) = denied(ground, member, cause) {
            ground.recorder.note(Record::AttemptDenied(denied));
        }
        ground.recorder.note(Record::ProcessEnded(ProcessEnded {
            process: self.process.name.to_owned(),
            worker: self.worker,
            cause: ending.cause.to_owned(),
            status: ending.status,
            blame: ending.blame,
        }));
        ending
    }

    /// Whether it reads what a publisher wrote.
    fn is_untrusted(&self) -> bool {
        matches!(self.process.name, "worker" | "inspector")
    }
}

impl Ending {
    fn of(cause: Cause, reason: Reason, untrusted: bool) -> Self {
        let fault = Some(if untrusted { Blame::Package } else { Blame::Host });
        let (told, status, blame) = match cause {
            Cause::Killed if reason == Reason::TooLate => ("wall_clock", KILL, fault),
            Cause::Killed => ("stopped", KILL, None),
            Cause::Exited(0) if reason != Reason::Own => ("exited", 0, None),
            Cause::Exited(_) | Cause::Signaled(_) if reason == Reason::Ordered => ("stopped", KILL, None),
            Cause::Exited(status) => ("exited", status, fault),
            Cause::Signaled(signal) => ("signaled", signal, fault),
            Cause::Seccomp => ("seccomp", BAD_CALL, fault),
            Cause::OutOfMemory => ("out_of_memory", KILL, fault),
        };
        Self { cause: told, status, blame }
    }

    /// The ending in words.
    pub(crate) fn shown(&self) -> String {
        format!("{} ({})", self.cause, self.status)
    }
}

/// What a process's end says of what it tried.
fn denied(ground: &Ground, member: Member, cause: Cause) -> Option<AttemptDenied> {
    let observed = ground.observed.load(std::sync::atomic::Ordering::Relaxed);
    let (channel, target) = match cause {
        // Where the kernel's own records are read, they name the call.
        Cause::Seccomp if !observed => ("exit", "a system call that its filter kills for"),
        Cause::OutOfMemory => ("cgroup", "memory beyond its ceiling"),
        _ => return None,
    };
    Some(AttemptDenied {
        process: member.process.to_owned(),
        worker: member.worker,
        channel: channel.to_owned(),
        target: target.to_owned(),
        count: 1,
    })
}

/// Numbers of signals, as records have them.
const KILL: i32 = 9;
const BAD_CALL: i32 = 31;

/// How long a process may take to end once it should.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_what_a_publisher_wrote_is_blamed_on_the_package() {
        let ending = |cause, reason, untrusted| {
            let Ending { cause, blame, .. } = Ending::of(cause, reason, untrusted);
            (cause, blame)
        };
        assert_eq!(ending(Cause::Exited(3), Reason::Own, true), ("exited", Some(Blame::Package)));
        assert_eq!(ending(Cause::Seccomp, Reason::Own, true), ("seccomp", Some(Blame::Package)));
        assert_eq!(ending(Cause::Signaled(11), Reason::Own, false), ("signaled", Some(Blame::Host)));
        assert_eq!(ending(Cause::Killed, Reason::TooLate, true), ("wall_clock", Some(Blame::Package)));
        // An attempt that its filter killed is one even while it was being stopped.
        assert_eq!(ending(Cause::Seccomp, Reason::Ordered, true), ("seccomp", Some(Blame::Package)));
    }

    #[test]
    fn an_end_that_was_ordered_is_nobodys_fault() {
        for (cause, reason) in [
            (Cause::Killed, Reason::Ordered),
            (Cause::Signaled(9), Reason::Ordered),
            (Cause::Exited(0), Reason::Finished),
        ] {
            assert_eq!(Ending::of(cause, reason, true).blame, None);
        }
    }
}
