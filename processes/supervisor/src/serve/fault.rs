//! What processes say, break, and how they end.

use std::os::unix::net::UnixStream;

use proto::{
    WorkerId,
    event::{Event as Record, LinkViolated},
    frame,
    link::{auditor::FromAuditor, gateway::FromGateway, gateway::ToGateway},
};

use super::{
    Serving,
    model::EndedFor,
    service::{Phase, Service},
};
use crate::{
    auditor::{self, Checkpoint},
    cell::{Cell, CellId, Reason},
    link::{self, LinkFault},
    log,
    serve::Stage,
};
use std::os::fd::AsFd as _;

/// Which of ours a process is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Auditor,
    Gateway,
    Worker(usize),
}

impl Serving {
    pub(super) fn said(&mut self, cell: CellId, body: &[u8]) {
        let legal = match self.place(cell) {
            Some(Place::Auditor) => match frame::decode(body) {
                Ok(message) => self.auditor_said(message),
                Err(error) => Err(error.to_string()),
            },
            Some(Place::Gateway) => match frame::decode(body) {
                Ok(message) => self.gateway_said(message),
                Err(error) => Err(error.to_string()),
            },
            Some(Place::Worker(_)) => Err("it spoke after it had loaded".to_owned()),
            // It ended meanwhile.
            None => Ok(()),
        };
        if let Err(rule) = legal {
            self.broke(cell, &rule);
        }
    }

    fn auditor_said(&mut self, message: FromAuditor) -> Result<(), String> {
        match message {
            FromAuditor::Checkpoint { note, vkey } => {
                self.checkpoint = Checkpoint { note, vkey };
                Ok(())
            }
            FromAuditor::Failed { why } => {
                log::say("supervisor", &format!("the auditor gives up: {why}"));
                Ok(())
            }
            FromAuditor::Ready { .. } => Err("it was ready before".to_owned()),
        }
    }

    fn gateway_said(&mut self, message: FromGateway) -> Result<(), String> {
        match message {
            FromGateway::Ready => Err("it was ready before".to_owned()),
            FromGateway::WorkerMisbehaved { worker, rule } => {
                // It may have ended meanwhile, or be ending.
                if let Some(place) = self.place_of(worker).filter(|place| !self.is_ending(*place)) {
                    self.violated("worker", Some(worker), &rule);
                    self.end_worker(place, EndedFor::Misbehaving);
                }
                Ok(())
            }
            FromGateway::RecordsLost => {
                self.relink_gateway();
                Ok(())
            }
            FromGateway::Drained if self.stage == Stage::Stopping => {
                self.drained = true;
                Ok(())
            }
            FromGateway::Drained => Err("it drained without being asked".to_owned()),
        }
    }

    /// A process that does not take what it is sent broke the rules of its link, unless it has ended:
    /// then that event follows.
    pub(super) fn unless_sent(&mut self, cell: CellId, sent: Result<(), LinkFault>) {
        match sent {
            Ok(()) | Err(LinkFault::Closed) => {}
            Err(fault) => self.broke(cell, &fault.to_string()),
        }
    }

    /// A process broke the rules of its control link: it is ended, and started again.
    pub(super) fn broke(&mut self, cell: CellId, rule: &str) {
        match self.place(cell) {
            Some(Place::Worker(place)) if !self.is_ending(place) => {
                let worker = self.worker_of(cell);
                self.violated("worker", worker, rule);
                self.end_worker(place, EndedFor::Misbehaving);
            }
            Some(Place::Auditor) => self.end_service("auditor", rule),
            Some(Place::Gateway) => self.end_service("gateway", rule),
            Some(Place::Worker(_)) | None => {}
        }
    }

    fn end_service(&mut self, name: &'static str, rule: &str) {
        self.violated(name, None, rule);
        let cell = match name {
            "auditor" => self.auditor.cell(),
            _ => self.gateway.cell(),
        };
        if let Some(cell) = cell {
            let _ = cell.jailed.kill();
        }
    }

    fn violated(&self, process: &str, worker: Option<WorkerId>, rule: &str) {
        self.ground.recorder.note(Record::LinkViolated(LinkViolated {
            process: process.to_owned(),
            worker,
            rule: rule.chars().filter(|letter| !letter.is_control()).take(RULE_CHARS_MAX).collect(),
        }));
    }

