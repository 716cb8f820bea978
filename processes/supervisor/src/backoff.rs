//! How long to wait before something that ended is started again.

use std::time::Duration;

/// Doubles with each end, and begins anew after a healthy while.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration) -> Self {
        Self { first, next: first }
    }

    /// The wait after an end, when it had been up for `healthy`.
    pub(crate) fn after(&mut self, healthy: Duration) -> Duration {
        if healthy >= HEALTHY_AFTER {
            self.next = self.first;
        }
        let wait = self.next;
        self.next = (wait * 2).min(WAIT_MAX);
        wait
    }
}

const WAIT_MAX: Duration = Duration::from_secs(30);
const HEALTHY_AFTER: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_ceiling_and_begin_anew_after_a_healthy_while() {
        let mut backoff = Backoff::new(Duration::from_millis(200));
        let waits: Vec<_> = (0..10).map(|_| backoff.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!(backoff.after(HEALTHY_AFTER).as_millis(), 200);
    }
}
