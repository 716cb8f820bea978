//! A producer's record link.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use ledger::Body;
use proto::event::{Event, LinkViolated};
use proto::frame::{FrameError, HEADER_BYTES, body_length, decode, encode};
use proto::link::record::{FRAME_BYTES_MAX, FromAuditor, FromProducer, IN_FLIGHT_MAX};
use rustix::event::PollFlags;
use rustix::io::{Errno, ioctl_fionbio, read, write};

use crate::queue::{Item, LinkId, Queue, records_refused};

/// Bytes that one turn takes from a link: more than its socket holds.
pub(crate) const TURN_BYTES: usize = 256 * 1024;

/// A record link. Neither reading nor writing ever waits for the producer.
#[derive(Debug)]
pub(crate) struct Link {
    id: LinkId,
    process: Arc<str>,
    socket: OwnedFd,
    /// The beginning of a frame.
    partial: Vec<u8>,
    next_seq: u64,
    /// Records that came and whose answer is not written yet.
    in_flight: usize,
    /// Answers on their way.
    out: Vec<u8>,
    /// The newest commit, whose answer is not among them: one that comes after replaces it.
    committed: Option<(u64, u64)>,
    closed: bool,
}

/// A rule of the link that was broken.
struct Breach(String);

impl Link {
    pub(crate) fn new(id: LinkId, process: &str, socket: OwnedFd) -> io::Result<Self> {
        ioctl_fionbio(&socket, true)?;
        Ok(Self {
            id,
            process: process.into(),
            socket,
            partial: Vec::new(),
            next_seq: 0,
            in_flight: 0,
            out: Vec::new(),
            committed: None,
            closed: false,
        })
    }

    pub(crate) const fn id(&self) -> LinkId {
        self.id
    }

    pub(crate) fn process(&self) -> &str {
        &self.process
    }

    /// Whether nothing more comes: the producer closed it, or broke its rules.
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Reads no more from it.
    pub(crate) const fn close(&mut self) {
        self.closed = true;
    }

    /// What to wait for.
    pub(crate) fn interest(&self) -> PollFlags {
        if self.is_answered() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT }
    }

    /// Takes what has come, as far as one turn goes, and tells whether there was anything.
    pub(crate) fn receive(&mut self, scratch: &mut [u8], queue: &mut Queue) -> bool {
        if self.closed {
            return false;
        }
        let outcome = match read(&self.socket, &mut *scratch) {
            Ok(0) if self.partial.is_empty() => Err(None),
            Ok(0) => Err(Some(Breach("closed within a frame".to_owned()))),
            Ok(received) => {
                self.partial.extend_from_slice(scratch.get(..received).unwrap_or_default());
                self.take_frames(queue).map_err(Some)
            }
            Err(Errno::AGAIN | Errno::INTR) => return false,
            Err(_) => Err(None),
        };
        if let Err(breach) = outcome {
            self.closed = true;
            if let Some(Breach(rule)) = breach {
                queue.push_own(&self.violation(rule));
            }
        }
        true
    }

    /// The record is on disk.
    pub(crate) const fn commit(&mut self, seq: u64, index: u64) {
        self.committed = Some((seq, index));
    }

    /// The record is not in the ledger and will not be.
    pub(crate) fn refuse(&mut self, seq: u64, why: &str) {
        self.put_committed();
        self.put(&FromAuditor::Refused { seq, why: why.to_owned() });
    }

    /// Writes the answers, as far as the producer takes them.
    pub(crate) fn flush(&mut self) {
        loop {
            if self.out.is_empty() {
                self.put_committed();
            }
            if self.out.is_empty() {
                self.in_flight = 0;
                return;
            }
            match write(&self.socket, &self.out) {
                Ok(sent) => {
                    self.out.drain(..sent);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => {
                    // It is gone. What it sent before is read to the end all the same.
                    self.out.clear();
                    self.committed = None;
                }
            }
        }
    }

    fn is_answered(&self) -> bool {
        self.out.is_empty() && self.committed.is_none()
    }

    fn take_frames(&mut self, queue: &mut Queue) -> Result<(), Breach> {
        let buffer = std::mem::take(&mut self.partial);
        let mut rest = buffer.as_slice();
        while let Some((header, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
            let length = body_length(*header, FRAME_BYTES_MAX).map_err(breach)?;
            let Some((body, after)) = after.split_at_checked(length) else { break };
            let FromProducer::Append { seq, event } = decode(body).map_err(breach)?;
            self.take(seq, &event, queue)?;
            rest = after;
        }
        self.partial = rest.to_vec();
        Ok(())
    }

    fn take(&mut self, seq: u64, event: &Event, queue: &mut Queue) -> Result<(), Breach> {
        if self.in_flight >= IN_FLIGHT_MAX {
            return Err(Breach(format!("more than {IN_FLIGHT_MAX} records in flight")));
        }
        if seq != self.next_seq {
            let rule = format!("record {seq} came where {} follows", self.next_seq);
            // A count that starts elsewhere than at 0, or goes back, says nothing that could be checked.
            if self.next_seq == 0 || seq < self.next_seq {
                return Err(Breach(rule));
            }
            queue.push_own(&self.violation(rule));
        }
        self.next_seq =
            seq.checked_add(1).ok_or_else(|| Breach("record beyond the last count".to_owned()))?;
        self.in_flight += 1;
        match Body::new(event) {
            Ok(body) => {
                let process = Arc::clone(&self.process);
                queue.push(Item::Record { link: self.id, process, seq, body });
            }
            Err(error) => {
                let why = error.to_string();
                queue.push(Item::Refused { link: self.id, seq, why: why.clone() });
                queue.push_own(&records_refused(&self.process, Some((seq, seq)), why));
            }
        }
        Ok(())
    }

    fn violation(&self, rule: String) -> Event {
        Event::LinkViolated(LinkViolated { process: self.process.to_string(), worker: None, rule })
    }

    fn put_committed(&mut self) {
        if let Some((seq, index)) = self.committed.take() {
            self.put(&FromAuditor::Committed { seq, index });
        }
    }

    fn put(&mut self, answer: &FromAuditor) {
        // Answers are small: none is over the ceiling.
        self.out.extend(encode(answer, FRAME_BYTES_MAX).unwrap_or_default());
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The rule that a frame breaks.
fn breach(error: FrameError) -> Breach {
    Breach(match error {
        FrameError::Io(error) => format!("link failed: {error}"),
        other => other.to_string(),
    })
}
