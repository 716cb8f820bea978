//! Loads a model: the store's files, kept from changing, examined, and then mounted for a worker.

use std::{
    fs::File,
    os::unix::net::UnixStream,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use proto::{
    Code, PackageDigest, WorkerId,
    code::Failure,
    event::{Event as Record, LinkViolated},
    link::{
        inspector::{Inspection, ListedFile, TrustedSigner},
        operator::{ModelPlan, PackageSource},
        worker::{FAILURE_CODES, FRAME_BYTES_MAX, FromWorker, ToWorker},
    },
    posture::ControlStatus,
};
use sandbox::{
    jail::Ceilings,
    lease::{LeaseError, Leases},
};
use store::Store;

use crate::{
    cell::{Cell, Reason},
    failure,
    ground::{Ground, Launch},
    import,
    inspection::{self, Examined, Question, Refused},
    link::{self, LinkFault},
    log,
    recorder::COMMITTED_WITHIN,
    topology,
    watch::Watched,
};

/// What to load, and for which start of a worker.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) worker: WorkerId,
    /// The model's place in the plan.
    pub(crate) model: usize,
    pub(crate) plan: ModelPlan,
    /// The package, once it is in the store.
    pub(crate) package: Option<PackageDigest>,
    pub(crate) signers: Arc<[TrustedSigner]>,
    pub(crate) within: Duration,
}

/// A worker that is ready.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) cell: Cell,
    /// The gateway's end of its engine link.
    pub(crate) engine: UnixStream,
    /// Held until the worker has ended.
    pub(crate) leases: Arc<Leases>,
    pub(crate) inspection: Inspection,
    /// What protected us from the package while it was examined.
    pub(crate) inspector: Vec<ControlStatus>,
    pub(crate) context_tokens_max: u32,
    /// From the start of its verification to its being ready.
    pub(crate) took: Duration,
}

/// A worker that could not be made ready.
#[derive(Debug)]
pub(crate) struct NotLoaded {
    pub(crate) failure: Failure,
    /// The package, once it is in the store.
    pub(crate) package: Option<PackageDigest>,
}

impl NotLoaded {
    /// Whether trying again could help.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self.failure.code,
            Code::SandboxRefused
                | Code::StartTimeout
                | Code::HostIo
                | Code::LedgerUnavailable
                | Code::Internal
                | Code::EngineFailed
                | Code::WorkerCrashed
                | Code::WorkerMisbehaved
                | Code::ShuttingDown
        )
    }
}

/// Carries out an order, in as long as it takes: for a thread of its own.
pub(crate) fn load(ground: &Ground, store: &Store, order: &Order) -> Result<Loaded, NotLoaded> {
    let name = order.plan.name.as_str();
    let package = match (order.package, &order.plan.source) {
        (Some(package), _) => package,
        (None, PackageSource::Stored(package)) => *package,
        (None, PackageSource::Directory(directory)) => {
            import::into_store(ground, store, directory, import::question(name, &order.signers))
                .map_err(|failure| NotLoaded { failure, package: None })?
        }
    };
    let loaded = Load { ground, store, order, package, started: Instant::now() }.run();
    loaded.map_err(|failure| NotLoaded { failure, package: Some(package) })
}

struct Load<'l> {
    ground: &'l Ground,
    store: &'l Store,
    order: &'l Order,
    package: PackageDigest,
    started: Instant,
}

