//! Where the auditor goes on: the published tree, and what the journal has after it.
//!
//! Whatever moment a crash chose, the files are one of these: an old checkpoint with all its tiles,
//! and a journal that has every acknowledged record after it. Tiles beyond the checkpoint, files in
//! `tmp/` and a torn group at the journal's end were never counted on and are written again.

use crate::checkpoint::Checkpoint;
use crate::hash::leaf_hash;
use crate::journal;
use crate::layout::{CHECKPOINT_BYTES_MAX, CHECKPOINT_PATH, JOURNAL_BYTES, JOURNAL_PATH, TILE_DIRECTORY};
use crate::note::Verifier;
use crate::record::Entry;
use crate::snapshot;
use crate::source::{self, TileSource};
use crate::tampering::Tampering;
use crate::tile::{Kind, TILE_WIDTH, TilePath};
use crate::tree::Tree;

/// A ledger as its writer left it.
#[derive(Debug)]
pub struct Recovered {
    /// The published checkpoint, a signed note.
    pub note: String,
    /// The tree under it.
    pub tree: Tree,
    /// The records under it that fill no bundle yet.
    pub open_bundle: Vec<Vec<u8>>,
    /// The records after it, from the journal.
    pub tail: Vec<Vec<u8>>,
    /// The checkpoint of everything: the journal's last one, or the published one.
    pub head: String,
    /// The newest record's time; 0 when there is none.
    pub latest_us: u64,
    /// What became of the journal.
    pub journal: JournalFound,
}

/// What became of a journal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JournalFound {
    /// It is whole; the next group goes to this offset.
    Whole {
        /// Where the groups that count end.
        end: usize,
    },
    /// It has another length than every journal has.
    WrongLength {
        /// Bytes it has.
        found: usize,
    },
    /// There is none.
    Missing,
}

/// Reads a ledger that nobody writes at the moment; nothing when none was begun yet.
///
/// # Errors
/// [`Tampering`] when something that was durable is not as it was left: then nothing may be appended.
pub fn recover(source: &mut impl TileSource, verifier: &Verifier) -> Result<Option<Recovered>, Tampering> {
    let journal = source::read(source, JOURNAL_PATH, JOURNAL_BYTES)?;
    let Some(note) = source::read(source, CHECKPOINT_PATH, CHECKPOINT_BYTES_MAX)? else {
        return begun(source, journal.as_deref()).map(|()| None);
    };
    let note = String::from_utf8_lossy(&note).into_owned();
    let checkpoint = snapshot::open(&note, verifier, CHECKPOINT_PATH)?;
    let tree = Tree::load(checkpoint.size, |tile| source::hashes(source, tile))?;
    if tree.frontier().root() != checkpoint.root {
        return Err(Tampering::RootDiffers { size: checkpoint.size, place: CHECKPOINT_PATH.to_owned() });
    }
    let (open_bundle, latest_us) = last_bundle(source, &tree)?;
    let found = match &journal {
        None => JournalFound::Missing,
        Some(bytes) if bytes.len() != JOURNAL_BYTES => JournalFound::WrongLength { found: bytes.len() },
        Some(_) => JournalFound::Whole { end: 0 },
    };
    let head = note.clone();
    let mut recovered =
        Recovered { note, tree, open_bundle, tail: Vec::new(), head, latest_us, journal: found };
    recovered.read_tail(&journal.unwrap_or_default(), &checkpoint, verifier)?;
    Ok(Some(recovered))
}

impl Recovered {
    /// Takes in the journal's groups, each under its own checkpoint.
    fn read_tail(
        &mut self,
        journal: &[u8],
        published: &Checkpoint,
        verifier: &Verifier,
    ) -> Result<(), Tampering> {
        let mut frontier = self.tree.frontier().clone();
        for group in journal::scan(journal, published.size).map_err(Tampering::Journal)? {
            if let JournalFound::Whole { end } = &mut self.journal {
                *end = group.after;
            }
            if group.end() <= published.size {
                continue;
            }
            for (index, record) in (group.first..).zip(&group.records) {
                if index >= published.size {
                    frontier.push(leaf_hash(record));
                    self.latest_us = self.latest_us.max(time_of(record, index)?);
                    self.tail.push(record.to_vec());
                }
            }
            let place = snapshot::place(&group);
            let signed = snapshot::open(group.note, verifier, &place)?;
            if (signed.size, signed.root) != (frontier.size(), frontier.root()) {
                return Err(Tampering::RootDiffers { size: group.end(), place });
            }
            group.note.clone_into(&mut self.head);
        }
        Ok(())
    }
}

/// Without a checkpoint a ledger was at most begun: it has no record and no tile.
fn begun(source: &mut impl TileSource, journal: Option<&[u8]>) -> Result<(), Tampering> {
    let unreadable = |source| Tampering::Unreadable { path: TILE_DIRECTORY.to_owned(), source };
    let records = journal.is_some_and(|journal| journal.iter().any(|byte| *byte != 0));
    let tiles = !source.list(TILE_DIRECTORY).map_err(unreadable)?.is_empty();
    if records || tiles { Err(Tampering::CheckpointMissing) } else { Ok(()) }
}

/// The records of the last bundle if it is not full, and the newest record's time.
fn last_bundle(source: &mut impl TileSource, tree: &Tree) -> Result<(Vec<Vec<u8>>, u64), Tampering> {
    let size = tree.frontier().size();
    let Some(last) = size.checked_sub(1) else { return Ok((Vec::new(), 0)) };
    let (number, kind) = (last / TILE_WIDTH, Kind::Hashes { level: 0 });
    let (Some(bundle), Some(leaves)) =
        (TilePath::within(Kind::Entries, number, size), TilePath::within(kind, number, size))
    else {
        return Ok((Vec::new(), 0));
    };
    let records = source::records(source, bundle)?;
    let hashes = source::hashes(source, leaves)?;
    for (index, (record, hash)) in (number * TILE_WIDTH..).zip(records.iter().zip(hashes)) {
        if leaf_hash(record) != hash {
            return Err(Tampering::RecordChanged { index, path: bundle.to_string() });
        }
    }
    let latest = records.last().map(|record| time_of(record, last)).transpose()?.unwrap_or_default();
    Ok((if bundle.is_full() { Vec::new() } else { records }, latest))
}

fn time_of(record: &[u8], index: u64) -> Result<u64, Tampering> {
    let entry = Entry::parse(record).map_err(|source| Tampering::RecordMalformed { index, source })?;
    Ok(entry.time_us)
}
