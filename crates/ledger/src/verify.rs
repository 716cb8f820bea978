//! Checks a whole ledger from its records up, trusting only the key.

use std::collections::BTreeMap;

use crate::checkpoint::Checkpoint;
use crate::hash::{Hash, leaf_hash, split_hashes};
use crate::journal::Group;
use crate::layout::TILE_DIRECTORY;
use crate::note::Verifier;
use crate::record::Entry;
use crate::sequence::Sequences;
use crate::snapshot::{self, Snapshot};
use crate::source::{self, TileSource};
use crate::tampering::Tampering;
use crate::tile::{Kind, TILE_HEIGHT, TILE_WIDTH, TilePath};
use crate::tree::{Tile, Tree};

/// Most directories within each other below `tile/`: the kind, six groups of digits, partial tiles.
const DEPTH_MAX: usize = 9;

/// What a ledger that verified holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Summary {
    /// Records, those that are only in the journal included.
    pub size: u64,
    /// The root over all of them.
    pub root: Hash,
    /// The newest published checkpoint.
    pub checkpoint: Checkpoint,
    /// The same, as a signed note. Keep it elsewhere and give it to [`verify_against`] later: only
    /// who kept a checkpoint can tell that the ledger was put back to an older state.
    pub note: String,
    /// Records of each producer.
    pub producers: BTreeMap<String, u64>,
    /// The first and the last record's time.
    pub times_us: Option<(u64, u64)>,
}

/// Checks every record, tile and checkpoint of a ledger.
///
/// # Errors
/// The first [`Tampering`] that it finds.
pub fn verify(source: &mut impl TileSource, vkey: &str) -> Result<Summary, Tampering> {
    verify_against(source, vkey, &[])
}

/// As [`verify`], and that the ledger continues each checkpoint in `kept`, signed notes of earlier
/// times.
///
/// # Errors
/// The first [`Tampering`] that it finds.
pub fn verify_against(source: &mut impl TileSource, vkey: &str, kept: &[&str]) -> Result<Summary, Tampering> {
    verify_watched(source, vkey, kept, &mut |_, _| {})
}

