//! The writer: makes groups of records durable in the journal, publishes them as tiles.

mod edition;
mod journal;
mod press;
mod shelf;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Instant;

use ledger::hash::leaf_hash;
use ledger::note::Signer;
use ledger::recovery::{JournalFound, Recovered, recover};
use ledger::tile::{Kind, LEVELS_MAX, TILE_HEIGHT, TilePath};
use ledger::tree::Tree;
use ledger::{Body, Checkpoint, Record, Tampering, layout};
use proto::event::LedgerFault;

use crate::clock;
use crate::directory::Directory;
use edition::{Edition, Published, fault};
use journal::Journal;
use press::Press;
use shelf::Shelf;

/// A record that has no place yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) producer: &'a str,
    pub(crate) seq: u64,
    pub(crate) body: &'a Body,
}

/// Why a group is not in the ledger. In all cases but the last, it will not be.
#[derive(Debug)]
pub(crate) enum CommitFault {
    /// There is no room, or no way to make any. Worth trying again later.
    Refused(String),
    /// The journal was not usable; another one will be made. Worth trying again at once.
    Journal(LedgerFault),
    /// Nobody can tell whether the group is in the ledger: nothing more may be written.
    Unknown(String),
}

/// Writes the ledger.
pub(crate) struct Writer {
    directory: Arc<Directory>,
    signer: Signer,
    shelf: Shelf,
    press: Press,
    /// None while the last one is unusable.
    journal: Option<Journal>,
    /// The checkpoint of everything durable.
    head: String,
    latest_us: u64,
    found: Vec<LedgerFault>,
}

impl Writer {
    /// Opens the ledger in a directory, or begins one.
    ///
    /// # Errors
    /// [`OpenError`] when something durable is not as it was left, or the disk fails.
    pub(crate) fn open(directory: Directory, signer: Signer) -> Result<Self, OpenError> {
        let recovered = match recover(&mut &directory, &signer.verifier())? {
            Some(recovered) => recovered,
            None => begin(&directory, &signer)?,
        };
        directory.clear(layout::TEMPORARY_DIRECTORY)?;
        clear_partials(&directory, recovered.tree.frontier().size())?;
        let published = Published { size: recovered.tree.frontier().size(), note: recovered.note };
        let (journal, found) = match recovered.journal {
            JournalFound::Whole { end } => (Some(Journal::open(&directory, end)?), None),
            JournalFound::WrongLength { found } => {
                (None, Some(fault("journal_replaced", &format!("it had {found} bytes at the start"))))
            }
            JournalFound::Missing => (None, Some(fault("journal_missing", "there was none at the start"))),
        };
        let directory = Arc::new(directory);
        let mut writer = Self {
            press: Press::new(Arc::clone(&directory), published),
            directory,
            signer,
            shelf: Shelf::new(recovered.tree, &recovered.open_bundle),
            journal,
            head: recovered.head,
            latest_us: recovered.latest_us,
            found: found.into_iter().collect(),
        };
        for record in &recovered.tail {
            writer.shelf.put(record);
        }
        if let Err(error) = writer.settle() {
            // The journal has it all: the ledger is whole, and publishing is tried again.
            crate::log(&format!("recovered records are not published yet: {}", reason(&error)));
        }
        Ok(writer)
    }

    /// Records that are durable.
    pub(crate) fn size(&self) -> u64 {
        self.shelf.tree().frontier().size()
    }

    /// The newest published checkpoint.
    pub(crate) fn checkpoint(&self) -> &str {
        &self.press.published().note
    }

    /// The key that verifies it.
    pub(crate) fn vkey(&self) -> String {
        self.signer.verifier().vkey()
    }

    /// Whether faults of the ledger's files were found that nobody took yet.
    pub(crate) const fn has_found(&self) -> bool {
        !self.found.is_empty()
    }

    /// Faults of the ledger's files that were found since this was last asked.
    pub(crate) fn take_found(&mut self) -> Vec<LedgerFault> {
        std::mem::take(&mut self.found)
    }

    /// Makes a group durable and gives the first record's index.
    ///
    /// # Errors
    /// [`CommitFault`]; then the tree is as before.
    pub(crate) fn commit(&mut self, drafts: &[Draft<'_>]) -> Result<u64, CommitFault> {
        let first = self.size();
        let time_us = clock::now_us().max(self.latest_us);
        let records = encode(first, time_us, drafts).map_err(CommitFault::Refused)?;
        // On a copy: the tree grows once the group is durable.
        let mut frontier = self.shelf.tree().frontier().clone();
        for record in &records {
            frontier.push(leaf_hash(record));
        }
        let note = Checkpoint::sign(frontier.size(), frontier.root(), &self.signer);
        let group = ledger::journal::encode(first, &records, &note)
            .map_err(|error| CommitFault::Refused(error.to_string()))?;
        self.write(&group)?;
        for record in &records {
            self.shelf.put(record);
        }
        (self.head, self.latest_us) = (note, time_us);
        Ok(first)
    }

    /// Publishes everything durable now.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        self.collect(true);
        if self.press.published().size < self.size() {
            let edition = self.edition();
            let result = self.press.print(&edition);
            let found = result?;
            self.printed(found);
        }
        if let Some(journal) = &mut self.journal {
            journal.restart();
        }
        Ok(())
    }

