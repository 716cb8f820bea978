//! Requests in flight: the counters that `policy` decides on.

use std::sync::{Arc, Mutex};

use policy::{Denial, Load, Principal, check_load};
use proto::limits::RequestLimits;

use crate::sync::locked;

/// Counts requests in flight, of everybody and of each API key.
#[derive(Debug)]
pub(crate) struct Seats(Arc<Mutex<Counts>>);

#[derive(Debug)]
struct Counts {
    all: u32,
    by_key: Vec<u32>,
}

impl Seats {
    pub(crate) fn new(keys: usize) -> Self {
        Self(Arc::new(Mutex::new(Counts { all: 0, by_key: vec![0; keys] })))
    }

    /// Takes a seat for one request of `principal`, as policy allows.
    pub(crate) fn take(&self, principal: &Principal, limits: &RequestLimits) -> Result<Seat, Denial> {
        let key = principal.key();
        let mut counts = locked(&self.0);
        let in_flight_of_key = counts.by_key.get(key).copied().unwrap_or(u32::MAX);
        check_load(Load { in_flight: counts.all, in_flight_of_key }, limits)?;
        counts.all += 1;
        if let Some(count) = counts.by_key.get_mut(key) {
            *count += 1;
        }
        Ok(Seat { counts: Arc::clone(&self.0), key })
    }

    /// Requests in flight.
    pub(crate) fn taken(&self) -> u32 {
        locked(&self.0).all
    }
}

/// One request in flight. Gives its place back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    counts: Arc<Mutex<Counts>>,
    key: usize,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = locked(&self.counts);
        counts.all = counts.all.saturating_sub(1);
        if let Some(count) = counts.by_key.get_mut(self.key) {
            *count = count.saturating_sub(1);
        }
    }
}
