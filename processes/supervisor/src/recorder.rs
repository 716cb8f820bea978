//! The supervisor's own records: sent to the auditor, kept until it says that they are on disk, and
//! sent again when it was lost before.

use std::{
    collections::{BTreeMap, VecDeque},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc::SyncSender},
    time::{Duration, Instant},
};

use proto::{
    Code,
    code::Failure,
    event::Event as Record,
    link::record::{FRAME_BYTES_MAX, FromAuditor, FromProducer, IN_FLIGHT_MAX},
    read_frame,
};

use crate::{event::Event, failure::host, link, threads};

/// Where records go. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    events: SyncSender<Event>,
}

/// Records that are not known to be on disk, in order.
#[derive(Debug, Default)]
struct Queue {
    link: Option<UnixStream>,
    /// Which link: what a dead one still says is not heard.
    generation: u64,
    /// The next record's number on this link.
    next_seq: u64,
    next_ticket: u64,
    /// On this link, not answered yet.
    sent: VecDeque<(u64, Entry)>,
    /// Not on this link yet.
    waiting: VecDeque<Entry>,
    /// Not taken by the ledger, such as when the disk was full: to be tried again.
    refused: VecDeque<Entry>,
    /// Somebody waits for these; the answer, once there is one.
    awaited: BTreeMap<u64, Option<bool>>,
    overflowed: bool,
}

#[derive(Debug)]
struct Entry {
    ticket: u64,
    record: Record,
}

impl Recorder {
    pub(crate) fn new(events: SyncSender<Event>) -> Self {
        Self(Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new(), events }))
    }

    /// Records something. It reaches the disk in its order, as soon as there is an auditor.
    pub(crate) fn note(&self, record: Record) {
        let mut queue = self.0.queue();
        queue.push(record);
        queue.send();
    }

    /// Records something, and waits until it is on disk. When it isn't by then, it still will be
    /// tried.
    pub(crate) fn commit(&self, record: Record, deadline: Instant) -> Result<(), Failure> {
        let ticket = {
            let mut queue = self.0.queue();
            let ticket = queue.push(record);
            queue.awaited.insert(ticket, None);
            queue.send();
            ticket
        };
        let answered = |queue: &mut Queue| queue.awaited.get(&ticket).is_none_or(Option::is_some);
        let mut queue = self.0.wait(deadline, answered);
        match queue.awaited.remove(&ticket) {
            Some(Some(true)) => Ok(()),
            Some(Some(false)) => Err(unavailable("the ledger refused the record")),
            _ => Err(unavailable("the ledger did not take the record in time")),
        }
    }

    /// Waits until everything recorded so far is on disk; `false` when the deadline passed first.
    pub(crate) fn settle(&self, deadline: Instant) -> bool {
        self.retry();
        self.0.wait(deadline, |queue| queue.is_empty()).is_empty()
    }

    /// Takes a new link into use. What the last auditor did not answer for is sent again.
    pub(crate) fn connect(&self, link: UnixStream) -> Result<(), Failure> {
        let from = link.try_clone().map_err(host("copy a link"))?;
        let generation = {
            let mut queue = self.0.queue();
            queue.disconnect();
            queue.generation += 1;
            queue.link = Some(link);
            queue.send();
            queue.generation
        };
        let shared = Arc::clone(&self.0);
        threads::start("records", move || shared.listen(from, generation))
    }

    /// Sends again what the ledger refused.
    pub(crate) fn retry(&self) {
        let mut queue = self.0.queue();
        let refused = std::mem::take(&mut queue.refused);
        queue.waiting.extend(refused);
        queue.send();
    }

    /// Whether more happened than can be kept without an auditor.
    pub(crate) fn has_overflowed(&self) -> bool {
        self.0.queue().overflowed
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, deadline: Instant, done: impl Fn(&mut Queue) -> bool) -> MutexGuard<'_, Queue> {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.queue(), left, |queue| !done(queue));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Hears what the auditor says until the link ends.
    fn listen(&self, mut from: UnixStream, generation: u64) {
        while let Ok(answer) = read_frame(&mut from, FRAME_BYTES_MAX) {
            let mut queue = self.queue();
            if queue.generation != generation {
                return;
            }
            if !queue.take(&answer) {
                break;
            }
            queue.send();
            drop(queue);
            self.changed.notify_all();
        }
        let mut queue = self.queue();
        if queue.generation == generation {
            queue.disconnect();
            drop(queue);
            // Nobody listens any more when everything has ended.
            let _ = self.events.send(Event::RecordsLost);
        }
    }
}

