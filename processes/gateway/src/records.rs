//! The record link: what happened, and the promise that it is on disk.
//!
//! Nothing is served that cannot be recorded. When the link fails, everything in flight fails, and
//! nothing is let in before the supervisor brings a new one. The ends of requests that were admitted and
//! whose end could not be recorded are owed to the ledger, and are the first thing on the new link.

mod link;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};
use std::time::Instant;

use proto::event::Event;
use proto::link::record::{FRAME_BYTES_MAX, FromAuditor, FromProducer, IN_FLIGHT_MAX};
use proto::{Code, frame};
use tokio::sync::{mpsc, oneshot};

pub(crate) use link::tend;

use crate::sync::locked;

/// The record link, up or down.
#[derive(Debug, Default)]
pub(crate) struct Records(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    link: Option<Link>,
    links: u64,
    owed: VecDeque<Event>,
}

#[derive(Debug)]
struct Link {
    number: u64,
    next_seq: u64,
    frames: mpsc::Sender<Vec<u8>>,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    seq: u64,
    since: Instant,
    /// Kept where the ledger must hear of it in the end.
    event: Option<Event>,
    committed: oneshot::Sender<()>,
}

/// The ledger did not take a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the ledger did not accept the record")]
pub(crate) struct Lost;

/// A record on its way. Resolves when it is on disk, or will not be.
#[derive(Debug)]
pub(crate) struct Ticket(oneshot::Receiver<()>);

impl Future for Ticket {
    type Output = Result<(), Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_dropped| Lost)
    }
}

impl Records {
    /// Sends a record.
    ///
    /// # Errors
    /// [`Lost`] when the link is down, or too many records wait for the auditor. Refusals leave half of
    /// the room to requests: a flood of them must not keep anybody from being served.
    pub(crate) fn append(&self, event: Event) -> Result<Ticket, Lost> {
        let mut state = locked(&self.0);
        let waiting_max =
            if matches!(event, Event::RequestDenied(_)) { IN_FLIGHT_MAX / 2 } else { IN_FLIGHT_MAX };
        let sent = match &mut state.link {
            Some(link) if link.waiting.len() < waiting_max => link.send(&event),
            _ => Err(Lost),
        };
        if sent.is_err() {
            state.owe(event);
        }
        sent
    }

    /// Whether records can be sent.
    pub(crate) fn up(&self) -> bool {
        locked(&self.0).link.is_some()
    }

    /// How many records wait to be committed.
    pub(crate) fn pending(&self) -> usize {
        locked(&self.0).link.as_ref().map_or(0, |link| link.waiting.len())
    }

    /// A new link is up: what is owed goes first. Gives the link's number and the frames to write.
    pub(crate) fn start(&self) -> (u64, mpsc::Receiver<Vec<u8>>) {
        // Never full: no more frames wait than records do.
        let (frames, outgoing) = mpsc::channel(IN_FLIGHT_MAX);
        let mut state = locked(&self.0);
        state.stop();
        state.links += 1;
        let mut link = Link { number: state.links, next_seq: 0, frames, waiting: VecDeque::new() };
        for event in std::mem::take(&mut state.owed) {
            // Nobody waits for it. What fails now is owed again when this link is lost.
            let _ = link.send(&event);
        }
        state.link = Some(link);
        (state.links, outgoing)
    }

    /// A link failed: whoever waits for it is told. False when it had been replaced before.
    fn lose(&self, number: u64) -> bool {
        let mut state = locked(&self.0);
        let current = state.link.as_ref().is_some_and(|link| link.number == number);
        if current {
            state.stop();
        }
        current
    }

    /// Takes one answer of the auditor. False when it is not legal.
    fn receive(&self, number: u64, answer: &FromAuditor) -> bool {
        let mut state = locked(&self.0);
        let Some(link) = state.link.as_mut().filter(|link| link.number == number) else { return false };
        match answer {
            FromAuditor::Committed { seq, .. } if *seq < link.next_seq => {
                while let Some(waiting) = link.waiting.pop_front_if(|waiting| waiting.seq <= *seq) {
                    // Who is gone by now does not need to hear it.
                    let _ = waiting.committed.send(());
                }
                true
            }
            FromAuditor::Refused { seq, .. } => {
                match link.waiting.pop_front_if(|waiting| waiting.seq == *seq) {
                    Some(waiting) => {
                        if let Some(event) = waiting.event {
                            state.owe(event);
                        }
                        true
                    }
                    None => false,
                }
            }
            FromAuditor::Committed { .. } => false,
        }
    }

    /// Since when the oldest record has waited.
    fn oldest(&self, number: u64) -> Option<Instant> {
        let state = locked(&self.0);
        let link = state.link.as_ref().filter(|link| link.number == number)?;
        link.waiting.front().map(|waiting| waiting.since)
    }
}

impl State {
    fn stop(&mut self) {
        let Some(link) = self.link.take() else { return };
        for waiting in link.waiting {
            if let Some(event) = waiting.event {
                self.owe(event);
            }
        }
    }

    /// Keeps the end of a request for the next link. Its client is told that the ledger failed, unless
    /// it was told something else before.
    fn owe(&mut self, event: Event) {
        if let Event::RequestEnded(mut ended) = event
            && self.owed.len() < IN_FLIGHT_MAX / 2
        {
            ended.failed.get_or_insert(Code::LedgerUnavailable);
            self.owed.push_back(Event::RequestEnded(ended));
        }
    }
}

impl Link {
    fn send(&mut self, event: &Event) -> Result<Ticket, Lost> {
        let seq = self.next_seq;
        let append = FromProducer::Append { seq, event: event.clone() };
        let bytes = frame::encode(&append, FRAME_BYTES_MAX).map_err(|_| Lost)?;
        self.frames.try_send(bytes).map_err(|_| Lost)?;
        self.next_seq += 1;
        let (committed, ticket) = oneshot::channel();
        let FromProducer::Append { event, .. } = append;
        let event = matches!(event, Event::RequestEnded(_)).then_some(event);
        self.waiting.push_back(Waiting { seq, since: Instant::now(), event, committed });
        Ok(Ticket(ticket))
    }
}

#[cfg(test)]
mod tests;
