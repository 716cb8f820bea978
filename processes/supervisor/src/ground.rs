//! What every start of a process needs.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, SyncSender},
    },
    time::{Duration, Instant},
};

use proto::{
    Code, PackageDigest, WorkerId,
    code::Failure,
    event::{Event as Record, ProcessStarted},
    posture::{ControlStatus, Status},
};
use sandbox::{
    control::{Control, ControlReport},
    jail::{Ceilings, Identity, JailSpec, Jailed, Mount, Network},
    rootless::Privilege,
};
use std::os::fd::OwnedFd;

use crate::{
    cell::{Cell, CellId, Reason},
    event::Event,
    failure, hints, link, log,
    operator::Operator,
    programs::Programs,
    recorder::Recorder,
    roster::Roster,
    topology::Process,
    watch::Watched,
};

/// What every start of a process needs, shared by the threads that start them.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) privilege: Privilege,
    pub(crate) programs: Programs,
    /// Controls that may be degraded or absent, by name.
    pub(crate) accepted: Vec<String>,
    pub(crate) operator: Arc<Operator>,
    pub(crate) events: SyncSender<Event>,
    pub(crate) recorder: Recorder,
    pub(crate) roster: Roster,
    /// Files that must not change.
    pub(crate) watched: Mutex<Vec<Watched>>,
    /// Whether the kernel's own records of denials are read.
    pub(crate) observed: std::sync::atomic::AtomicBool,
    next_cell: AtomicU64,
    next_worker: AtomicU64,
}

/// What is special about one start.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) process: &'static Process,
    pub(crate) identity: u16,
    pub(crate) ceilings: Ceilings,
    pub(crate) worker: Option<WorkerId>,
    pub(crate) package: Option<PackageDigest>,
    pub(crate) mounts: Vec<Mount>,
    /// What it is handed after its control link.
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl Launch {
    /// A start with the table's own identity and ceilings.
    pub(crate) fn of(process: &'static Process) -> Self {
        Self {
            process,
            identity: process.identity,
            ceilings: process.ceilings,
            worker: None,
            package: None,
            mounts: Vec::new(),
            descriptors: Vec::new(),
        }
    }

    fn name(&self) -> String {
        match self.worker {
            Some(WorkerId(number)) => format!("{} {number}", self.process.name),
            None => self.process.name.to_owned(),
        }
    }
}

