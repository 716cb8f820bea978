//! Serves packages: starts what that takes, restarts what ends, and ends everything in order.
//!
//! One thread decides. Every start runs beside it and comes back as an event, so that nothing that one
//! process does, or leaves undone, holds up the others.

mod fault;
mod model;
mod service;
mod stop;

use std::{
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use proto::{
    Code,
    code::Failure,
    event::{Event as Record, Lifecycle},
    link::{
        gateway::ToGateway,
        inspector::TrustedSigner,
        operator::{FromSupervisor, ServePlan, ServingReport},
    },
    posture::ControlStatus,
};
use sandbox::jail;
use store::Store;

use self::{
    model::Model,
    service::{Phase, Service},
};
use crate::{
    auditor::{self, Auditor, Checkpoint},
    cell::{Cell, Reason},
    doctor,
    event::Event,
    gateway,
    ground::Ground,
    link, log,
    state::{Keys, State},
    threads, topology, warden,
};

/// Everything that is served, and by what.
struct Serving {
    ground: Arc<Ground>,
    inbox: Receiver<Event>,
    plan: ServePlan,
    signers: Arc<[TrustedSigner]>,
    state: State,
    keys: Arc<Keys>,
    ledger: PathBuf,
    store: Arc<Store>,
    listener: Arc<OwnedFd>,
    auditor: Service<Auditor>,
    gateway: Service<Cell>,
    models: Vec<Model>,
    checkpoint: Checkpoint,
    /// What protected us from the packages while they were examined.
    inspector: Vec<ControlStatus>,
    stage: Stage,
    drained: bool,
    /// Why everything has to end.
    fatal: Option<Failure>,
    ticked: Instant,
}

/// How far we are. What fails while starting ends everything; later it is tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Starting,
    Serving,
    /// Asked to stop; still to be begun.
    Asked,
    Stopping,
}

/// Serves until the operator says stop.
pub(crate) fn serve(
    ground: Arc<Ground>,
    inbox: Receiver<Event>,
    plan: ServePlan,
    listener: OwnedFd,
) -> Result<FromSupervisor, Failure> {
    let mut serving = Serving::prepare(ground, inbox, plan, listener)?;
    let outcome = serving.start().and_then(|()| serving.run());
    let checkpoint = serving.finish();
    outcome?;
    Ok(FromSupervisor::Stopped { checkpoint: checkpoint?.note })
}

impl Serving {
    fn prepare(
        ground: Arc<Ground>,
        inbox: Receiver<Event>,
        plan: ServePlan,
        listener: OwnedFd,
    ) -> Result<Self, Failure> {
        if plan.models.is_empty() || plan.models.len() > MODELS_MAX {
            let message = format!("1 to {MODELS_MAX} models can be served, not {}", plan.models.len());
            return Err(Failure::new(Code::ConfigInvalid, message));
        }
        let state = State::open(&plan.state, ground.privilege)?;
        let (keys, ledger, store) = (state.keys()?, state.ledger()?, state.store()?);
        Ok(Self {
            signers: plan.signers.as_slice().into(),
            models: plan.models.iter().map(|plan| Model::new(plan.clone())).collect(),
            ground,
            inbox,
            plan,
            state,
            keys: Arc::new(keys),
            ledger,
            store: Arc::new(store),
            listener: Arc::new(listener),
            auditor: Service::new(AUDITOR_AGAIN),
            gateway: Service::new(GATEWAY_AGAIN),
            checkpoint: Checkpoint::default(),
            inspector: Vec::new(),
            stage: Stage::Starting,
            drained: false,
            fatal: None,
            ticked: Instant::now(),
        })
    }

    /// Starts everything in order, and tells the operator what protects it. Less, when asked to stop
    /// meanwhile.
    fn start(&mut self) -> Result<(), Failure> {
        self.ground.operator.progress("starting the auditor", 0, 0);
        self.auditor.phase = Phase::Due(Instant::now());
        if !self.until(|all| all.auditor.is_up(), START_WITHIN)? {
            return Ok(());
        }
        self.ground.recorder.note(lifecycle("started"));
        self.ground.operator.progress("starting the gateway", 0, 0);
        self.gateway.phase = Phase::Due(Instant::now());
        if !self.until(|all| all.gateway.is_up(), START_WITHIN)? {
            return Ok(());
        }
        for place in 0..self.models.len() {
            if let Some(model) = self.models.get_mut(place) {
                model.service.phase = Phase::Due(Instant::now());
            }
            let up = move |all: &Self| all.models.get(place).is_some_and(|model| model.service.is_up());
            if !self.until(up, IMPORT_WITHIN)? {
                return Ok(());
            }
        }
        self.checkpoint.note.clear();
        if let Some(cell) = self.auditor.cell() {
            let (id, sent) = (cell.id, auditor::ask_checkpoint(cell));
            self.unless_sent(id, sent);
        }
        if self.until(|all| !all.checkpoint.note.is_empty(), START_WITHIN)? {
            self.stage = Stage::Serving;
            self.ground.operator.say(&FromSupervisor::Serving(Box::new(self.report())));
        }
        Ok(())
    }

