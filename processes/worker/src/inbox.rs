//! What the threads of the engine share: requests on their way from the link to a slot.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use proto::RequestId;
use proto::limits::GenerateLimits;
use proto::link::engine::{Prompt, Sampling};

/// A request as it was heard.
#[derive(Debug)]
pub struct Heard {
    /// Which request.
    pub request: RequestId,
    /// What to continue.
    pub prompt: Prompt,
    /// What was asked for beside it.
    pub terms: Terms,
}

/// A request whose prompt is tokens.
#[derive(Debug)]
pub struct Ready {
    /// Which request.
    pub request: RequestId,
    /// The prompt.
    pub tokens: Vec<u32>,
    /// What was asked for beside it.
    pub terms: Terms,
}

/// How a request is to be answered.
#[derive(Clone, Debug)]
pub struct Terms {
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// What it may use.
    pub limits: GenerateLimits,
    /// When its time is over; none when that is beyond what the clock can say.
    pub deadline: Option<Instant>,
}

/// Requests between two threads each, and which of them are alive. Its size is bounded by the number
/// of requests that may be alive.
#[derive(Debug)]
pub struct Inbox {
    live_max: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    heard: VecDeque<Heard>,
    ready: VecDeque<Ready>,
    live: BTreeSet<RequestId>,
    cancelled: BTreeSet<RequestId>,
    closed: bool,
}

/// Why a request is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// As many as may be are alive.
    Full,
    /// One of that id is alive: the peer breaks the link's rules.
    Known,
}

impl Inbox {
    /// Makes room for `live_max` requests.
    pub fn new(live_max: usize) -> Self {
        Self { live_max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Takes a request from the link.
    ///
    /// # Errors
    /// [`Refused`] when it cannot be taken.
    pub fn put(&self, heard: Heard) -> Result<(), Refused> {
        let mut state = self.state();
        if state.live.contains(&heard.request) {
            return Err(Refused::Known);
        }
        if state.live.len() >= self.live_max {
            return Err(Refused::Full);
        }
        state.live.insert(heard.request);
        state.heard.push_back(heard);
        self.changed.notify_all();
        Ok(())
    }

    /// Notes that a request is no longer wanted. One that has ended already is not known any more.
    pub fn cancel(&self, request: RequestId) {
        let mut state = self.state();
        if state.live.contains(&request) {
            state.cancelled.insert(request);
        }
    }

    /// Waits for a request whose prompt is not tokens yet; `None` when the link is closed.
    pub fn heard(&self) -> Option<Heard> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(heard) = state.heard.pop_front() {
                return Some(heard);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Passes a request on.
    pub fn pass(&self, ready: Ready) {
        self.state().ready.push_back(ready);
        self.changed.notify_all();
    }

    /// Waits until there is a request to answer or the link is closed.
    pub fn wait(&self) {
        let mut state = self.state();
        while !state.closed && state.ready.is_empty() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next request to answer.
    pub fn ready(&self) -> Option<Ready> {
        self.state().ready.pop_front()
    }

    /// Takes out those requests to answer for which `over` holds.
    pub fn withdraw(&self, over: impl Fn(&Ready) -> bool) -> Vec<Ready> {
        let mut state = self.state();
        let (over, ready) = state.ready.drain(..).partition(over);
        state.ready = ready;
        over.into_iter().collect()
    }

    /// Whether a request is no longer wanted.
    pub fn is_cancelled(&self, request: RequestId) -> bool {
        self.state().cancelled.contains(&request)
    }

    /// Forgets a request that has ended. Call it before saying so: the peer may ask again at once.
    pub fn forget(&self, request: RequestId) {
        let mut state = self.state();
        state.live.remove(&request);
        state.cancelled.remove(&request);
    }

    /// Ends everything: nobody is there to be answered.
    pub fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }

    /// Whether the link is closed.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Nothing that is done under the lock can fail half-way, so a poisoned one is as good.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
