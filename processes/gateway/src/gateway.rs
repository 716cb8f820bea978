//! What every request shares.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit as _, Mac as _};
use policy::Denial;
use proto::link::gateway::{FromGateway, GatewayConfig};
use proto::{Code, KeyedDigest, RequestId};
use sha2::Sha256;
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, watch};

use crate::control::Sayer;
use crate::engine::{self, Ended, Introduction, Worker};
use crate::fleet::Fleet;
use crate::metrics::Metrics;
use crate::records::{self, Records};
use crate::seats::Seats;

/// The gateway's state. Everything in it is bounded by [`GatewayConfig::limits`] or by a constant.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// What the supervisor said at the start.
    pub(crate) config: GatewayConfig,
    /// Where the API listens.
    pub(crate) local: SocketAddr,
    /// How long the gateway waits for others.
    pub(crate) patience: Patience,
    /// The workers that are up.
    pub(crate) fleet: Fleet,
    /// The record link.
    pub(crate) records: Records,
    /// Requests in flight.
    pub(crate) seats: Seats,
    /// Counters.
    pub(crate) metrics: Metrics,
    /// Whether the gateway is stopping.
    pub(crate) stopping: watch::Sender<bool>,
    /// When it started, in seconds of the epoch.
    pub(crate) started_at_s: u64,
    sayer: Sayer,
    next_request: AtomicU64,
    strangers: Arc<Semaphore>,
}

/// How long the gateway waits for others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For a worker to confirm that it stopped generating.
    pub(crate) cancel: Duration,
    /// For the auditor to commit a record.
    pub(crate) commit: Duration,
    /// For a client to take the next bytes of its answer.
    pub(crate) write: Duration,
    /// For a client to notice that it was refused, before its connection is closed.
    pub(crate) linger: Duration,
    /// For the last answers and records to leave, after everything in flight has ended.
    pub(crate) flush: Duration,
}

impl Patience {
    /// What the real gateway has.
    pub(crate) const PRODUCTION: Self = Self {
        // One long prompt's prefill is not interrupted.
        cancel: Duration::from_secs(30),
        commit: Duration::from_secs(10),
        write: Duration::from_secs(10),
        linger: Duration::from_secs(2),
        flush: Duration::from_secs(2),
    };
}

impl Gateway {
    pub(crate) fn new(config: GatewayConfig, local: SocketAddr, patience: Patience, sayer: Sayer) -> Self {
        Self {
            local,
            patience,
            fleet: Fleet::default(),
            records: Records::default(),
            seats: Seats::new(config.keys.len()),
            metrics: Metrics::default(),
            stopping: watch::Sender::new(false),
            started_at_s: unix_seconds(),
            sayer,
            next_request: AtomicU64::new(1),
            strangers: Arc::new(Semaphore::new(STRANGERS_MAX)),
            config,
        }
    }

    /// A worker is up: serves its link until it ends.
    pub(crate) fn attach_worker(self: &Arc<Self>, who: Introduction, link: UnixStream) {
        let (worker, outgoing) = Worker::new(who, self.patience);
        self.fleet.add(Arc::clone(&worker));
        let gateway = Arc::clone(self);
        tokio::spawn(async move {
            let id = worker.id;
            let ended = engine::link::tend(worker, link, outgoing).await;
            gateway.fleet.remove(id);
            if let Ended::Misbehaved(rule) = ended {
                eprintln!("gateway: worker {} misbehaved: {rule}", id.0);
                gateway.metrics.worker_misbehaved();
                gateway.say(FromGateway::WorkerMisbehaved { worker: id, rule: rule.to_owned() });
            }
        });
    }

    /// The auditor is up: serves its link until it fails.
    pub(crate) fn attach_records(self: &Arc<Self>, link: UnixStream) {
        let (number, outgoing) = self.records.start();
        let gateway = Arc::clone(self);
        tokio::spawn(async move {
            let commit_max = gateway.patience.commit;
            if records::tend(&gateway.records, number, link, outgoing, commit_max).await {
                eprintln!("gateway: the record link failed");
                gateway.fleet.fail_all(&unrecorded());
                gateway.say(FromGateway::RecordsLost);
            }
        });
    }

    /// Tells the supervisor something.
    pub(crate) fn say(&self, message: FromGateway) {
        self.sayer.say(message);
    }

    /// Whether the gateway is stopping.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// An id that no other request of this run has.
    pub(crate) fn next_request(&self) -> RequestId {
        RequestId(self.next_request.fetch_add(1, Ordering::Relaxed))
    }

    /// How long a client may take to send a request.
    pub(crate) fn read_max(&self) -> Duration {
        // Bounded so that it can be added to any time.
        Duration::from_millis(self.config.limits.read_ms_max).min(READ_MAX)
    }

    /// Waits for a turn to refuse somebody without a known key. Each refusal is a record, and who needs
    /// no key to cause one must not be able to fill the disk.
    pub(crate) async fn pace_strangers(&self) {
        let Ok(turn) = Arc::clone(&self.strangers).acquire_owned().await else { return };
        tokio::spawn(async move {
            tokio::time::sleep(STRANGER_TURN).await;
            drop(turn);
        });
    }

    /// Starts a keyed digest of content that must not stand in the ledger.
    pub(crate) fn digest(&self) -> Content {
        // A key shorter than the hash's block is padded with zeros (RFC 2104): done here, so that the
        // key's length is right by its type.
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(self.config.record_key.expose()) {
            *to = *from;
        }
        Content(Hmac::new(&block.into()))
    }
}

/// Content on its way into a keyed digest.
#[derive(Clone, Debug)]
pub(crate) struct Content(Hmac<Sha256>);

impl Content {
    /// Takes more of the content.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was taken.
    pub(crate) fn digest(&self) -> KeyedDigest {
        KeyedDigest(self.0.clone().finalize().into_bytes().into())
    }
}

/// What clients are told when the ledger fails.
pub(crate) fn unrecorded() -> Denial {
    Denial::new(
        Code::LedgerUnavailable,
        "the ledger did not accept the record of this request; try again shortly",
    )
}

/// Seconds since 1970, for the `created` that clients expect.
pub(crate) fn unix_seconds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the gateway is where the API meets the clock")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Strangers are refused so many at a time, and each of these places is free again after a while:
/// eighty a second.
const STRANGERS_MAX: usize = 8;
const STRANGER_TURN: Duration = Duration::from_millis(100);

/// Longest time that any client may take to send a request, whatever the operator says.
const READ_MAX: Duration = Duration::from_hours(24);
