//! `stockade` ⇄ supervisor: one command per run of the supervisor, and what becomes of it.

use serde::{Deserialize, Serialize};

use crate::code::Failure;
use crate::limits::{Ceilings, EngineLimits, RequestLimits};
use crate::link::gateway::ApiKey;
use crate::link::inspector::{Inspection, TrustedSigner};
use crate::link::scan::ScanReport;
use crate::posture::ControlStatus;
use crate::{ModelName, PackageDigest, WorkerId};

/// Most bytes of one frame, either way.
pub const FRAME_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What the command line says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToSupervisor {
    /// Serve packages until told to stop. The listening socket travels with this frame.
    Serve(Box<ServePlan>),
    /// Examine a directory, and take it into the store if `add`.
    Examine {
        /// Where state is kept.
        state: String,
        /// The package's directory; or the digest of a stored one, `sha256:…`.
        directory: String,
        /// Whose signatures count.
        signers: Vec<TrustedSigner>,
        /// Take it into the store when it is accepted.
        add: bool,
        /// Controls that may be degraded or absent.
        accepted: Vec<String>,
    },
    /// Scan a directory or a file, whoever made it.
    Scan {
        /// Where it is.
        path: String,
        /// Controls that may be degraded or absent.
        accepted: Vec<String>,
    },
    /// Start a jail, probe what this host enforces, and say it.
    Doctor,
    /// End what was started, in order.
    Stop,
}

/// What to serve, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServePlan {
    /// Where state is kept: store, ledger, keys.
    pub state: String,
    /// What to serve.
    pub models: Vec<ModelPlan>,
    /// Whose signatures count.
    pub signers: Vec<TrustedSigner>,
    /// Who may ask.
    pub keys: Vec<ApiKey>,
    /// Ceilings on every request.
    pub requests: RequestLimits,
    /// Whether `/metrics` answers without an API key.
    pub metrics_open: bool,
    /// Controls that may be degraded or absent.
    pub accepted: Vec<String>,
    /// Most milliseconds from a worker's start to its being ready.
    pub start_ms_max: u64,
    /// Where the API listens, for the status file: the listener itself travels beside.
    pub listen: String,
}

/// One model to serve.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelPlan {
    /// The name clients ask for.
    pub name: ModelName,
    /// Where the package comes from.
    pub source: PackageSource,
    /// What its worker reserves.
    pub engine: EngineLimits,
    /// What its worker may use.
    pub ceilings: Ceilings,
}

/// Where a package comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PackageSource {
    /// A directory, taken into the store first.
    Directory(String),
    /// The store.
    Stored(PackageDigest),
}

/// What the supervisor answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromSupervisor {
    /// Long work goes on.
    Progress {
        /// What it is, such as `verifying demo`.
        stage: String,
        /// Units done.
        done: u64,
        /// Units in all; 0 when nobody knows.
        all: u64,
    },
    /// The answer to `Examine`.
    Examined {
        /// What the package is.
        inspection: Box<Inspection>,
        /// Whether it is in the store now.
        stored: bool,
    },
    /// The answer to `Scan`.
    Scanned(Box<ScanReport>),
    /// Everything is up and the API answers.
    Serving(Box<ServingReport>),
    /// A worker ended and will be started again.
    WorkerRestarting {
        /// Which model.
        model: ModelName,
        /// Which start ended.
        worker: WorkerId,
        /// Why.
        cause: String,
        /// Milliseconds until the next start.
        backoff_ms: u64,
    },
    /// The answer to `Doctor`.
    Host(HostReport),
    /// The command failed; the supervisor exits after this.
    Failed(Failure),
    /// Everything has ended; the supervisor exits after this.
    Stopped {
        /// The ledger's last checkpoint, a signed note.
        checkpoint: String,
    },
}

/// What protects what is being served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServingReport {
    /// Each model.
    pub models: Vec<ServedModel>,
    /// Every other process's controls, by its name in `topology.toml`.
    pub processes: Vec<(String, Vec<ControlStatus>)>,
    /// The ledger's newest checkpoint, a signed note.
    pub checkpoint: String,
    /// The key that verifies it, in the note's `vkey` form.
    pub vkey: String,
    /// `root` or `rootless`.
    pub privilege: String,
}

/// One model that is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServedModel {
    /// The name clients ask for.
    pub name: ModelName,
    /// What its package is.
    pub inspection: Inspection,
    /// Its worker's controls.
    pub controls: Vec<ControlStatus>,
    /// Microseconds from starting the worker to its being ready, verification included.
    pub start_us: u64,
}

/// What this host can enforce.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostReport {
    /// `root` or `rootless`.
    pub privilege: String,
    /// The kernel's release.
    pub kernel: String,
    /// What a probe inside a jail found.
    pub controls: Vec<ControlStatus>,
    /// For each control that is not enforced: what the operator can change.
    pub hints: Vec<(String, String)>,
}
