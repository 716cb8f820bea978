//! From signals to an orderly end.

use std::thread;
use std::time::{Duration, Instant};

use sandbox::signals::{Arrival, Signals};

use crate::failure::{Result, host_call};
use crate::supervisor::Stopper;

/// From now on control-C and its like wait to be read.
pub(super) fn hold() -> Result<Signals> {
    Signals::hold().map_err(|error| host_call("hold signals", error))
}

/// The first signal asks the supervisor to stop. The second ends this process at once; the supervisor
/// then sees the link close, and ends everything.
pub(super) fn on_signal(signals: Signals, stopper: Stopper) -> Result<()> {
    let listen = move || {
        let mut asked = false;
        loop {
            match signals.next(Instant::now() + AN_HOUR) {
                Ok(Some(Arrival::Stop)) if asked => std::process::exit(INTERRUPTED),
                Ok(Some(Arrival::Stop)) => {
                    asked = true;
                    stopper.stop();
                }
                Ok(Some(Arrival::Lease) | None) => {}
                Err(_) => return,
            }
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .map(|_| ())
        .map_err(|error| host_call("start a thread", error))
}

const AN_HOUR: Duration = Duration::from_hours(1);

/// As shells say it of a program that SIGINT ended.
const INTERRUPTED: i32 = 130;