/// As [`verify_against`], telling `progress` after each bundle how many records of how many are done.
///
/// # Errors
/// The first [`Tampering`] that it finds.
pub fn verify_watched(
    source: &mut impl TileSource,
    vkey: &str,
    kept: &[&str],
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Summary, Tampering> {
    let verifier = Verifier::parse(vkey).map_err(Tampering::Key)?;
    let snapshot = Snapshot::take(source, &verifier)?;
    let groups = snapshot.groups()?;
    let mut walk = Walk::new(&snapshot, &groups, &verifier)?;
    for note in kept {
        let kept = snapshot::open(note, &verifier, "kept checkpoint")?;
        walk.expect_root(&kept, "kept checkpoint");
    }
    walk.published(source, snapshot.checkpoint.size, progress)?;
    walk.tail(&groups)?;
    let size = walk.tree.frontier().size();
    if let Some(kept) = walk.roots.keys().next_back().copied().filter(|kept| *kept > size) {
        return Err(Tampering::RolledBack { found: size, kept });
    }
    let strays = Strays { verifier: &verifier, published: snapshot.checkpoint.size, durable: size };
    strays.check(source, TILE_DIRECTORY, 0)?;
    Ok(Summary {
        size,
        root: walk.tree.frontier().root(),
        checkpoint: snapshot.checkpoint.clone(),
        note: snapshot.note.clone(),
        producers: walk.sequences.totals(),
        times_us: walk.times_us,
    })
}

/// The walk over all records, first to last.
struct Walk {
    tree: Tree,
    sequences: Sequences,
    times_us: Option<(u64, u64)>,
    /// Roots that were signed, by the size of their tree, and where.
    roots: BTreeMap<u64, Vec<(Hash, String)>>,
    /// The first index in the journal and the hashes of its records.
    journal: (u64, Vec<Hash>),
}

impl Walk {
    fn new(snapshot: &Snapshot, groups: &[Group<'_>], verifier: &Verifier) -> Result<Self, Tampering> {
        let first = groups.first().map_or(0, |group| group.first);
        let leaves = groups.iter().flat_map(|group| &group.records).map(|record| leaf_hash(record)).collect();
        let mut walk = Self {
            tree: Tree::default(),
            sequences: Sequences::default(),
            times_us: None,
            roots: BTreeMap::new(),
            journal: (first, leaves),
        };
        walk.expect_root(&snapshot.checkpoint, crate::layout::CHECKPOINT_PATH);
        for group in groups {
            let place = snapshot::place(group);
            let checkpoint = snapshot::open(group.note, verifier, &place)?;
            if checkpoint.size != group.end() {
                return Err(Tampering::RootDiffers { size: group.end(), place });
            }
            walk.expect_root(&checkpoint, &place);
        }
        Ok(walk)
    }

    fn expect_root(&mut self, checkpoint: &Checkpoint, place: &str) {
        self.roots.entry(checkpoint.size).or_default().push((checkpoint.root, place.to_owned()));
    }

    /// Goes through the records under the checkpoint and compares every tile with what they make.
    fn published(
        &mut self,
        source: &mut impl TileSource,
        size: u64,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), Tampering> {
        self.check_root()?;
        for number in 0..size.div_ceil(TILE_WIDTH) {
            let (Some(bundle), Some(leaves)) = (
                TilePath::within(Kind::Entries, number, size),
                TilePath::within(Kind::Hashes { level: 0 }, number, size),
            ) else {
                continue;
            };
            let records = source::records(source, bundle)?;
            let mut filled = Vec::new();
            for (record, leaf) in records.iter().zip(source::hashes(source, leaves)?) {
                self.record(record, &bundle.to_string(), Some(leaf), &mut filled)?;
            }
            filled.iter().try_for_each(|tile| compare(source, tile))?;
            progress(self.tree.frontier().size(), size);
        }
        self.tree.edge().iter().try_for_each(|tile| compare(source, tile))
    }

    /// Goes on through the records that are only in the journal.
    fn tail(&mut self, groups: &[Group<'_>]) -> Result<(), Tampering> {
        for group in groups {
            for (index, record) in (group.first..).zip(&group.records) {
                if index == self.tree.frontier().size() {
                    self.record(record, &snapshot::place(group), None, &mut Vec::new())?;
                }
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        record: &[u8],
        path: &str,
        expected: Option<Hash>,
        filled: &mut Vec<Tile>,
    ) -> Result<(), Tampering> {
        let index = self.tree.frontier().size();
        let leaf = leaf_hash(record);
        let (first, journal) = &self.journal;
        let journaled = index.checked_sub(*first).and_then(|at| journal.get(usize::try_from(at).ok()?));
        if expected.is_some_and(|expected| expected != leaf) {
            return Err(Tampering::RecordChanged { index, path: path.to_owned() });
        }
        if journaled.is_some_and(|journaled| *journaled != leaf) {
            return Err(Tampering::RecordChanged { index, path: crate::layout::JOURNAL_PATH.to_owned() });
        }
        let entry = Entry::parse(record).map_err(|source| Tampering::RecordMalformed { index, source })?;
        if entry.index != index {
            return Err(Tampering::RecordMoved { index, found: entry.index });
        }
        let (start, latest) = self.times_us.unwrap_or((entry.time_us, entry.time_us));
        if entry.time_us < latest {
            return Err(Tampering::TimeBackwards { index });
        }
        self.times_us = Some((start, entry.time_us));
        self.sequences.follow(&entry)?;
        self.tree.append(leaf, &mut |tile| filled.push(tile));
        self.check_root()
    }

    fn check_root(&self) -> Result<(), Tampering> {
        let size = self.tree.frontier().size();
        let Some(signed) = self.roots.get(&size) else { return Ok(()) };
        let root = self.tree.frontier().root();
        match signed.iter().find(|(expected, _)| *expected != root) {
            Some((_, place)) => Err(Tampering::RootDiffers { size, place: place.clone() }),
            None => Ok(()),
        }
    }
}

/// Looks for files among the tiles that the walk did not need.
struct Strays<'a> {
    verifier: &'a Verifier,
    published: u64,
    durable: u64,
}

impl Strays<'_> {
    fn check(&self, source: &mut impl TileSource, directory: &str, depth: usize) -> Result<(), Tampering> {
        let unreadable = |source| Tampering::Unreadable { path: directory.to_owned(), source };
        for name in source.list(directory).map_err(unreadable)? {
            let path = format!("{directory}/{name}");
            if let Some(tile) = TilePath::parse(&path) {
                self.check_tile(source, tile)?;
            } else if depth < DEPTH_MAX && is_directory(&name, depth) {
                self.check(source, &path, depth + 1)?;
            } else {
                return Err(Tampering::Unexpected { path });
            }
        }
        Ok(())
    }

    fn check_tile(&self, source: &mut impl TileSource, tile: TilePath) -> Result<(), Tampering> {
        let end = tile.index().saturating_mul(TILE_WIDTH).saturating_add(tile.width());
        let count = count(tile, self.published);
        match TilePath::within(tile.kind(), tile.index(), count) {
            // The walk compared it.
            Some(verified) if verified == tile => Ok(()),
            Some(verified) if end <= count => compare_beginning(source, tile, verified),
            _ if end <= crate::verify::count(tile, self.durable) => Ok(()),
            _ => {
                // An auditor that is running may have written it meanwhile.
                let size = Snapshot::take(source, self.verifier)?.size()?;
                let known = end <= crate::verify::count(tile, size);
                if known { Ok(()) } else { Err(Tampering::Beyond { path: tile.to_string(), size }) }
            }
        }
    }
}

/// How many hashes or records of a tile's kind a tree has.
fn count(tile: TilePath, size: u64) -> u64 {
    match tile.kind() {
        Kind::Entries => size,
        Kind::Hashes { level } => size >> (TILE_HEIGHT * u32::from(level)),
    }
}

/// Compares a tile above the leaves with the one in the ledger; those of leaves were compared hash
/// by hash.
fn compare(source: &mut impl TileSource, made: &Tile) -> Result<(), Tampering> {
    let stored = source::hashes(source, made.path)?;
    let path = made.path.to_string();
    if split_hashes(&made.bytes).is_some_and(|made| made == stored) {
        Ok(())
    } else {
        Err(Tampering::TileChanged { path })
    }
}

/// Compares a partial tile of earlier times with what grew from it.
fn compare_beginning(source: &mut impl TileSource, tile: TilePath, grown: TilePath) -> Result<(), Tampering> {
    let path = tile.to_string();
    // Cleared away meanwhile: there is nothing to compare.
    if source::read(source, &path, crate::tile::BUNDLE_BYTES_MAX)?.is_none() {
        return Ok(());
    }
    let same = match tile.kind() {
        Kind::Entries => source::records(source, grown)?.starts_with(&source::records(source, tile)?),
        Kind::Hashes { .. } => source::hashes(source, grown)?.starts_with(&source::hashes(source, tile)?),
    };
    if same { Ok(()) } else { Err(Tampering::TileChanged { path }) }
}

fn is_directory(name: &str, depth: usize) -> bool {
    let digits = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    if depth == 0 {
        return name == "entries" || TilePath::parse(&format!("{TILE_DIRECTORY}/{name}/000")).is_some();
    }
    name.strip_prefix('x').is_some_and(digits) || name.strip_suffix(".p").is_some_and(digits)
}
