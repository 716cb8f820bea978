//! What the kernel tells of its own accord: signals, broken leases, denied calls.

use std::{
    sync::{Arc, PoisonError, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use proto::{WorkerId, code::Failure};
use sandbox::{
    lease::Leases,
    observe::Observer,
    signals::{Arrival, Signals},
};

use crate::{denials::Denials, event::Event, ground::Ground, log, threads};

/// The files of one worker, watched until they are given up.
#[derive(Debug)]
pub(crate) struct Watched {
    worker: WorkerId,
    leases: Weak<Leases>,
    told: bool,
}

impl Watched {
    pub(crate) fn new(worker: WorkerId, leases: &Arc<Leases>) -> Self {
        Self { worker, leases: Arc::downgrade(leases), told: false }
    }
}

/// Hears signals. Equal ones are merged by the kernel, so each broken lease is looked for; and looked
/// for all the same now and then.
pub(crate) fn signals(ground: Arc<Ground>, signals: Signals) -> Result<(), Failure> {
    threads::start("signals", move || {
        loop {
            match signals.next(Instant::now() + LOOK_EVERY) {
                Ok(Some(Arrival::Stop)) => {
                    let _ = ground.events.send(Event::Stop);
                }
                Ok(_) => tell_broken(&ground),
                Err(error) => {
                    log::say("supervisor", &format!("signals can't be read any more: {error}"));
                    let _ = ground.events.send(Event::Stop);
                    return;
                }
            }
        }
    })
}

/// Hears what the kernel says that processes were denied, where it says it to us.
pub(crate) fn denials(ground: Arc<Ground>) -> Result<(), Failure> {
    // The kernel counts processes as the host does: elsewhere its numbers are not ours.
    if std::fs::read_link("/proc/self/ns/pid").is_ok_and(|found| found.as_os_str() != FIRST_PIDS) {
        return Ok(());
    }
    let Ok(mut observer) = Observer::open() else { return Ok(()) };
    ground.observed.store(true, Ordering::Relaxed);
    threads::start("denials", move || {
        let mut denials = Denials::default();
        loop {
            let deadline = denials.due().unwrap_or_else(|| Instant::now() + LOOK_EVERY);
            match observer.next(deadline) {
                Ok(Some(denial)) => denials.add(&denial, ground.roster.member(denial.pid)),
                Ok(None) => {}
                Err(error) => {
                    log::say("supervisor", &format!("denials can't be read any more: {error}"));
                    ground.observed.store(false, Ordering::Relaxed);
                    return;
                }
            }
            for record in denials.take_due(Instant::now()) {
                ground.recorder.note(record);
            }
        }
    })
}

fn tell_broken(ground: &Ground) {
    let mut broken = Vec::new();
    let mut watched = ground.watched.lock().unwrap_or_else(PoisonError::into_inner);
    watched.retain_mut(|one| {
        let Some(leases) = one.leases.upgrade() else { return false };
        if !one.told && !leases.are_intact() {
            one.told = true;
            broken.push(one.worker);
        }
        true
    });
    drop(watched);
    for worker in broken {
        let _ = ground.events.send(Event::LeaseBroken { worker });
    }
}

/// The host's own numbering of processes: the kernel gives it this number, always.
const FIRST_PIDS: &str = "pid:[4026531836]";

const LOOK_EVERY: Duration = Duration::from_secs(1);
