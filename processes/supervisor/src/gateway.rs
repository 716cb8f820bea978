//! Starts the gateway, and tells it of workers.

use std::{
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    time::{Duration, Instant},
};

use proto::{
    Code,
    code::Failure,
    link::{
        gateway::{FRAME_BYTES_MAX, FromGateway, GatewayConfig, ToGateway},
        operator::ServePlan,
    },
};

use crate::{
    cell::{Cell, Reason},
    ground::{Ground, Launch},
    inspection,
    link::{self, LinkFault},
    state::Keys,
    topology,
};

/// What the gateway is told at its start.
pub(crate) fn config(plan: &ServePlan, keys: &Keys) -> GatewayConfig {
    GatewayConfig {
        limits: plan.requests,
        keys: plan.keys.clone(),
        models: plan.models.iter().map(|model| model.name.clone()).collect(),
        record_key: keys.record.clone(),
        metrics_open: plan.metrics_open,
        threads: inspection::threads(THREADS_MAX),
    }
}

/// Starts the gateway on the listener, and waits until it serves it.
pub(crate) fn start(
    ground: &Ground,
    config: GatewayConfig,
    listener: &OwnedFd,
    records: &UnixStream,
) -> Result<Cell, Failure> {
    let cell = ground.launch(Launch::of(&topology::GATEWAY))?;
    let ready = || {
        let message = ToGateway::Start(Box::new(config));
        link::send(&cell.control, &message, FRAME_BYTES_MAX, &[listener.as_fd(), records.as_fd()])?;
        match link::receive(&cell.control, FRAME_BYTES_MAX, Instant::now() + READY_WITHIN)? {
            FromGateway::Ready => Ok(()),
            other => Err(LinkFault::Broken(format!("it said {other:?} before it was ready"))),
        }
    };
    match ready() {
        Ok(()) => Ok(cell),
        Err(fault) => {
            let reason = match fault {
                LinkFault::TooLate => Reason::TooLate,
                LinkFault::Closed => Reason::Own,
                LinkFault::Broken(_) => Reason::Ordered,
            };
            let ending = cell.end(ground, reason);
            let message = format!("the gateway did not become ready: {fault}; {}", ending.shown());
            Err(Failure::new(Code::StartTimeout, message))
        }
    }
}

/// Most threads that serve requests.
const THREADS_MAX: u32 = 4;

/// How long the gateway may take to serve its listener.
const READY_WITHIN: Duration = Duration::from_secs(20);