    pub(super) fn ended(&mut self, cell: CellId) {
        match self.place(cell) {
            Some(Place::Auditor) => self.auditor_ended(),
            Some(Place::Gateway) => self.gateway_ended(),
            Some(Place::Worker(place)) => self.worker_ended(place),
            None => {}
        }
    }

    fn auditor_ended(&mut self) {
        let Some((auditor, healthy)) = self.auditor.take() else { return };
        if self.stage == Stage::Stopping {
            auditor.cell.end(&self.ground, Reason::Finished);
            return;
        }
        let ending = auditor.cell.end(&self.ground, Reason::Own);
        log::say("supervisor", &format!("the auditor ended: {}", ending.shown()));
        self.auditor.again(healthy);
    }

    fn gateway_ended(&mut self) {
        let Some((cell, healthy)) = self.gateway.take() else { return };
        if self.stage == Stage::Stopping {
            cell.end(&self.ground, Reason::Finished);
            return;
        }
        let ending = cell.end(&self.ground, Reason::Own);
        log::say("supervisor", &format!("the gateway ended: {}", ending.shown()));
        self.gateway.again(healthy);
        // Each worker's engine link ended with it. A worker that no gateway knew yet can wait.
        for place in 0..self.models.len() {
            if self.is_announced(place) {
                self.end_worker(place, EndedFor::LostGateway);
            }
        }
    }

    /// Somebody waits to write to a file that a worker uses, or that is being loaded for one.
    pub(super) fn lease_broken(&mut self, worker: WorkerId) {
        match self.place_of(worker) {
            Some(place) => self.end_worker(place, EndedFor::BrokenLease),
            None => self.ground.roster.kill_worker(worker),
        }
    }

    /// Gives our own records a new link, when the auditor is there to take it.
    pub(super) fn reconnect_records(&mut self) {
        if let Some(cell) = self.auditor.cell() {
            let connected = auditor::connect(&self.ground, cell);
            self.must(connected);
        }
    }

    /// Gives the gateway a new link to the auditor, when both are there.
    pub(super) fn relink_gateway(&mut self) {
        if !self.gateway.is_up() || !self.auditor.is_up() {
            return;
        }
        match link::pair() {
            Ok((ours, theirs)) => {
                self.produce_gateway(&theirs);
                self.tell_gateway(&ToGateway::AuditorUp, &[ours.as_fd()]);
            }
            Err(failure) => self.fatal = Some(failure),
        }
    }

    /// Hands the auditor its end of the gateway's link.
    pub(super) fn produce_gateway(&mut self, theirs: &UnixStream) {
        let Some(cell) = self.auditor.cell() else { return };
        let (id, sent) = (cell.id, auditor::produce(cell, "gateway", theirs));
        self.unless_sent(id, sent);
    }

    fn place(&self, cell: CellId) -> Option<Place> {
        let is = |found: Option<&Cell>| found.is_some_and(|found| found.id == cell);
        if is(self.auditor.cell()) {
            return Some(Place::Auditor);
        }
        if is(self.gateway.cell()) {
            return Some(Place::Gateway);
        }
        self.models.iter().position(|model| is(model.service.cell())).map(Place::Worker)
    }

    fn worker_of(&self, cell: CellId) -> Option<WorkerId> {
        let cells = self.models.iter().filter_map(|model| model.service.cell());
        cells.filter(|found| found.id == cell).find_map(|found| found.worker)
    }
}

/// Something that runs in a jail.
pub(super) trait Celled {
    fn cell(&self) -> &Cell;
}

impl<T: Celled> Service<T> {
    /// Its process, when it is up.
    pub(super) fn cell(&self) -> Option<&Cell> {
        match &self.phase {
            Phase::Up { it, .. } => Some(it.cell()),
            _ => None,
        }
    }
}

impl Celled for Cell {
    fn cell(&self) -> &Cell {
        self
    }
}

impl Celled for auditor::Auditor {
    fn cell(&self) -> &Cell {
        &self.cell
    }
}

impl Celled for super::model::Worker {
    fn cell(&self) -> &Cell {
        &self.cell
    }
}

/// Longest rule that is recorded.
const RULE_CHARS_MAX: usize = 256;