impl Load<'_> {
    fn run(&self) -> Result<Loaded, Failure> {
        let (listed, leases) = self.open()?;
        let (inspection, inspector) = self.verify(&listed, &leases)?;
        self.ground.operator.progress(&format!("loading {}", self.order.plan.name), 0, 0);
        let (engine, theirs) = UnixStream::pair().map_err(failure::host("make a link"))?;
        let mut launch = Launch::of(&topology::WORKER);
        launch.identity = topology::worker_identity(self.order.model);
        launch.ceilings = ceilings(&self.order.plan);
        launch.worker = Some(self.order.worker);
        launch.package = Some(self.package);
        launch.mounts = inspection::mounts(&named(&listed, &leases))?;
        launch.descriptors = vec![theirs.into()];
        let cell = self.ground.launch(launch)?;
        let context_tokens_max = match self.await_worker(&cell) {
            Ok(tokens) => tokens,
            Err(fault) => return Err(self.give_up(cell, &leases, &fault)),
        };
        let took = self.started.elapsed();
        // Nothing is served before its start is on record.
        if !self.ground.recorder.settle(Instant::now() + COMMITTED_WITHIN) {
            cell.end(self.ground, Reason::Ordered);
            return Err(Failure::new(Code::LedgerUnavailable, "the worker's start could not be recorded"));
        }
        if !leases.are_intact() {
            cell.end(self.ground, Reason::Ordered);
            return Err(self.broken());
        }
        Ok(Loaded { cell, engine, leases, inspection, inspector, context_tokens_max, took })
    }

    /// Opens the stored files and keeps them from changing.
    fn open(&self) -> Result<(Vec<ListedFile>, Arc<Leases>), Failure> {
        let opened = match self.store.open_package(self.package) {
            Ok(opened) => opened,
            Err(error) => {
                let failure = failure::store(&error);
                self.refuse(&failure);
                return Err(failure);
            }
        };
        let (listed, files): (Vec<ListedFile>, Vec<File>) =
            opened.into_iter().map(|one| (one.listed, one.file)).unzip();
        let leases = Leases::take(files).map_err(|error| {
            let (LeaseError::OpenForWriting { place } | LeaseError::Refused { place, .. }) = error;
            let path = listed.get(place).map_or("", |file| file.path.as_str());
            let failure = failure::lease(path, &error);
            self.refuse(&failure);
            failure
        })?;
        let leases = Arc::new(leases);
        let watched = Watched::new(self.order.worker, &leases);
        self.ground.watched.lock().unwrap_or_else(PoisonError::into_inner).push(watched);
        Ok((listed, leases))
    }

    /// Has the files examined: they must be the package that was admitted, to the byte.
    fn verify(
        &self,
        listed: &[ListedFile],
        leases: &Leases,
    ) -> Result<(Inspection, Vec<ControlStatus>), Failure> {
        let question = Question {
            name: self.order.plan.name.as_str(),
            signers: &self.order.signers,
            expected: Some(self.package),
            worker: Some(self.order.worker),
            deadline: self.deadline(),
        };
        let Examined { answer, controls } =
            inspection::examine(self.ground, &named(listed, leases), question)?;
        if !leases.are_intact() {
            return Err(self.broken());
        }
        let answer = answer.and_then(|inspection| {
            if inspection.package == self.package && import::listed(&inspection) == listed {
                return Ok(inspection);
            }
            let failure =
                Failure::new(Code::StoreTampered, "the stored files are not those that were admitted");
            Err(Refused { failure, package: Some(self.package) })
        });
        let answer = answer.map_err(|refused| Refused { failure: as_stored(refused.failure), ..refused });
        self.ground.recorder.note(inspection::record("load", &answer));
        answer.map(|inspection| (inspection, controls)).map_err(|refused| {
            self.quarantine(refused.failure.code);
            refused.failure
        })
    }

    /// Hands the worker its limits, and waits until it has loaded.
    fn await_worker(&self, cell: &Cell) -> Result<u32, Fault> {
        let order = ToWorker::Load { limits: self.order.plan.engine };
        link::send(&cell.control, &order, FRAME_BYTES_MAX, &[]).map_err(Fault::Link)?;
        match link::receive(&cell.control, FRAME_BYTES_MAX, self.deadline()).map_err(Fault::Link)? {
            FromWorker::Loaded { context_tokens_max } => Ok(context_tokens_max),
            FromWorker::Failed { code, .. } if !FAILURE_CODES.contains(&code) => {
                Err(Fault::Link(LinkFault::Broken(format!("`{code}` is not a worker's to say"))))
            }
            FromWorker::Failed { code, message } => {
                let plain = message.chars().filter(|letter| !log::is_obeyed(*letter));
                let message: String = plain.take(MESSAGE_CHARS_MAX).collect();
                Err(Fault::Said(Failure::new(code, message)))
            }
        }
    }

    /// Ends a worker that did not load.
    fn give_up(&self, cell: Cell, leases: &Leases, fault: &Fault) -> Failure {
        let failure = match fault {
            Fault::Said(failure) => {
                cell.end(self.ground, Reason::Finished);
                failure.clone()
            }
            Fault::Link(LinkFault::TooLate) => {
                cell.end(self.ground, Reason::TooLate);
                Failure::new(Code::StartTimeout, "the worker did not load its model in time")
                    .with_hint("raise the model's start time or its ceilings")
            }
            Fault::Link(LinkFault::Closed) => {
                let ending = cell.end(self.ground, Reason::Own);
                let message = format!("the worker ended while it loaded: {}", ending.shown());
                Failure::new(Code::WorkerCrashed, message)
            }
            Fault::Link(LinkFault::Broken(rule)) => {
                self.ground.recorder.note(Record::LinkViolated(LinkViolated {
                    process: cell.process.name.to_owned(),
                    worker: cell.worker,
                    rule: rule.clone(),
                }));
                cell.end(self.ground, Reason::Ordered);
                Failure::new(Code::WorkerMisbehaved, format!("the worker broke its link's rules: {rule}"))
            }
        };
        if leases.are_intact() { failure } else { self.broken() }
    }

    /// A stored file was opened for writing.
    fn broken(&self) -> Failure {
        let failure =
            Failure::new(Code::LeaseBroken, "a stored file was opened for writing while it was loaded")
                .with_hint(
                    "find out who changed the store; then add the package again: stockade package add",
                );
        self.refuse(&failure);
        failure
    }

    /// Records that the package is refused, and puts it into quarantine where it was changed.
    fn refuse(&self, failure: &Failure) {
        let refused = Refused { failure: failure.clone(), package: Some(self.package) };
        self.ground.recorder.note(inspection::record("load", &Err(refused)));
        self.quarantine(failure.code);
    }

    fn quarantine(&self, code: Code) {
        quarantine(self.store, self.package, code);
    }

    fn deadline(&self) -> Instant {
        self.started + self.order.within
    }
}

