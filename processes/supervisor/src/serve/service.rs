//! One thing that is started, and started again when it ends.

use std::time::{Duration, Instant};

use crate::backoff::Backoff;

/// Something that is kept running.
#[derive(Debug)]
pub(super) struct Service<T> {
    pub(super) phase: Phase<T>,
    backoff: Backoff,
}

/// Where it stands.
#[derive(Debug)]
pub(super) enum Phase<T> {
    /// Not wanted, or given up.
    Idle,
    /// To be started then.
    Due(Instant),
    /// Being started, beside us.
    Starting,
    /// Running.
    Up { it: T, since: Instant },
}

impl<T> Service<T> {
    pub(super) const fn new(first_wait: Duration) -> Self {
        Self { phase: Phase::Idle, backoff: Backoff::new(first_wait) }
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up { .. })
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| due <= now)
    }

    pub(super) fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Due(due) => Some(due),
            _ => None,
        }
    }

    pub(super) fn up(&mut self, it: T) {
        self.phase = Phase::Up { it, since: Instant::now() };
    }

    /// Takes it out when it is up, with how long it was; it is not wanted until
    /// [`again`](Self::again).
    pub(super) fn take(&mut self) -> Option<(T, Duration)> {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Up { it, since } => Some((it, since.elapsed())),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// It ended after being up for `healthy`, or could not be started: it is started again after a
    /// while, which is given back.
    pub(super) fn again(&mut self, healthy: Duration) -> Duration {
        let wait = self.backoff.after(healthy);
        self.phase = Phase::Due(Instant::now() + wait);
        wait
    }
}
