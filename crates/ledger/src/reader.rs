//! Reading a ledger: what to show, what to follow, what to prove.
//!
//! Everything handed out is checked against a signed checkpoint first. [`crate::verify`] checks more:
//! all records, and that nothing else lies beside them.

use std::ops::Range;

use crate::checkpoint::Checkpoint;
use crate::hash::{Hash, leaf_hash};
use crate::nodes::Nodes;
use crate::note::Verifier;
use crate::proof::{self, Proof};
use crate::record::Entry;
use crate::snapshot::{self, Snapshot};
use crate::source::{self, TileSource};
use crate::tampering::Tampering;
use crate::tile::{Kind, TILE_WIDTH, TilePath};
use crate::tree::Tree;

/// A ledger as it was at one moment; [`Ledger::refresh`] moves that moment to now.
pub struct Ledger<S> {
    source: S,
    verifier: Verifier,
    note: String,
    checkpoint: Checkpoint,
    /// Records after the checkpoint, from the journal.
    tail: Vec<Vec<u8>>,
    /// The bundle read last, and its number.
    bundle: Option<(u64, Vec<Vec<u8>>)>,
}

impl<S: TileSource> Ledger<S> {
    /// Opens a ledger and checks its checkpoint and the journal's records after it.
    ///
    /// # Errors
    /// [`Tampering`] when one of them does not verify.
    pub fn open(mut source: S, vkey: &str) -> Result<Self, Tampering> {
        let verifier = Verifier::parse(vkey).map_err(Tampering::Key)?;
        let (note, checkpoint, tail) = newest(&mut source, &verifier)?;
        Ok(Self { source, verifier, note, checkpoint, tail, bundle: None })
    }

    /// Takes in what was recorded since.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn refresh(&mut self) -> Result<(), Tampering> {
        let (note, checkpoint, tail) = newest(&mut self.source, &self.verifier)?;
        let before = self.checkpoint.size;
        if checkpoint.size < before {
            return Err(Tampering::RolledBack { found: checkpoint.size, kept: before });
        }
        (self.note, self.checkpoint, self.tail, self.bundle) = (note, checkpoint, tail, None);
        Ok(())
    }

    /// Records in it, those that are only in the journal included.
    pub fn size(&self) -> u64 {
        self.checkpoint.size + self.tail.len() as u64
    }

    /// The newest published checkpoint.
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The same, as a signed note.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// One record's bytes.
    ///
    /// # Errors
    /// [`Tampering`] when it is not there or not what was signed.
    pub fn record(&mut self, index: u64) -> Result<&[u8], Tampering> {
        let missing = Tampering::NoSuchRecord { index, size: self.size() };
        if let Some(after) = index.checked_sub(self.checkpoint.size) {
            let record = usize::try_from(after).ok().and_then(|after| self.tail.get(after));
            return record.map(Vec::as_slice).ok_or(missing);
        }
        let number = index / TILE_WIDTH;
        if self.bundle.as_ref().is_none_or(|(found, _)| *found != number) {
            self.bundle = Some((number, self.read_bundle(number)?));
        }
        let at = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        let record = self.bundle.as_ref().and_then(|(_, records)| records.get(at));
        record.map(Vec::as_slice).ok_or(missing)
    }

    /// One record, read.
    ///
    /// # Errors
    /// As [`Ledger::record`].
    pub fn entry(&mut self, index: u64) -> Result<Entry, Tampering> {
        Entry::parse(self.record(index)?).map_err(|source| Tampering::RecordMalformed { index, source })
    }

    /// The records of a range, in order, as far as there are any.
    pub fn entries(&mut self, range: Range<u64>) -> impl Iterator<Item = Result<Entry, Tampering>> {
        (range.start..range.end.min(self.size())).map(|index| self.entry(index))
    }

    /// Proves that a record is under the newest published checkpoint.
    ///
    /// # Errors
    /// [`Tampering::NotYetPublished`] for a record newer than that, within a second of its commit;
    /// otherwise as [`Ledger::record`].
    pub fn prove(&mut self, index: u64) -> Result<Proof, Tampering> {
        let size = self.checkpoint.size;
        if index >= self.size() {
            return Err(Tampering::NoSuchRecord { index, size: self.size() });
        }
        if index >= size {
            return Err(Tampering::NotYetPublished { index });
        }
        let leaf = leaf_hash(self.record(index)?);
        let mut nodes = Nodes::new(&mut self.source, size);
        let hashes = proof::inclusion(index, size, &mut |height, index| nodes.node(height, index))?;
        self.check(index, leaf, &hashes)?;
        Ok(Proof { index, hashes, note: self.note.clone() })
    }

    /// Reads a bundle and checks it as a whole: the proof of one record is made from the hashes of
    /// all the others.
    fn read_bundle(&mut self, number: u64) -> Result<Vec<Vec<u8>>, Tampering> {
        let (size, first) = (self.checkpoint.size, number * TILE_WIDTH);
        let (Some(bundle), Some(tile)) = (
            TilePath::within(Kind::Entries, number, size),
            TilePath::within(Kind::Hashes { level: 0 }, number, size),
        ) else {
            return Err(Tampering::NoSuchRecord { index: first, size });
        };
        let records = source::records(&mut self.source, bundle)?;
        let leaves: Vec<Hash> = records.iter().map(|record| leaf_hash(record)).collect();
        let leaf = leaves.first().copied().unwrap_or_default();
        let mut nodes = Nodes::new(&mut self.source, size);
        nodes.assume(tile, leaves);
        let hashes = proof::inclusion(first, size, &mut |height, index| nodes.node(height, index))?;
        self.check(first, leaf, &hashes)?;
        Ok(records)
    }

    fn check(&self, index: u64, leaf: Hash, hashes: &[Hash]) -> Result<(), Tampering> {
        let Checkpoint { size, root, .. } = self.checkpoint;
        if proof::verify_inclusion(leaf, index, size, hashes, root) {
            Ok(())
        } else {
            Err(Tampering::RootDiffers { size, place: crate::layout::CHECKPOINT_PATH.to_owned() })
        }
    }
}

/// The checkpoint and the records after it, each group under its own checkpoint.
fn newest(
    source: &mut impl TileSource,
    verifier: &Verifier,
) -> Result<(String, Checkpoint, Vec<Vec<u8>>), Tampering> {
    let taken = Snapshot::take(source, verifier)?;
    let mut frontier =
        Tree::load(taken.checkpoint.size, |tile| source::hashes(source, tile))?.frontier().clone();
    if frontier.root() != taken.checkpoint.root {
        let place = crate::layout::CHECKPOINT_PATH.to_owned();
        return Err(Tampering::RootDiffers { size: taken.checkpoint.size, place });
    }
    let mut tail = Vec::new();
    for group in taken.groups()?.iter().filter(|group| group.end() > taken.checkpoint.size) {
        for (_, record) in
            (group.first..).zip(&group.records).filter(|(index, _)| *index >= taken.checkpoint.size)
        {
            frontier.push(leaf_hash(record));
            tail.push(record.to_vec());
        }
        let place = snapshot::place(group);
        let signed = snapshot::open(group.note, verifier, &place)?;
        if (signed.size, signed.root) != (frontier.size(), frontier.root()) {
            return Err(Tampering::RootDiffers { size: group.end(), place });
        }
    }
    Ok((taken.note, taken.checkpoint, tail))
}
