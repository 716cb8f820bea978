//! The loop: take what has come, commit it, answer; again.
//!
//! While a flush runs, the next records queue in the links' sockets: what is there when it ends is the
//! next group. Nothing waits for a group to fill.

use std::error::Error;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ledger::Body;
use ledger::note::{NoteError, Signer};
use ledger::record::PRODUCER_BYTES_MAX;
use proto::event::Event;
use proto::link::auditor::{FromAuditor, ToAuditor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::control::{Control, ControlError};
use crate::directory::Directory;
use crate::link::{Link, TURN_BYTES};
use crate::queue::{AUDITOR, Item, LinkId, Queue};
use crate::writer::{CommitFault, Draft, OpenError, Writer};

/// Most record links at once: there are fewer processes than this.
const LINKS_MAX: usize = 64;

/// Turns in which a link that ends is read out: more than its socket holds.
const DRAIN_TURNS: usize = 8;

/// Attempts to write a group, each into another journal.
const ATTEMPTS: usize = 3;

/// How long records are refused before the disk is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Serves a supervisor until it says stop.
pub(crate) fn run(link: OwnedFd, ledger: &Path) -> ExitCode {
    let control = Control::new(link);
    match serve(&control, ledger) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let why = in_one_line(&error);
            crate::log(&why);
            // A supervisor that is gone needs no answer.
            let _ = control.say(&FromAuditor::Failed { why });
            ExitCode::FAILURE
        }
    }
}

fn serve(control: &Control, ledger: &Path) -> Result<(), ServeError> {
    let Some((first, _)) = control.receive()? else { return Ok(()) };
    let ToAuditor::Start { origin, key } = first else { return Err(ControlError::Phase.into()) };
    let signer = Signer::new(&origin, &key)?;
    let directory = Directory::open(ledger).map_err(OpenError::from)?;
    let writer = Writer::open(directory, signer)?;
    control.say(&FromAuditor::Ready { size: writer.size() })?;
    let mut service = Service {
        writer,
        links: Vec::new(),
        links_ever: 0,
        queue: Queue::default(),
        own_seq: 0,
        refusing: None,
        complaint: None,
        scratch: vec![0; TURN_BYTES],
    };
    service.commit_all()?;
    while service.turn(control)? {}
    Ok(())
}

/// The auditor at work.
struct Service {
    writer: Writer,
    links: Vec<Link>,
    links_ever: LinkId,
    queue: Queue,
    own_seq: u64,
    /// Since the disk had no room: when it is tried again, and why records are refused until then.
    refusing: Option<(Instant, String)>,
    /// What the log was told last about that.
    complaint: Option<String>,
    scratch: Vec<u8>,
}

