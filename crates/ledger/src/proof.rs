//! Proofs: that a record is in a tree, and that one tree is the beginning of another.
//!
//! Made as RFC 6962 section 2.1 says, checked by the algorithms of RFC 9162 section 2.1, written as
//! C2SP tlog-proof.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::hash::{Hash, leaf_hash, node_hash};
use crate::note::Verifier;

/// First line of a C2SP tlog-proof.
const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes in a proof: the height of a tree of 2^64 records.
const HASHES_MAX: usize = 64;

/// That a record is in the ledger, checkable without the ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Proof {
    /// The record's place.
    pub index: u64,
    /// The hashes beside its way to the root, lowest first.
    pub hashes: Vec<Hash>,
    /// The checkpoint: a signed note.
    pub note: String,
}

impl Proof {
    /// Checks that `record` is in the ledger whose key is `verifier`, which must not come from where
    /// the proof came from.
    ///
    /// # Errors
    /// [`ProofError`] when the checkpoint or the way to its root does not verify.
    pub fn verify(&self, record: &[u8], verifier: &Verifier) -> Result<Checkpoint, ProofError> {
        let checkpoint = Checkpoint::open(&self.note, verifier)?;
        let leads =
            verify_inclusion(leaf_hash(record), self.index, checkpoint.size, &self.hashes, checkpoint.root);
        if leads { Ok(checkpoint) } else { Err(ProofError::Hashes) }
    }

    /// Reads a C2SP tlog-proof without extra data.
    ///
    /// # Errors
    /// [`ProofError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        Self::read(text).filter(|proof| proof.to_string() == text).ok_or(ProofError::Malformed)
    }

    fn read(text: &str) -> Option<Self> {
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        if lines.next()? != PROOF_HEADER {
            return None;
        }
        let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
        let mut hashes = Vec::new();
        for line in lines.take(HASHES_MAX) {
            hashes.push(STANDARD.decode(line).ok()?.try_into().ok()?);
        }
        Some(Self { index, hashes, note: note.to_owned() })
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PROOF_HEADER}\nindex {}\n", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash)))?;
        write!(f, "\n{}", self.note)
    }
}

/// Why a proof is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// It is no C2SP tlog-proof.
    #[error("not a C2SP tlog-proof")]
    Malformed,
    /// Its checkpoint does not verify.
    #[error("the proof's checkpoint does not verify")]
    Checkpoint(#[from] CheckpointError),
    /// Its hashes do not lead from the record to the checkpoint's root.
    #[error("the proof's hashes do not lead from the record to the checkpoint's root")]
    Hashes,
}

/// The hashes that prove leaf `index` in a tree of `size` leaves. `node` gives the root of perfect
/// subtree number `.1` among those of height `.0`.
///
/// # Errors
/// What `node` fails with.
pub fn inclusion<E>(
    index: u64,
    size: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut start, mut end) = (0, size);
    let mut hashes = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            hashes.push(range(middle, end, node)?);
            end = middle;
        } else {
            hashes.push(range(start, middle, node)?);
            start = middle;
        }
    }
    hashes.reverse();
    Ok(hashes)
}

/// The hashes that prove that the tree of `old` leaves is the beginning of the tree of `new` leaves.
///
/// # Errors
/// What `node` fails with.
pub fn consistency<E>(
    old: u64,
    new: u64,
    node: &mut impl FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut start, mut end) = (0, new);
    let mut hashes = Vec::new();
    if old == 0 || old >= new {
        return Ok(hashes);
    }
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            hashes.push(range(middle, end, node)?);
            end = middle;
        } else {
            hashes.push(range(start, middle, node)?);
            start = middle;
        }
    }
    // The verifier knows the old root already when the old tree is one perfect subtree from 0.
    if start > 0 {
        hashes.push(range(start, end, node)?);
    }
    hashes.reverse();
    Ok(hashes)
}

/// Whether `hashes` lead from a leaf to the root (RFC 9162, 2.1.3.2).
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, hashes: &[Hash], root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut found) = (index, size - 1, leaf);
    for hash in hashes {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            found = node_hash(hash, &found);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            found = node_hash(&found, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && found == root
}

/// Whether `hashes` prove that the old tree is the beginning of the new one (RFC 9162, 2.1.4.2).
pub fn verify_consistency(old: (u64, Hash), new: (u64, Hash), hashes: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == new_size {
        return hashes.is_empty() && old_root == new_root;
    }
    if old_size == 0 || old_size > new_size {
        // The empty tree is the beginning of every tree, and there is nothing to prove.
        return old_size == 0 && hashes.is_empty() && old_root == crate::hash::empty_root();
    }
    let (seed, rest) = if old_size.is_power_of_two() {
        (old_root, hashes)
    } else {
        let Some((seed, rest)) = hashes.split_first() else { return false };
        (*seed, rest)
    };
    let ones = (old_size - 1).trailing_ones();
    let (mut at, mut last) = ((old_size - 1) >> ones, (new_size - 1) >> ones);
    let (mut found_old, mut found_new) = (seed, seed);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            found_old = node_hash(hash, &found_old);
            found_new = node_hash(hash, &found_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            found_new = node_hash(&found_new, hash);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && found_old == old_root && found_new == new_root
}

/// The Merkle tree hash of leaves `start..end`; `start` is where a subtree of that many starts.
fn range<E>(start: u64, end: u64, node: &mut impl FnMut(u32, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let leaves = end - start;
    if leaves.is_power_of_two() {
        return node(leaves.trailing_zeros(), start / leaves);
    }
    let middle = start + split(leaves);
    // At most 64 deep: each step at least halves what is left of the right side's height.
    Ok(node_hash(&range(start, middle, node)?, &range(middle, end, node)?))
}

/// The largest power of two below a number of at least 2.
const fn split(leaves: u64) -> u64 {
    1 << (u64::BITS - 1 - (leaves - 1).leading_zeros())
}