    /// Serves until asked to stop.
    fn run(&mut self) -> Result<(), Failure> {
        while self.stage == Stage::Serving {
            self.turn(Instant::now() + TICK)?;
        }
        Ok(())
    }

    /// Works until something holds; `false` when everything is to stop before.
    fn until(&mut self, done: impl Fn(&Self) -> bool, within: Duration) -> Result<bool, Failure> {
        let deadline = Instant::now() + within;
        while self.stage != Stage::Asked {
            if done(self) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Err(Failure::new(Code::StartTimeout, "a process did not become ready in time"));
            }
            self.turn(deadline)?;
        }
        Ok(false)
    }

    /// Does what is due, then waits for one event and handles it.
    fn turn(&mut self, deadline: Instant) -> Result<(), Failure> {
        self.do_due();
        let mut wait = deadline.min(self.ticked + TICK);
        if let Some(due) = self.next_due() {
            wait = wait.min(due);
        }
        match self.inbox.recv_timeout(wait.saturating_duration_since(Instant::now())) {
            Ok(event) => self.handle(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.stage = Stage::Asked,
        }
        self.fatal.take().map_or(Ok(()), Err)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Stop if self.stage != Stage::Stopping => self.stage = Stage::Asked,
            Event::Start { spec, reply } if self.stage != Stage::Stopping => {
                let _ = reply.send(jail::spawn(&spec));
            }
            // The waiting thread sees its reply dropped.
            Event::Stop | Event::Start { .. } | Event::Done(_) => {}
            Event::Said { cell, body } => self.said(cell, &body),
            Event::Broke { cell, rule } => self.broke(cell, &rule),
            Event::Ended { cell } => self.ended(cell),
            Event::AuditorUp(outcome) => self.auditor_up(*outcome),
            Event::GatewayUp(outcome) => self.gateway_up(*outcome),
            Event::ModelUp { model, outcome } => self.model_up(model, *outcome),
            Event::RecordsLost => self.reconnect_records(),
            Event::LeaseBroken { worker } => self.lease_broken(worker),
        }
    }

    /// Starts what is due to be started.
    fn do_due(&mut self) {
        let now = Instant::now();
        if now >= self.ticked + TICK {
            self.ticked = now;
            self.ground.recorder.retry();
            if self.ground.recorder.has_overflowed() && self.stage != Stage::Stopping {
                let message = "more happened without an auditor than can be kept for it";
                self.fatal = Some(Failure::new(Code::LedgerUnavailable, message));
            }
        }
        if self.is_stopping() {
            return;
        }
        if self.auditor.is_due(now) {
            self.auditor.phase = Phase::Starting;
            let begun = self.start_auditor();
            self.must(begun);
        }
        // Without an auditor the gateway could not record a thing.
        if self.gateway.is_due(now) && self.auditor.is_up() {
            self.gateway.phase = Phase::Starting;
            let begun = self.start_gateway();
            self.must(begun);
        }
        for place in 0..self.models.len() {
            if self.models.get(place).is_some_and(|model| model.service.is_due(now)) {
                let begun = self.start_model(place);
                self.must(begun);
            }
        }
    }

    fn is_stopping(&self) -> bool {
        matches!(self.stage, Stage::Asked | Stage::Stopping)
    }

    /// What the supervisor itself can't do without.
    fn must(&mut self, done: Result<(), Failure>) {
        if let Err(failure) = done {
            self.fatal = Some(failure);
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let gateway = self.gateway.due().filter(|_| self.auditor.is_up());
        let models = self.models.iter().filter_map(|model| model.service.due());
        models.chain(self.auditor.due()).chain(gateway).min()
    }

    fn start_auditor(&self) -> Result<(), Failure> {
        let (ground, keys) = (Arc::clone(&self.ground), Arc::clone(&self.keys));
        let ledger = self.ledger.clone();
        threads::start("start auditor", move || {
            let outcome = auditor::start(&ground, &ledger, &keys);
            let _ = ground.events.send(Event::AuditorUp(Box::new(outcome)));
        })
    }

    fn start_gateway(&mut self) -> Result<(), Failure> {
        let config = gateway::config(&self.plan, &self.keys);
        let (records, theirs) = link::pair()?;
        self.produce_gateway(&theirs);
        let (ground, listener) = (Arc::clone(&self.ground), Arc::clone(&self.listener));
        threads::start("start gateway", move || {
            let outcome = gateway::start(&ground, config, &listener, &records);
            let _ = ground.events.send(Event::GatewayUp(Box::new(outcome)));
        })
    }

    fn auditor_up(&mut self, outcome: Result<Auditor, Failure>) {
        let auditor = match outcome {
            Ok(auditor) => auditor,
            Err(failure) => return self.start_failed("auditor", failure),
        };
        if let Err(failure) = self.state.keep_vkey(&auditor.checkpoint.vkey) {
            auditor.cell.end(&self.ground, Reason::Ordered);
            self.auditor.phase = Phase::Idle;
            self.fatal = Some(failure);
            return;
        }
        let watched =
            warden::watch(&auditor.cell, proto::link::auditor::FRAME_BYTES_MAX, self.ground.events.clone());
        self.must(watched);
        self.checkpoint = auditor.checkpoint.clone();
        self.auditor.up(auditor);
        self.relink_gateway();
    }

    fn gateway_up(&mut self, outcome: Result<Cell, Failure>) {
        let cell = match outcome {
            Ok(cell) => cell,
            Err(failure) => return self.start_failed("gateway", failure),
        };
        let watched = warden::watch(&cell, proto::link::gateway::FRAME_BYTES_MAX, self.ground.events.clone());
        self.must(watched);
        self.gateway.up(cell);
        self.announce();
    }

    /// A service could not be started: at the beginning that ends everything, later it is tried again.
    fn start_failed(&mut self, name: &str, failure: Failure) {
        if self.stage == Stage::Starting {
            self.fatal = Some(failure);
            return;
        }
        log::say("supervisor", &format!("the {name} was not started: {}", failure.message));
        if name == "auditor" {
            self.auditor.again(Duration::ZERO);
        } else {
            self.gateway.again(Duration::ZERO);
        }
    }

    fn report(&self) -> ServingReport {
        let mut processes = vec![(topology::INSPECTOR.name.to_owned(), self.inspector.clone())];
        let cells = [self.auditor.cell(), self.gateway.cell()].into_iter().flatten();
        processes.extend(cells.map(|cell| (cell.process.name.to_owned(), cell.controls.clone())));
        ServingReport {
            models: self.models.iter().filter_map(Model::served).collect(),
            processes,
            checkpoint: self.checkpoint.note.clone(),
            vkey: self.checkpoint.vkey.clone(),
            privilege: doctor::privilege(self.ground.privilege).to_owned(),
        }
    }

    /// Tells the gateway something. A gateway that does not listen is ended.
    fn tell_gateway(&mut self, message: &ToGateway, descriptors: &[std::os::fd::BorrowedFd<'_>]) -> bool {
        let Some(cell) = self.gateway.cell() else { return false };
        let id = cell.id;
        let sent = link::send(&cell.control, message, proto::link::gateway::FRAME_BYTES_MAX, descriptors);
        let told = sent.is_ok();
        self.unless_sent(id, sent);
        told
    }
}

fn lifecycle(phase: &str) -> Record {
    Record::Lifecycle(Lifecycle { phase: phase.to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// Most models that one supervisor serves.
const MODELS_MAX: usize = 64;

/// How long a service may take to start; each of its steps has its own, shorter ceiling.
const START_WITHIN: Duration = Duration::from_mins(4);

/// How long taking a package in and loading it may take in all; each step has its own ceiling.
const IMPORT_WITHIN: Duration = Duration::from_hours(24);

/// The first wait before a service is started again.
const AUDITOR_AGAIN: Duration = Duration::from_millis(50);
const GATEWAY_AGAIN: Duration = Duration::from_millis(100);

const TICK: Duration = Duration::from_secs(1);