impl Queue {
    fn push(&mut self, record: Record) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        if self.kept() >= KEPT_MAX {
            self.overflowed = true;
        } else {
            self.waiting.push_back(Entry { ticket, record });
        }
        ticket
    }

    /// Sends what waits, as far as the link takes it.
    fn send(&mut self) {
        while self.sent.len() < IN_FLIGHT_MAX {
            let Some(to) = &self.link else { return };
            let Some(entry) = self.waiting.pop_front() else { return };
            let message = FromProducer::Append { seq: self.next_seq, event: entry.record.clone() };
            let sent = link::send(to, &message, FRAME_BYTES_MAX, &[]);
            self.sent.push_back((self.next_seq, entry));
            self.next_seq += 1;
            if sent.is_err() {
                self.disconnect();
            }
        }
    }

    /// Takes an answer in; `false` when it isn't one to what was sent.
    fn take(&mut self, answer: &FromAuditor) -> bool {
        match *answer {
            FromAuditor::Committed { seq, .. } => {
                if seq >= self.next_seq {
                    return false;
                }
                while let Some((_, entry)) = self.sent.pop_front_if(|(sent, _)| *sent <= seq) {
                    self.answer(entry.ticket, true);
                }
            }
            FromAuditor::Refused { seq, .. } => {
                let Some((_, entry)) = self.sent.pop_front_if(|(sent, _)| *sent == seq) else {
                    return false;
                };
                self.answer(entry.ticket, false);
                self.refused.push_back(entry);
            }
        }
        true
    }

    fn answer(&mut self, ticket: u64, committed: bool) {
        if let Some(awaited) = self.awaited.get_mut(&ticket) {
            *awaited = Some(committed);
        }
    }

    /// Forgets the link; what was not answered waits for the next one.
    fn disconnect(&mut self) {
        if let Some(link) = self.link.take() {
            // Its listener ends, and the auditor sees that it is closed.
            let _ = link.shutdown(Shutdown::Both);
        }
        self.next_seq = 0;
        while let Some((_, entry)) = self.sent.pop_back() {
            self.waiting.push_front(entry);
        }
    }

    fn kept(&self) -> usize {
        self.sent.len() + self.waiting.len() + self.refused.len()
    }

    fn is_empty(&self) -> bool {
        self.kept() == 0
    }
}

fn unavailable(why: &str) -> Failure {
    Failure::new(Code::LedgerUnavailable, why)
        .with_hint("look at the auditor's log; the disk of the state directory may be full")
}

/// Most records that are kept without an auditor. One more ends everything: what happens must be on
/// record.
const KEPT_MAX: usize = IN_FLIGHT_MAX;

/// How long a record may take to be on disk, an auditor's restart included.
pub(crate) const COMMITTED_WITHIN: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;
    use proto::event::Lifecycle;
    use std::sync::mpsc::{self, Receiver};

    fn record(phase: &str) -> Record {
        Record::Lifecycle(Lifecycle { phase: phase.to_owned(), version: "1".to_owned() })
    }

    fn recorder() -> (Recorder, Receiver<Event>) {
        let (events, inbox) = mpsc::sync_channel(16);
        (Recorder::new(events), inbox)
    }

    fn link(recorder: &Recorder) -> UnixStream {
        let (ours, theirs) = link::pair().unwrap();
        recorder.connect(ours).unwrap();
        theirs
    }

    fn heard(auditor: &UnixStream) -> (u64, Record) {
        let FromProducer::Append { seq, event } = link::receive(auditor, FRAME_BYTES_MAX, soon()).unwrap();
        (seq, event)
    }

    fn answer(auditor: &UnixStream, answer: &FromAuditor) {
        link::send(auditor, answer, FRAME_BYTES_MAX, &[]).unwrap();
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn what_was_recorded_before_there_was_an_auditor_is_sent_first() {
        let (recorder, _inbox) = recorder();
        recorder.note(record("one"));
        let auditor = link(&recorder);
        recorder.note(record("two"));
        assert_eq!(heard(&auditor), (0, record("one")));
        assert_eq!(heard(&auditor), (1, record("two")));
        answer(&auditor, &FromAuditor::Committed { seq: 1, index: 7 });
        assert!(recorder.settle(soon()));
    }

    #[test]
    fn what_a_dead_auditor_did_not_answer_for_is_sent_to_the_next_in_order() {
        let (recorder, inbox) = recorder();
        let auditor = link(&recorder);
        for phase in ["one", "two", "three"] {
            recorder.note(record(phase));
        }
        answer(&auditor, &FromAuditor::Committed { seq: 0, index: 0 });
        // It is known to be committed before the link ends: both come in order.
        drop(auditor);
        assert!(matches!(inbox.recv_timeout(Duration::from_secs(20)), Ok(Event::RecordsLost)));
        let next = link(&recorder);
        assert_eq!(heard(&next), (0, record("two")));
        assert_eq!(heard(&next), (1, record("three")));
    }

    #[test]
    fn a_refused_record_fails_who_waits_for_it_and_is_tried_again() {
        let (recorder, _inbox) = recorder();
        let auditor = link(&recorder);
        let waits = std::thread::spawn({
            let recorder = recorder.clone();
            move || recorder.commit(record("one"), soon())
        });
        assert_eq!(heard(&auditor).0, 0);
        answer(&auditor, &FromAuditor::Refused { seq: 0, why: "disk full".to_owned() });
        assert_eq!(waits.join().unwrap().unwrap_err().code, Code::LedgerUnavailable);
        recorder.retry();
        assert_eq!(heard(&auditor), (1, record("one")));
        answer(&auditor, &FromAuditor::Committed { seq: 1, index: 0 });
        assert!(recorder.settle(soon()));
    }

    #[test]
    fn an_auditor_that_answers_for_what_was_never_sent_is_not_heard_again() {
        let (recorder, inbox) = recorder();
        let auditor = link(&recorder);
        answer(&auditor, &FromAuditor::Committed { seq: 3, index: 0 });
        assert!(matches!(inbox.recv_timeout(Duration::from_secs(20)), Ok(Event::RecordsLost)));
    }

    #[test]
    fn without_an_auditor_the_number_of_records_has_a_ceiling() {
        let (recorder, _inbox) = recorder();
        for _ in 0..KEPT_MAX {
            recorder.note(record("one"));
        }
        assert!(!recorder.has_overflowed());
        recorder.note(record("one more"));
        assert!(recorder.has_overflowed());
    }
}
