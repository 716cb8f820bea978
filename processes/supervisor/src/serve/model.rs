//! Models: their workers come up, are announced, end, and come up again.

use std::{
    os::{fd::AsFd as _, unix::net::UnixStream},
    sync::Arc,
    time::{Duration, Instant},
};

use proto::{
    Code, PackageDigest, WorkerId,
    code::Failure,
    event::{Event as Record, PackageExamined},
    link::{
        gateway::ToGateway,
        inspector::Inspection,
        operator::{FromSupervisor, ModelPlan, ServedModel},
        worker::FRAME_BYTES_MAX,
    },
};
use sandbox::lease::Leases;

use super::{
    Serving, Stage,
    service::{Phase, Service},
};
use crate::{
    cell::{Cell, Reason},
    event::Event,
    load::{self, Loaded, NotLoaded, Order},
    log, threads, warden,
};

/// One model of the plan.
#[derive(Debug)]
pub(super) struct Model {
    plan: ModelPlan,
    /// Its package, once it is in the store.
    package: Option<PackageDigest>,
    /// Which start of a worker is up or on its way.
    worker: Option<WorkerId>,
    pub(super) service: Service<Worker>,
}

/// A worker that is up.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) cell: Cell,
    /// The gateway's end of its engine link, until the gateway has it.
    engine: Option<UnixStream>,
    /// Given up once it has ended.
    leases: Arc<Leases>,
    inspection: Inspection,
    context_tokens_max: u32,
    took: Duration,
    /// Why we ended it, if we did.
    ended_for: Option<EndedFor>,
}

/// Why we end a worker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum EndedFor {
    /// It broke the rules of a link.
    Misbehaving,
    /// The gateway that it served is gone: no fault of its own.
    LostGateway,
    /// A file that it uses is about to change.
    BrokenLease,
}

impl Model {
    pub(super) fn new(plan: ModelPlan) -> Self {
        Self { plan, package: None, worker: None, service: Service::new(WORKER_AGAIN) }
    }

    /// Its row of the report, when it is up.
    pub(super) fn served(&self) -> Option<ServedModel> {
        let Phase::Up { it: worker, .. } = &self.service.phase else { return None };
        Some(ServedModel {
            name: self.plan.name.clone(),
            inspection: worker.inspection.clone(),
            controls: worker.cell.controls.clone(),
            start_us: u64::try_from(worker.took.as_micros()).unwrap_or(u64::MAX),
        })
    }

    /// Tries again later, unless that can't help.
    fn failed(&mut self, not_loaded: &NotLoaded) -> Option<Duration> {
        if not_loaded.is_passing() {
            Some(self.service.again(Duration::ZERO))
        } else {
            self.service.phase = Phase::Idle;
            None
        }
    }
}

impl Serving {
    /// Starts a model's worker, beside us.
    pub(super) fn start_model(&mut self, place: usize) -> Result<(), Failure> {
        let Some(model) = self.models.get_mut(place) else { return Ok(()) };
        let worker = self.ground.next_worker();
        model.worker = Some(worker);
        model.service.phase = Phase::Starting;
        let order = Order {
            worker,
            model: place,
            plan: model.plan.clone(),
            package: model.package,
            signers: Arc::clone(&self.signers),
            within: Duration::from_millis(self.plan.start_ms_max),
        };
        let (ground, store) = (Arc::clone(&self.ground), Arc::clone(&self.store));
        threads::start(&format!("load {}", worker.0), move || {
            let outcome = load::load(&ground, &store, &order);
            let _ = ground.events.send(Event::ModelUp { model: place, outcome: Box::new(outcome) });
        })
    }

    pub(super) fn model_up(&mut self, place: usize, outcome: Result<Loaded, NotLoaded>) {
        let (starting, stopping) = (self.stage == Stage::Starting, self.is_stopping());
        let Some(model) = self.models.get_mut(place) else { return };
        match outcome {
            Ok(loaded) => {
                self.inspector = loaded.inspector;
                model.package = Some(loaded.inspection.package);
                let worker = Worker {
                    cell: loaded.cell,
                    engine: Some(loaded.engine),
                    leases: loaded.leases,
                    inspection: loaded.inspection,
                    context_tokens_max: loaded.context_tokens_max,
                    took: loaded.took,
                    ended_for: None,
                };
                let watched = warden::watch(&worker.cell, FRAME_BYTES_MAX, self.ground.events.clone());
                model.service.up(worker);
                self.must(watched);
                if self.stage == Stage::Stopping {
                    self.end_worker(place, EndedFor::LostGateway);
                }
                self.announce();
            }
            Err(not_loaded) => {
                model.package = not_loaded.package.or(model.package);
                let (name, failure) = (model.plan.name.clone(), not_loaded.failure.clone());
                if stopping {
                    model.service.phase = Phase::Idle;
                    return;
                }
                if starting {
                    model.service.phase = Phase::Idle;
                    self.fatal = Some(failure);
                    return;
                }
                log::say("supervisor", &format!("model {name} was not started: {}", failure.message));
                let (wait, worker) = (model.failed(&not_loaded), model.worker);
                if let (Some(wait), Some(worker)) = (wait, worker) {
                    self.say_restarting(place, worker, failure.code.as_str(), wait);
                } else {
                    log::say("supervisor", &format!("model {name} is given up: add its package again"));
                }
            }
        }
    }

