//! What the ledger records: one struct per event. Names, digests, sizes and counts; never payloads.

use serde::{Deserialize, Serialize};

use crate::posture::ControlStatus;
use crate::{Blame, Code, KeyedDigest, ModelName, PackageDigest, RequestId, WorkerId};

/// Something that happened, as its producer tells it to the auditor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// Stockade started or stopped.
    Lifecycle(Lifecycle),
    /// A package was examined.
    PackageExamined(PackageExamined),
    /// A process was started in its jail.
    ProcessStarted(ProcessStarted),
    /// A process ended.
    ProcessEnded(ProcessEnded),
    /// A request was let in and is about to be served.
    RequestAdmitted(RequestAdmitted),
    /// A request ended, well or not.
    RequestEnded(RequestEnded),
    /// A request was refused before any work was done for it.
    RequestDenied(RequestDenied),
    /// A sandboxed process tried something that it may not do.
    AttemptDenied(AttemptDenied),
    /// A peer broke the rules of its link.
    LinkViolated(LinkViolated),
    /// The ledger itself had a fault, and recovered.
    LedgerFault(LedgerFault),
}

/// Stockade started or stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// `started` or `stopped`.
    pub phase: String,
    /// Stockade's version.
    pub version: String,
}

/// A package was examined.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageExamined {
    /// The package, when its manifest could be read.
    pub package: Option<PackageDigest>,
    /// The name of the signer whose key verified, when one did.
    pub signer: Option<String>,
    /// Why it was refused; nothing when it was accepted.
    pub refused: Option<Code>,
    /// `add` for the first examination, `load` for the one before each start of a worker.
    pub purpose: String,
}

/// A process was started in its jail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessStarted {
    /// The process's name in `topology.toml`.
    pub process: String,
    /// Which start of a worker this is, for workers.
    pub worker: Option<WorkerId>,
    /// The package, for workers.
    pub package: Option<PackageDigest>,
    /// The controls that were probed.
    pub controls: Vec<ControlStatus>,
}

/// A process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProcessEnded {
    /// The process's name in `topology.toml`.
    pub process: String,
    /// Which start of a worker this was, for workers.
    pub worker: Option<WorkerId>,
    /// `exited`, `signaled`, `seccomp`, `out_of_memory`, `wall_clock` or `stopped`.
    pub cause: String,
    /// Exit status or signal number.
    pub status: i32,
    /// Whose fault it was, when it was one.
    pub blame: Option<Blame>,
}

/// A request was let in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestAdmitted {
    /// The request.
    pub request: RequestId,
    /// The name of the API key.
    pub principal: String,
    /// The model asked for.
    pub model: ModelName,
    /// The package that answers.
    pub package: PackageDigest,
    /// The API's path.
    pub route: String,
    /// The request's body, under the record key.
    pub prompt: KeyedDigest,
    /// Bytes of the request's body.
    pub prompt_bytes: u64,
    /// Whether the client asked for a stream.
    pub stream: bool,
}

/// A request ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestEnded {
    /// The request.
    pub request: RequestId,
    /// Why it failed; nothing when it was answered.
    pub failed: Option<Code>,
    /// Why generation ended: `stop`, `length`, `tool_calls`; empty when it failed before.
    pub finish: String,
    /// The answer's text, under the record key.
    pub output: KeyedDigest,
    /// Bytes of the answer's text.
    pub output_bytes: u64,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens of the answer.
    pub output_tokens: u32,
    /// Microseconds from arrival to the first token, when there was one.
    pub first_token_us: Option<u64>,
    /// Microseconds from arrival to the end.
    pub wall_us: u64,
}

/// A request was refused before any work was done for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestDenied {
    /// The name of the API key, when there was one that is known.
    pub principal: Option<String>,
    /// The API's path, one of the known ones, or `other`.
    pub route: String,
    /// Why.
    pub code: Code,
}

/// A sandboxed process tried something that it may not do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptDenied {
    /// The process's name in `topology.toml`.
    pub process: String,
    /// Which start of a worker, for workers.
    pub worker: Option<WorkerId>,
    /// How it was seen: `seccomp`, `landlock`, `exit`, `cgroup`.
    pub channel: String,
    /// What was tried, as far as the kernel tells: a system call's name, a path, an address.
    pub target: String,
    /// How many times since the last record of this kind.
    pub count: u64,
}

/// A peer broke the rules of its link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkViolated {
    /// The process that broke them.
    pub process: String,
    /// Which start of a worker, for workers.
    pub worker: Option<WorkerId>,
    /// Which rule.
    pub rule: String,
}

/// The ledger itself had a fault, and recovered: what an auditor must know to judge the records around.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LedgerFault {
    /// `records_refused`; `journal_missing`, `journal_replaced`, `journal_failed`;
    /// `checkpoint_missing`, `checkpoint_replaced`; `tile_missing`.
    pub fault: String,
    /// Whose records were refused, when some were.
    pub process: Option<String>,
    /// The first and last `seq` among them.
    pub refused: Option<(u64, u64)>,
    /// Why, such as what the kernel said.
    pub why: String,
}