/// Why a worker did not load.
#[derive(Debug)]
enum Fault {
    /// It said so.
    Said(Failure),
    /// Its link failed.
    Link(LinkFault),
}

/// Puts a package into quarantine when its stored files were changed.
pub(crate) fn quarantine(store: &Store, package: PackageDigest, code: Code) {
    if matches!(code, Code::StoreTampered | Code::LeaseBroken)
        && let Err(error) = store.quarantine(package, code)
    {
        log::say("supervisor", &failure::chain(&error));
    }
}

/// What is wrong with a stored package that once was right: it was changed.
fn as_stored(failure: Failure) -> Failure {
    match failure.code {
        Code::DigestMismatch | Code::FileMissing | Code::FileUnexpected => Failure {
            code: Code::StoreTampered,
            hint: Some(
                "find out who changed the store; then add the package again: stockade package add".to_owned(),
            ),
            ..failure
        },
        _ => failure,
    }
}

fn named<'f>(listed: &'f [ListedFile], leases: &'f Leases) -> Vec<(&'f str, &'f File)> {
    listed.iter().map(|file| file.path.as_str()).zip(leases.files()).collect()
}

fn ceilings(plan: &ModelPlan) -> Ceilings {
    Ceilings {
        memory_bytes_max: plan.ceilings.memory_bytes_max,
        pids_max: plan.ceilings.pids_max,
        cpu_millicores_max: plan.ceilings.cpu_millicores_max,
        files_max: plan.ceilings.files_max,
        file_bytes_max: plan.ceilings.file_bytes_max,
    }
}

const MESSAGE_CHARS_MAX: usize = 512;