    /// Tells the gateway of every worker that it doesn't know yet.
    pub(super) fn announce(&mut self) {
        if !self.gateway.is_up() {
            return;
        }
        for place in 0..self.models.len() {
            let Some(model) = self.models.get_mut(place) else { return };
            let Phase::Up { it: worker, .. } = &mut model.service.phase else { continue };
            let (Some(engine), Some(id)) = (worker.engine.take(), model.worker) else { continue };
            let limits = &model.plan.engine;
            let message = ToGateway::WorkerUp {
                worker: id,
                model: model.plan.name.clone(),
                package: worker.inspection.package,
                context_tokens_max: worker.context_tokens_max,
                requests_max: limits.slots.saturating_add(limits.queue_max),
            };
            if !self.tell_gateway(&message, &[engine.as_fd()]) {
                return;
            }
        }
    }

    /// Which model's worker this is, when it is up.
    pub(super) fn place_of(&self, worker: WorkerId) -> Option<usize> {
        self.models.iter().position(|model| model.service.is_up() && model.worker == Some(worker))
    }

    /// Ends a worker; what follows comes with its end.
    pub(super) fn end_worker(&mut self, place: usize, why: EndedFor) {
        let Some(Phase::Up { it: worker, .. }) =
            self.models.get_mut(place).map(|model| &mut model.service.phase)
        else {
            return;
        };
        worker.ended_for = worker.ended_for.or(Some(why));
        let _ = worker.cell.jailed.kill();
    }

    /// Whether we are ending this model's worker already.
    pub(super) fn is_ending(&self, place: usize) -> bool {
        matches!(
            self.models.get(place).map(|model| &model.service.phase),
            Some(Phase::Up { it: Worker { ended_for: Some(_), .. }, .. })
        )
    }

    /// Whether the gateway has this model's worker.
    pub(super) fn is_announced(&self, place: usize) -> bool {
        matches!(
            self.models.get(place).map(|model| &model.service.phase),
            Some(Phase::Up { it: Worker { engine: None, .. }, .. })
        )
    }

    /// A worker ended: the gateway is told at once, the files are given up, and it is started again.
    pub(super) fn worker_ended(&mut self, place: usize) {
        let (starting, stopping) = (self.stage == Stage::Starting, self.is_stopping());
        let Some(model) = self.models.get_mut(place) else { return };
        let Some((worker, healthy)) = model.service.take() else { return };
        let (id, name) = (worker.cell.worker.unwrap_or(WorkerId(0)), model.plan.name.clone());
        let announced = worker.engine.is_none();
        if announced {
            self.tell_gateway(&ToGateway::WorkerDown { worker: id }, &[]);
        }
        let Worker { cell, leases, inspection, ended_for, .. } = worker;
        let reason = match ended_for {
            Some(_) => Reason::Ordered,
            None if stopping => Reason::Finished,
            None => Reason::Own,
        };
        let ending = cell.end(&self.ground, reason);
        let Some(model) = self.models.get_mut(place) else { return };
        match ended_for {
            Some(EndedFor::BrokenLease) => {
                load::quarantine(&self.store, inspection.package, Code::LeaseBroken);
                self.ground.recorder.note(Record::PackageExamined(PackageExamined {
                    package: Some(inspection.package),
                    signer: None,
                    refused: Some(Code::LeaseBroken),
                    purpose: "load".to_owned(),
                }));
                log::say(
                    "supervisor",
                    &format!("model {name} is given up: somebody opened its files for writing"),
                );
            }
            _ if stopping => {}
            _ if starting => {
                let message =
                    format!("the worker of {name} ended while others were started: {}", ending.shown());
                self.fatal = Some(Failure::new(Code::WorkerCrashed, message));
            }
            Some(EndedFor::LostGateway) => model.service.phase = Phase::Due(Instant::now()),
            Some(EndedFor::Misbehaving) | None => {
                let wait = model.service.again(healthy);
                self.say_restarting(place, id, &ending.shown(), wait);
            }
        }
        // Only now may who waits to write go on: nobody uses the files any more.
        drop(leases);
    }

    fn say_restarting(&self, place: usize, worker: WorkerId, cause: &str, wait: Duration) {
        let Some(model) = self.models.get(place) else { return };
        self.ground.operator.say(&FromSupervisor::WorkerRestarting {
            model: model.plan.name.clone(),
            worker,
            cause: cause.to_owned(),
            backoff_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
        });
    }
}

/// The first wait before a worker is started again.
const WORKER_AGAIN: Duration = Duration::from_millis(200);