    /// Publishes beside the commits, at most about once a second.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.collect(false);
        if self.due(now).is_some_and(|due| due <= now) {
            let edition = self.edition();
            self.press.start(edition, now);
        }
    }

    /// When there is something to publish next, or to look whether it is published.
    pub(crate) fn due(&self, now: Instant) -> Option<Instant> {
        self.press.due(self.size(), now)
    }

    /// Writes a group into the journal, with room made before and a last look after.
    fn write(&mut self, group: &[u8]) -> Result<(), CommitFault> {
        self.make_room(group).map_err(|error| CommitFault::Refused(reason(&error)))?;
        let Some(journal) = &mut self.journal else {
            return Err(CommitFault::Refused("no journal".to_owned()));
        };
        let written = journal.append(group);
        let lost = match &written {
            Ok(()) => journal.lost(&self.directory),
            Err(error) => Some(("journal_failed", reason(error))),
        };
        let Some((name, why)) = lost else {
            journal.advance(group);
            return Ok(());
        };
        let invalidated = journal.invalidate();
        self.journal = None;
        match invalidated {
            Ok(()) => Err(CommitFault::Journal(fault(name, &why))),
            Err(error) => Err(CommitFault::Unknown(format!("{why}; then {}", reason(&error)))),
        }
    }

    /// Sees to it that there is a journal with room for a group.
    fn make_room(&mut self, group: &[u8]) -> io::Result<()> {
        if self.journal.as_ref().is_some_and(|journal| journal.fits(group)) {
            return Ok(());
        }
        self.settle()?;
        if self.journal.is_none() {
            self.journal = Some(Journal::create(&self.directory)?);
        }
        Ok(())
    }

    fn edition(&self) -> Edition {
        Edition {
            tiles: self.shelf.tiles(),
            next: Published { size: self.size(), note: self.head.clone() },
            before: Some(self.press.published().clone()),
        }
    }

    /// Takes in what was published meanwhile.
    fn collect(&mut self, wait: bool) {
        if let Some(found) = self.press.collect(wait) {
            self.printed(found);
        }
    }

    fn printed(&mut self, found: Vec<LedgerFault>) {
        self.found.extend(found);
        let published = self.press.published().size;
        self.shelf.published(published);
        if published == self.size()
            && let Some(journal) = &mut self.journal
        {
            journal.restart();
        }
    }
}

/// Begins a ledger. The checkpoint comes last: without it nothing counts.
fn begin(directory: &Directory, signer: &Signer) -> Result<Recovered, OpenError> {
    Journal::create(directory)?;
    let tree = Tree::default();
    let note = Checkpoint::sign(0, tree.frontier().root(), signer);
    let next = Published { size: 0, note: note.clone() };
    Edition { tiles: Vec::new(), next, before: None }.publish(directory)?;
    Ok(Recovered {
        head: note.clone(),
        note,
        tree,
        open_bundle: Vec::new(),
        tail: Vec::new(),
        latest_us: 0,
        journal: JournalFound::Whole { end: 0 },
    })
}

/// Removes the partial tiles that a crash kept from being removed when their full one was published.
fn clear_partials(directory: &Directory, published: u64) -> io::Result<()> {
    let hashes = (0..LEVELS_MAX).map(|level| (Kind::Hashes { level }, TILE_HEIGHT * (u32::from(level) + 1)));
    for (kind, height) in hashes.chain([(Kind::Entries, TILE_HEIGHT)]) {
        let full = published.checked_shr(height).unwrap_or_default();
        if let Some(last) = full.checked_sub(1) {
            directory.clear(&TilePath::full(kind, last).partials_directory())?;
        }
    }
    Ok(())
}

fn encode(first: u64, time_us: u64, drafts: &[Draft<'_>]) -> Result<Vec<Vec<u8>>, String> {
    let nonces = clock::nonces(drafts.len()).map_err(|error| error.to_string())?;
    let drafts = (first..).zip(nonces).zip(drafts);
    drafts
        .map(|((index, nonce), draft)| {
            let Draft { producer, seq, body } = *draft;
            let record = Record { index, time_us, nonce, producer, seq, body };
            record.encode().map_err(|error| error.to_string())
        })
        .collect()
}

/// What the disk said, in words that a client may see.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "disk full".to_owned(),
        _ => error.to_string(),
    }
}

/// Why a ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Something durable is not as it was left.
    #[error("the ledger is damaged")]
    Damaged(#[from] Tampering),
    /// The disk fails.
    #[error("the ledger's directory cannot be used")]
    Disk(#[from] io::Error),
}
