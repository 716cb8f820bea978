//! Supervisor ⇄ gateway: configuration, and workers that come and go.

use serde::{Deserialize, Serialize};

use crate::limits::RequestLimits;
use crate::{Digest, ModelName, PackageDigest, Secret, WorkerId};

/// Most bytes of one frame, either way.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// What the supervisor says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToGateway {
    /// First frame. Two descriptors travel with it: the listening socket, then the gateway's end of
    /// its record link.
    Start(Box<GatewayConfig>),
    /// A worker is ready. Its engine link travels with this frame.
    WorkerUp {
        /// Which start of a worker this is.
        worker: WorkerId,
        /// The model it serves.
        model: ModelName,
        /// The package it runs.
        package: PackageDigest,
        /// Tokens that one sequence may have.
        context_tokens_max: u32,
        /// Requests that may run and wait in it at once.
        requests_max: u32,
    },
    /// A worker ended: its requests fail.
    WorkerDown {
        /// Which one.
        worker: WorkerId,
    },
    /// The auditor is back. The gateway's end of a new record link travels with this frame.
    AuditorUp,
    /// Refuse new requests, let those in flight end, and exit.
    Stop {
        /// Most milliseconds to wait for those in flight.
        drain_ms_max: u64,
    },
}

/// What the gateway is told at its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GatewayConfig {
    /// Ceilings on every request.
    pub limits: RequestLimits,
    /// Who may ask. With no key listed nobody may.
    pub keys: Vec<ApiKey>,
    /// Every model that is configured, ready or not.
    pub models: Vec<ModelName>,
    /// Key of the keyed digests in records.
    pub record_key: Secret,
    /// Whether `/metrics` answers without an API key.
    pub metrics_open: bool,
    /// Threads that serve requests.
    pub threads: u32,
}

/// One API key, stored as a hash: keys have 256 random bits, so a plain hash can't be guessed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// The principal's name, as records show it.
    pub name: String,
    /// SHA-256 of the key's text.
    pub hash: Digest,
}

/// What the gateway answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromGateway {
    /// The listener is served.
    Ready,
    /// A worker broke the rules of its link: end it.
    WorkerMisbehaved {
        /// Which one.
        worker: WorkerId,
        /// Which rule, at most 256 bytes.
        rule: String,
    },
    /// The record link failed: requests are refused until [`ToGateway::AuditorUp`].
    RecordsLost,
    /// Everything in flight has ended; the gateway exits after this.
    Drained,
}
