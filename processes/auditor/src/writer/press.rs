//! Publishing beside the commits: one edition at a time, on a thread of its own.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use proto::event::LedgerFault;

use super::edition::{Edition, Published};
use super::reason;
use crate::directory::Directory;

/// Least time between the starts of two editions.
const PAUSE: Duration = Duration::from_secs(1);

/// Records that are not left to wait that long: so many fill tiles that take a while to write.
const HURRY_RECORDS: u64 = 2048;

/// How soon a running edition is looked at again when nothing else happens.
const GLANCE: Duration = Duration::from_millis(20);

/// What is published, and the edition that is on its way.
#[derive(Debug)]
pub(crate) struct Press {
    directory: Arc<Directory>,
    published: Published,
    running: Option<Running>,
    not_before: Option<Instant>,
    /// Why the last edition failed, so that the log says it once.
    failure: Option<String>,
}

#[derive(Debug)]
struct Running {
    next: Published,
    thread: JoinHandle<io::Result<Vec<LedgerFault>>>,
}

impl Press {
    pub(crate) const fn new(directory: Arc<Directory>, published: Published) -> Self {
        Self { directory, published, running: None, not_before: None, failure: None }
    }

    /// What is in force.
    pub(crate) const fn published(&self) -> &Published {
        &self.published
    }

    /// When to come back, for a ledger of `size` durable records.
    pub(crate) fn due(&self, size: u64, now: Instant) -> Option<Instant> {
        match &self.running {
            Some(_) => Some(now + GLANCE),
            None if self.published.size < size => {
                let hurried = size - self.published.size >= HURRY_RECORDS && self.failure.is_none();
                Some(self.not_before.filter(|_| !hurried).unwrap_or(now))
            }
            None => None,
        }
    }

    /// Starts an edition, unless one is on its way.
    pub(crate) fn start(&mut self, edition: Edition, now: Instant) {
        if self.running.is_some() {
            return;
        }
        self.not_before = Some(now + PAUSE);
        let (directory, next) = (Arc::clone(&self.directory), edition.next.clone());
        let spawned = Builder::new().name("press".to_owned()).spawn(move || edition.publish(&directory));
        match spawned {
            Ok(thread) => self.running = Some(Running { next, thread }),
            Err(error) => self.failed(&error),
        }
    }

    /// The outcome of the edition that was on its way, if it has ended or is waited for; then what is
    /// published has changed.
    pub(crate) fn collect(&mut self, wait: bool) -> Option<Vec<LedgerFault>> {
        let running = self.running.take_if(|running| wait || running.thread.is_finished())?;
        let outcome = running.thread.join().unwrap_or_else(|_| Err(io::Error::other("publishing panicked")));
        self.finish(running.next, outcome).ok()
    }

    /// Publishes an edition while the caller waits. None may be on its way.
    pub(crate) fn print(&mut self, edition: &Edition) -> io::Result<Vec<LedgerFault>> {
        self.finish(edition.next.clone(), edition.publish(&self.directory))
    }

    fn finish(
        &mut self,
        next: Published,
        outcome: io::Result<Vec<LedgerFault>>,
    ) -> io::Result<Vec<LedgerFault>> {
        match &outcome {
            Ok(_) => (self.published, self.failure) = (next, None),
            Err(error) => self.failed(error),
        }
        outcome
    }

    fn failed(&mut self, error: &io::Error) {
        let why = reason(error);
        if self.failure.as_ref() != Some(&why) {
            crate::log(&format!("publishing failed: {why}"));
            self.failure = Some(why);
        }
    }
}
