//! What the deciding thread hears of.

use std::sync::mpsc::SyncSender;

use proto::{WorkerId, code::Failure, link::operator::FromSupervisor};
use sandbox::jail::{JailError, JailSpec, Jailed};

use crate::{
    auditor::Auditor,
    cell::{Cell, CellId},
    load::{Loaded, NotLoaded},
};

/// What the deciding thread hears of.
#[derive(Debug)]
pub(crate) enum Event {
    /// The operator said stop or went away, or a signal asked to stop.
    Stop,
    /// A jail is to be started. Only the deciding thread does: a process dies with the thread that
    /// started it.
    Start {
        /// The jail.
        spec: Box<JailSpec>,
        /// Where the started process goes.
        reply: SyncSender<Result<Jailed, JailError>>,
    },
    /// A process said something on its control link.
    Said {
        /// Which one.
        cell: CellId,
        /// A frame's body.
        body: Vec<u8>,
    },
    /// A process broke the rules of its control link, or closed it.
    Broke {
        /// Which one.
        cell: CellId,
        /// Which rule.
        rule: String,
    },
    /// A process ended.
    Ended {
        /// Which one.
        cell: CellId,
    },
    /// The auditor is up, or could not be started.
    AuditorUp(Box<Result<Auditor, Failure>>),
    /// The gateway is up, or could not be started.
    GatewayUp(Box<Result<Cell, Failure>>),
    /// A model's worker is up, or could not be started.
    ModelUp {
        /// The model's place in the plan.
        model: usize,
        /// The worker.
        outcome: Box<Result<Loaded, NotLoaded>>,
    },
    /// Our own link to the auditor failed.
    RecordsLost,
    /// Somebody waits to write to a file that a worker uses.
    LeaseBroken {
        /// Which worker.
        worker: WorkerId,
    },
    /// A command that is carried out at once is done.
    Done(Box<Result<FromSupervisor, Failure>>),
}

/// Most events that wait for the deciding thread; who has one more waits.
pub(crate) const WAITING_MAX: usize = 256;
