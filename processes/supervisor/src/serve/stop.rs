//! Ends everything in order: no new requests, then no workers, and the auditor last.

use std::time::{Duration, Instant};

use proto::{Code, code::Failure, link::gateway::ToGateway};

use super::{Serving, Stage, lifecycle, service::Phase};
use crate::{
    auditor::{self, Checkpoint},
    cell::Reason,
    log,
};

impl Serving {
    /// Ends everything, and gives the ledger's last checkpoint.
    pub(super) fn finish(&mut self) -> Result<Checkpoint, Failure> {
        self.stage = Stage::Stopping;
        self.fatal = None;
        let drain_ms_max = u64::try_from(DRAINED_WITHIN.as_millis()).unwrap_or(u64::MAX);
        if self.tell_gateway(&ToGateway::Stop { drain_ms_max }, &[]) {
            self.wait(DRAINED_WITHIN + SLACK, |all| all.drained || !all.gateway.is_up());
        }
        // The gateway exits by itself after it has drained, and workers when it is gone.
        self.wait(SLACK, |all| !all.gateway.is_up());
        self.kill_rest(&[crate::topology::GATEWAY.name]);
        self.wait(SLACK, |all| !all.gateway.is_up() && all.models.iter().all(|model| !model.service.is_up()));
        self.kill_rest(&[crate::topology::WORKER.name, crate::topology::INSPECTOR.name]);
        self.wait(SLACK, Self::is_quiet);
        self.end_auditor()
    }

    /// Has the auditor write its last checkpoint and end. Its warden hears what it says.
    fn end_auditor(&mut self) -> Result<Checkpoint, Failure> {
        let failed = |why: &str| Err(Failure::new(Code::LedgerUnavailable, why));
        if !self.auditor.is_up() {
            self.kill_rest(&[crate::topology::AUDITOR.name]);
            return Err(Failure::new(
                Code::ShuttingDown,
                "stopped before everything was started, or while the auditor was down",
            ));
        }
        self.ground.recorder.note(lifecycle("stopped"));
        if !self.ground.recorder.settle(Instant::now() + SLACK) {
            log::say("supervisor", "the last records are not known to be on disk");
        }
        self.checkpoint.note.clear();
        let Some(cell) = self.auditor.cell() else {
            return failed("the auditor ended before everything had");
        };
        let (id, sent) = (cell.id, auditor::ask_stop(cell));
        self.unless_sent(id, sent);
        self.wait(AUDITED_WITHIN, |all| !all.auditor.is_up());
        if let Some((auditor, _)) = self.auditor.take() {
            auditor.cell.end(&self.ground, Reason::TooLate);
        }
        if self.checkpoint.note.is_empty() {
            return failed("the auditor ended without a last checkpoint");
        }
        Ok(self.checkpoint.clone())
    }

    /// Whether nothing but the auditor runs or is being started.
    fn is_quiet(&self) -> bool {
        let quiet = |starting: bool, up: bool| !starting && !up;
        quiet(matches!(self.gateway.phase, Phase::Starting), self.gateway.is_up())
            && self
                .models
                .iter()
                .all(|model| quiet(matches!(model.service.phase, Phase::Starting), model.service.is_up()))
    }

    fn kill_rest(&self, processes: &[&str]) {
        self.ground.roster.kill_named(processes);
    }

    /// Handles events until something holds, but not for long.
    fn wait(&mut self, within: Duration, done: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + within;
        while !done(self) && Instant::now() < deadline {
            if let Err(failure) = self.turn(deadline) {
                log::say("supervisor", &failure.message);
            }
        }
    }
}

/// How long requests in flight may take to end.
const DRAINED_WITHIN: Duration = Duration::from_secs(10);

/// How long the last commit and checkpoint may take.
const AUDITED_WITHIN: Duration = Duration::from_secs(20);

/// How long a process may take to end by itself before it is killed.
const SLACK: Duration = Duration::from_secs(3);
