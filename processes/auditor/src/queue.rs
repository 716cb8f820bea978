//! What waits for the next group, in the order in which it came.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ledger::Body;
use ledger::journal::GROUP_RECORDS_MAX;
use proto::event::{Event, LedgerFault};

/// The name under which this process's own records stand.
pub(crate) const AUDITOR: &str = ledger::sequence::AUDITOR;

/// Most bytes of records in one group, so that a journal holds many.
const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// Most of this process's own records that wait while the disk is full.
const OWN_MAX: usize = 256;

/// Most links whose refused records are told apart. More only come and go while the disk is full.
const LINKS_REFUSED_MAX: usize = 256;

/// Which link, of all there ever were.
pub(crate) type LinkId = u64;

/// One thing that waits.
#[derive(Debug)]
pub(crate) enum Item {
    /// A producer's record.
    Record { link: LinkId, process: Arc<str>, seq: u64, body: Body },
    /// The answer to a producer's record that cannot be recorded, in its turn.
    Refused { link: LinkId, seq: u64, why: String },
    /// A record of this process.
    Own(Body),
}

/// What waits. Bounded: each round takes a bounded number of bytes from each link and commits it all;
/// only this process's own records can wait longer, and they have a ceiling.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    items: VecDeque<Item>,
    own: usize,
    refusals: Refusals,
}

impl Queue {
    /// Adds a producer's record or answer.
    pub(crate) fn push(&mut self, item: Item) {
        self.items.push_back(item);
    }

    /// Adds a record of this process.
    pub(crate) fn push_own(&mut self, event: &Event) {
        match Body::new(event) {
            Ok(body) if self.own < OWN_MAX => {
                self.own += 1;
                self.items.push_back(Item::Own(body));
            }
            _ => self.refusals.own += 1,
        }
    }

    /// Whether there is nothing to record and nothing to answer.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.refusals.is_empty()
    }

    /// Takes the next group, and what must stand in the ledger before it: what was refused since the
    /// last one.
    pub(crate) fn take_group(&mut self) -> (Vec<Body>, Vec<Item>) {
        let lead = self.refusals.bodies();
        let (mut items, mut bytes) = (Vec::new(), 0);
        while let Some(item) = self.items.pop_front() {
            if let Item::Own(_) = item {
                self.own -= 1;
            }
            bytes += match &item {
                Item::Record { body, .. } | Item::Own(body) => body.record_bytes_max(),
                Item::Refused { .. } => 0,
            };
            items.push(item);
            if bytes >= GROUP_BYTES_MAX || lead.len() + items.len() >= GROUP_RECORDS_MAX - RESERVED {
                break;
            }
        }
        (lead, items)
    }

    /// The group that [`Queue::take_group`] gave is in the ledger, with all that stood before it.
    pub(crate) fn recorded(&mut self) {
        self.refusals = Refusals::default();
    }

    /// Remembers a refused record until that can be recorded.
    pub(crate) fn refused(&mut self, link: LinkId, process: &Arc<str>, seq: u64, why: &str) {
        self.refusals.add(link, process, seq, why);
    }

    /// Keeps this process's own records for later, before all others.
    pub(crate) fn keep(&mut self, own: Vec<Body>) {
        for body in own.into_iter().rev() {
            if self.own < OWN_MAX {
                self.own += 1;
                self.items.push_front(Item::Own(body));
            } else {
                self.refusals.own += 1;
            }
        }
    }
}

/// Room in a group for faults of the journal that are found while it is written.
const RESERVED: usize = 8;

/// What was refused and is not recorded yet.
#[derive(Debug, Default)]
struct Refusals {
    links: BTreeMap<LinkId, Refused>,
    /// How many of this process's own.
    own: u64,
}

#[derive(Debug)]
struct Refused {
    process: Arc<str>,
    first: u64,
    last: u64,
    why: String,
}

impl Refusals {
    fn is_empty(&self) -> bool {
        self.links.is_empty() && self.own == 0
    }

    fn add(&mut self, link: LinkId, process: &Arc<str>, seq: u64, why: &str) {
        if let Some(refused) = self.links.get_mut(&link) {
            refused.last = seq;
            return;
        }
        if self.links.len() >= LINKS_REFUSED_MAX {
            self.links.pop_first();
        }
        let refused = Refused { process: Arc::clone(process), first: seq, last: seq, why: why.to_owned() };
        self.links.insert(link, refused);
    }

    /// One record for each link, oldest link first, so that the newest count of a process stands last.
    fn bodies(&self) -> Vec<Body> {
        let links = self.links.values().map(|refused| {
            records_refused(&refused.process, Some((refused.first, refused.last)), refused.why.clone())
        });
        let own = (self.own > 0)
            .then(|| records_refused(AUDITOR, None, format!("{} of its own had no room to wait", self.own)));
        links.chain(own).filter_map(|event| Body::new(&event).ok()).collect()
    }
}

/// Says that records are missing, and why.
pub(crate) fn records_refused(process: &str, refused: Option<(u64, u64)>, why: String) -> Event {
    let (fault, process) = ("records_refused".to_owned(), Some(process.to_owned()));
    Event::LedgerFault(LedgerFault { fault, process, refused, why })
}