impl Ground {
    pub(crate) fn new(
        privilege: Privilege,
        operator: Arc<Operator>,
        events: SyncSender<Event>,
        accepted: Vec<String>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            privilege,
            programs: Programs::find()?,
            accepted,
            operator,
            recorder: Recorder::new(events.clone()),
            events,
            roster: Roster::default(),
            watched: Mutex::default(),
            observed: false.into(),
            next_cell: AtomicU64::new(0),
            next_worker: AtomicU64::new(1),
        })
    }

    /// The number of the next start of a worker.
    pub(crate) fn next_worker(&self) -> WorkerId {
        WorkerId(self.next_worker.fetch_add(1, Ordering::Relaxed))
    }

    /// Starts a process in its jail, reads what it found there, and refuses what the operator has not
    /// accepted. The process then waits for its first message. Not for the deciding thread, which
    /// starts it on our behalf.
    pub(crate) fn launch(&self, launch: Launch) -> Result<Cell, Failure> {
        let name = launch.name();
        let (process, worker, package) = (launch.process, launch.worker, launch.package);
        let (control, theirs) = link::pair()?;
        let spec = self.spec(launch, theirs.into())?;
        let mut jailed = self.start(spec)?;
        let id = CellId(self.next_cell.fetch_add(1, Ordering::Relaxed));
        self.roster.add(id, process, worker, &jailed).map_err(failure::host("copy a descriptor"))?;
        let log = jailed.take_log();
        let mut cell = Cell { id, process, worker, jailed, control, controls: Vec::new() };
        let reported = log.map_or(Ok(()), |pipe| log::follow(name.clone(), pipe)).and_then(|()| {
            let report = cell.jailed.report(Instant::now() + REPORTED_WITHIN);
            report.map_err(|error| failure::jail(&name, &error))
        });
        match reported {
            Ok(controls) => cell.controls = controls.into_iter().map(told).collect(),
            Err(failure) => {
                let ending = cell.end(self, Reason::Own);
                let message = format!("{}; it ended: {}", failure.message, ending.shown());
                return Err(Failure { message, ..failure });
            }
        }
        self.recorder.note(Record::ProcessStarted(ProcessStarted {
            process: process.name.to_owned(),
            worker,
            package,
            controls: cell.controls.clone(),
        }));
        match self.judge(&name, process, &cell.controls) {
            Ok(()) => Ok(cell),
            Err(failure) => {
                cell.end(self, Reason::Ordered);
                Err(failure)
            }
        }
    }

    fn spec(&self, launch: Launch, control: OwnedFd) -> Result<Box<JailSpec>, Failure> {
        let Launch { process, identity, ceilings, mounts, descriptors, .. } = launch;
        let profile = sandbox::filter::named(process.profile)
            .ok_or_else(|| Failure::new(Code::Internal, format!("no profile `{}`", process.profile)))?;
        let descriptors: Vec<OwnedFd> = std::iter::once(control).chain(descriptors).collect();
        if descriptors.len() != process.descriptors {
            return Err(Failure::new(Code::Internal, format!("`{}` has other descriptors", process.name)));
        }
        Ok(Box::new(JailSpec {
            process: process.name.to_owned(),
            engine: self.programs.of(process)?,
            identity: Identity::numbered(self.privilege, identity),
            network: Network::None,
            mounts,
            descriptors,
            profile,
            ceilings,
            #[cfg(feature = "ablation")]
            removed: crate::ablation::removed(process),
        }))
    }

    /// Has the deciding thread start a jail.
    fn start(&self, spec: Box<JailSpec>) -> Result<Jailed, Failure> {
        let process = spec.process.clone();
        let (reply, started) = mpsc::sync_channel(1);
        let stopping = || Failure::new(Code::ShuttingDown, "Stockade is stopping");
        self.events.send(Event::Start { spec, reply }).map_err(|_| stopping())?;
        let jailed = started.recv_timeout(STARTED_WITHIN).map_err(|_| stopping())?;
        jailed.map_err(|error| failure::jail(&process, &error))
    }

    /// Refuses controls that are not enforced, unless the operator accepted each by name.
    fn judge(&self, name: &str, process: &Process, controls: &[ControlStatus]) -> Result<(), Failure> {
        #[cfg(feature = "ablation")]
        if !crate::ablation::removed(process).0.is_empty() {
            return Ok(());
        }
        let _ = process;
        let refused: Vec<&ControlStatus> = controls
            .iter()
            .filter(|one| one.status != Status::Enforced && !self.accepted.contains(&one.control))
            .collect();
        let Some(first) = refused.first() else { return Ok(()) };
        let list: Vec<String> = refused.iter().map(|one| shown(one)).collect();
        let names: Vec<&str> = refused.iter().map(|one| one.control.as_str()).collect();
        let message = format!("`{name}` is not protected as it should be: {}", list.join("; "));
        let hint =
            format!("{}; or accept it: --accept-degraded {}", hints::of(&first.control), names.join(","));
        Err(Failure::new(Code::ControlNotEnforced, message).with_hint(hint))
    }
}

fn told(report: ControlReport) -> ControlStatus {
    let status = match report.status {
        Control::Enforced => Status::Enforced,
        Control::Degraded { missing } => Status::Degraded { missing },
        Control::Absent { why } => Status::Absent { why },
    };
    ControlStatus { control: report.name, status }
}

fn shown(one: &ControlStatus) -> String {
    match &one.status {
        Status::Enforced => one.control.clone(),
        Status::Degraded { missing } => format!("{} is degraded (missing: {missing})", one.control),
        Status::Absent { why } => format!("{} is absent ({why})", one.control),
    }
}

/// How long the deciding thread may take to start a jail, other starts before it included.
const STARTED_WITHIN: Duration = Duration::from_mins(2);

/// How long a process may take to try its jail from inside.
const REPORTED_WITHIN: Duration = Duration::from_secs(20);