impl Service {
    /// One turn; false when the supervisor wants no other.
    fn turn(&mut self, control: &Control) -> Result<bool, ServeError> {
        let (commanded, ready) = self.wait(control)?;
        for (link, _) in self.links.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            link.receive(&mut self.scratch, &mut self.queue);
        }
        let goes_on = if commanded { self.obey(control)? } else { true };
        self.commit_all()?;
        self.links.iter_mut().for_each(Link::flush);
        self.links.retain(|link| !link.is_closed());
        if goes_on {
            self.writer.tick(Instant::now());
        } else {
            self.finish(control)?;
        }
        Ok(goes_on)
    }

    /// Waits until there is something to do: whether the supervisor spoke, and for each link whether
    /// there is something to read.
    fn wait(&self, control: &Control) -> Result<(bool, Vec<bool>), ServeError> {
        let now = Instant::now();
        let retry = self.refusing.as_ref().filter(|_| !self.queue.is_empty()).map(|(at, _)| *at);
        let found = self.writer.has_found().then_some(now);
        let due = self.writer.due(now).into_iter().chain(retry).chain(found).min();
        let timeout = due.map(|due| due.saturating_duration_since(now) + Duration::from_micros(1));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut polled = vec![PollFd::new(control, PollFlags::IN)];
        polled.extend(self.links.iter().map(|link| PollFd::new(link, link.interest())));
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok((false, Vec::new())),
            Err(error) => return Err(ServeError::Wait(error.into())),
        }
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        let mut ready = polled.iter().map(|polled| polled.revents().intersects(readable));
        Ok((ready.next().unwrap_or_default(), ready.collect()))
    }

    /// Does what the supervisor says; false when that is to stop.
    fn obey(&mut self, control: &Control) -> Result<bool, ServeError> {
        match control.receive()? {
            Some((ToAuditor::Producer { process }, Some(socket))) => self.admit(&process, socket)?,
            Some((ToAuditor::Checkpoint, None)) => {
                self.commit_all()?;
                self.publish();
                self.say_checkpoint(control)?;
            }
            Some((ToAuditor::Stop, None)) | None => {
                for link in &mut self.links {
                    drain(link, &mut self.scratch, &mut self.queue);
                }
                return Ok(false);
            }
            Some(_) => return Err(ControlError::Phase.into()),
        }
        Ok(true)
    }

    /// Takes in a producer's link. One that the same producer had before ends first, so that the
    /// records of both stay in order.
    fn admit(&mut self, process: &str, socket: OwnedFd) -> Result<(), ServeError> {
        let named = (1..=PRODUCER_BYTES_MAX).contains(&process.len()) && process != AUDITOR;
        for link in self.links.iter_mut().filter(|link| link.process() == process) {
            drain(link, &mut self.scratch, &mut self.queue);
        }
        if !named || self.links.len() >= LINKS_MAX {
            return Err(ControlError::Phase.into());
        }
        self.links_ever += 1;
        self.links.push(Link::new(self.links_ever, process, socket).map_err(ControlError::from)?);
        Ok(())
    }

    /// Commits and answers everything that waits, or refuses it.
    fn commit_all(&mut self) -> Result<(), ServeError> {
        for fault in self.writer.take_found() {
            self.queue.push_own(&Event::LedgerFault(fault));
        }
        while !self.queue.is_empty() {
            let (lead, items) = self.queue.take_group();
            self.refusing.take_if(|(until, _)| Instant::now() >= *until);
            match self.refusing.clone() {
                Some((_, why)) => {
                    // Only this process's own records are left when it is through.
                    let more = items.iter().any(|item| !matches!(item, Item::Own(_)));
                    self.refuse(items, &why);
                    if !more {
                        break;
                    }
                }
                None => self.commit(&lead, items)?,
            }
        }
        Ok(())
    }

    fn commit(&mut self, lead: &[Body], mut items: Vec<Item>) -> Result<(), ServeError> {
        let mut why = "the journal was lost again and again".to_owned();
        for _ in 0..ATTEMPTS {
            let drafts = drafts(lead, &items, self.own_seq);
            if drafts.is_empty() {
                self.answer(items, 0);
                return Ok(());
            }
            let own = drafts.iter().filter(|draft| draft.producer == AUDITOR).count() as u64;
            match self.writer.commit(&drafts) {
                Ok(first) => {
                    self.own_seq += own;
                    self.complaint = None;
                    self.queue.recorded();
                    self.answer(items, first + lead.len() as u64);
                    return Ok(());
                }
                Err(CommitFault::Journal(fault)) => {
                    let body = Body::new(&Event::LedgerFault(fault));
                    items.splice(0..0, body.ok().map(Item::Own));
                }
                Err(CommitFault::Refused(reason)) => {
                    why = reason;
                    break;
                }
                Err(CommitFault::Unknown(why)) => return Err(ServeError::Unknown { why }),
            }
        }
        if self.complaint.as_ref() != Some(&why) {
            crate::log(&format!("records are refused: {why}"));
            self.complaint = Some(why.clone());
        }
        self.refuse(items, &why);
        self.refusing = Some((Instant::now() + RETRY, why));
        Ok(())
    }

    /// Answers a group whose records start at `index`.
    fn answer(&mut self, items: Vec<Item>, mut index: u64) {
        for item in items {
            match item {
                Item::Record { link, seq, .. } => {
                    self.with(link, |link| link.commit(seq, index));
                    index += 1;
                }
                Item::Refused { link, seq, why } => self.with(link, |link| link.refuse(seq, &why)),
                Item::Own(_) => index += 1,
            }
        }
    }

    /// Refuses a group. This process's own records wait for the next one.
    fn refuse(&mut self, items: Vec<Item>, why: &str) {
        let mut own = Vec::new();
        for item in items {
            match item {
                Item::Record { link, process, seq, .. } => {
                    self.queue.refused(link, &process, seq, why);
                    self.with(link, |link| link.refuse(seq, why));
                }
                Item::Refused { link, seq, why } => self.with(link, |link| link.refuse(seq, &why)),
                Item::Own(body) => own.push(body),
            }
        }
        self.queue.keep(own);
    }

    fn with(&mut self, id: LinkId, answer: impl FnOnce(&mut Link)) {
        if let Some(link) = self.links.iter_mut().find(|link| link.id() == id) {
            answer(link);
        }
    }

    fn publish(&mut self) {
        if let Err(error) = self.writer.settle() {
            crate::log(&format!("the checkpoint that is in force is an older one: {error}"));
        }
    }

    fn say_checkpoint(&self, control: &Control) -> Result<(), ServeError> {
        let (note, vkey) = (self.writer.checkpoint().to_owned(), self.writer.vkey());
        Ok(control.say(&FromAuditor::Checkpoint { note, vkey })?)
    }

    fn finish(&mut self, control: &Control) -> Result<(), ServeError> {
        self.publish();
        // A supervisor that is gone asks for nothing more.
        self.say_checkpoint(control).or(Ok(()))
    }
}

/// Reads a link to its end, and ends it.
fn drain(link: &mut Link, scratch: &mut [u8], queue: &mut Queue) {
    for _ in 0..DRAIN_TURNS {
        if !link.receive(scratch, queue) {
            break;
        }
    }
    link.close();
}

fn drafts<'a>(lead: &'a [Body], items: &'a [Item], own_seq: u64) -> Vec<Draft<'a>> {
    let lead = lead.iter().map(|body| (AUDITOR, None, body));
    let items = items.iter().filter_map(|item| match item {
        Item::Record { process, seq, body, .. } => Some((&**process, Some(*seq), body)),
        Item::Own(body) => Some((AUDITOR, None, body)),
        Item::Refused { .. } => None,
    });
    let mut own = own_seq..;
    lead.chain(items)
        .map(|(producer, seq, body)| {
            let seq = seq.or_else(|| own.next()).unwrap_or(u64::MAX);
            Draft { producer, seq, body }
        })
        .collect()
}

/// An error and what caused it.
fn in_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

/// Why the auditor ends.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    /// The supervisor cannot be understood.
    #[error("the supervisor cannot be obeyed")]
    Control(#[from] ControlError),
    /// The ledger's origin cannot be a key's name.
    #[error("the ledger's origin is not usable")]
    Origin(#[from] NoteError),
    /// The ledger cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot wait for its links.
    #[error("waiting for the links failed")]
    Wait(#[source] io::Error),
    /// A group may or may not be in the ledger.
    #[error("nobody can tell whether records are on disk: {why}")]
    Unknown {
        /// What the disk said.
        why: String,
    },
}
