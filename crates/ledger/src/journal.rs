//! The journal's form: groups of records, each with the checkpoint that covers it.
//!
//! The journal is one file that is written from its start again each time everything in it has been
//! published as tiles. A group starts at a multiple of 512 bytes: magic, first index, number of
//! records, length of the body, SHA-256 of all of that and the body; then the body: each record and
//! last the checkpoint's note, each with four bytes of little-endian length before it.
//!
//! Groups that count follow each other without a gap from the file's start. After them lies a group
//! that was torn by a crash and never acknowledged, or older groups that were published long ago.

use sha2::{Digest as _, Sha256};

use crate::hash::Hash;
use crate::layout::CHECKPOINT_BYTES_MAX;

/// Groups start at multiples of this.
pub const ALIGNMENT: usize = 512;

/// Most records in a group.
pub const GROUP_RECORDS_MAX: usize = 1024;

/// Bytes that a group has beside its records and their lengths, the note and the padding included.
pub const GROUP_OVERHEAD_BYTES: usize = HEADER_BYTES + 4 + CHECKPOINT_BYTES_MAX + ALIGNMENT;

/// No JSON text contains these bytes, so that no record can pass for a group.
const MAGIC: [u8; 8] = *b"\xffgroup\x01\n";

const HEADER_BYTES: usize = 8 + 8 + 4 + 4 + 32;

/// Records that became durable together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group<'a> {
    /// Where it starts in the journal.
    pub offset: usize,
    /// Where the next one starts.
    pub after: usize,
    /// The first record's index.
    pub first: u64,
    /// The records.
    pub records: Vec<&'a [u8]>,
    /// The checkpoint of the tree that ends with this group.
    pub note: &'a str,
}

impl Group<'_> {
    /// The index after the last record's.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(self.records.len() as u64)
    }
}

/// Encodes a group, padded so that the next one is aligned.
///
/// # Errors
/// [`JournalError::TooLarge`] when it has too many records or bytes.
pub fn encode(first: u64, records: &[Vec<u8>], note: &str) -> Result<Vec<u8>, JournalError> {
    let too_large = |_| JournalError::TooLarge;
    let mut body =
        Vec::with_capacity(records.iter().map(|record| record.len() + 4).sum::<usize>() + 4 + note.len());
    for piece in records.iter().map(Vec::as_slice).chain([note.as_bytes()]) {
        body.extend_from_slice(&u32::try_from(piece.len()).map_err(too_large)?.to_le_bytes());
        body.extend_from_slice(piece);
    }
    if records.len() > GROUP_RECORDS_MAX || note.len() > CHECKPOINT_BYTES_MAX {
        return Err(JournalError::TooLarge);
    }
    let count = u32::try_from(records.len()).map_err(too_large)?.to_le_bytes();
    let length = u32::try_from(body.len()).map_err(too_large)?.to_le_bytes();
    let checksum = checksum(first.to_le_bytes(), count, length, &body);
    let mut group = Vec::with_capacity((HEADER_BYTES + body.len()).next_multiple_of(ALIGNMENT));
    group.extend_from_slice(&MAGIC);
    group.extend_from_slice(&first.to_le_bytes());
    group.extend_from_slice(&count);
    group.extend_from_slice(&length);
    group.extend_from_slice(&checksum);
    group.extend_from_slice(&body);
    group.resize(group.len().next_multiple_of(ALIGNMENT), 0);
    Ok(group)
}

/// Reads the groups that count. `covered` is the size of the published tree.
///
/// # Errors
/// [`JournalError::Broken`] when a group that must have been whole is not: a valid one that belongs
/// after it still lies further on, or the first one starts after the published tree's end.
pub fn scan(journal: &[u8], covered: u64) -> Result<Vec<Group<'_>>, JournalError> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut offset = 0;
    let mut end = None;
    while let Some(group) = parse_at(journal, offset) {
        match end {
            None if group.first > covered => return Err(JournalError::Broken { offset }),
            Some(end) if group.first != end => break,
            _ => {}
        }
        end = Some(group.end());
        offset = group.after;
        groups.push(group);
    }
    // What follows is older than all that counts, else it was cut off from it.
    let floor = end.unwrap_or(covered);
    for later in (offset..journal.len()).step_by(ALIGNMENT) {
        if parse_at(journal, later).is_some_and(|group| group.end() > floor) {
            return Err(JournalError::Broken { offset });
        }
    }
    Ok(groups)
}

/// Why a journal is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JournalError {
    /// A group has a ceiling.
    #[error("group of records is too large")]
    TooLarge,
    /// Groups that were acknowledged are damaged or gone.
    #[error("journal is damaged at byte {offset}: records that follow are still there")]
    Broken {
        /// Where the damage starts.
        offset: usize,
    },
}

/// The group at an offset, if a whole one is there.
fn parse_at(journal: &[u8], offset: usize) -> Option<Group<'_>> {
    let (magic, rest) = journal.get(offset..)?.split_first_chunk::<8>()?;
    if *magic != MAGIC {
        return None;
    }
    let (first, rest) = rest.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<32>()?;
    let length_bytes = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (body, _) = rest.split_at_checked(length_bytes)?;
    if checksum(*first, *count, *length, body) != *sum {
        return None;
    }
    let mut pieces = split_pieces(body)?;
    let note = std::str::from_utf8(pieces.pop()?).ok()?;
    if pieces.is_empty() || usize::try_from(u32::from_le_bytes(*count)).ok()? != pieces.len() {
        return None;
    }
    let after = (offset + HEADER_BYTES + length_bytes).next_multiple_of(ALIGNMENT);
    Some(Group { offset, after, first: u64::from_le_bytes(*first), records: pieces, note })
}

fn split_pieces(mut body: &[u8]) -> Option<Vec<&[u8]>> {
    let mut pieces = Vec::new();
    while let Some((length, rest)) = body.split_first_chunk::<4>() {
        let (piece, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        pieces.push(piece);
        body = rest;
    }
    body.is_empty().then_some(pieces)
}

fn checksum(first: [u8; 8], count: [u8; 4], length: [u8; 4], body: &[u8]) -> Hash {
    let sum = Sha256::new().chain_update(first).chain_update(count).chain_update(length);
    sum.chain_update(body).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(groups: &[(u64, usize)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (first, count) in groups {
            let records: Vec<Vec<u8>> =
                (0..*count).map(|n| format!("record {}", first + n as u64).into()).collect();
            bytes.extend(encode(*first, &records, "note").unwrap());
        }
        bytes
    }

    fn counted(journal: &[u8], covered: u64) -> Result<Vec<(u64, u64)>, JournalError> {
        Ok(scan(journal, covered)?.iter().map(|group| (group.first, group.end())).collect())
    }

    #[test]
    fn groups_count_while_they_follow_each_other() {
        let mut bytes = journal(&[(5, 2), (7, 100)]);
        bytes.resize(bytes.len() + 4096, 0);
        assert_eq!(counted(&bytes, 5), Ok(vec![(5, 7), (7, 107)]));
        assert_eq!(counted(&[0; 4096], 5), Ok(vec![]));
        assert_eq!(counted(&[], 0), Ok(vec![]));
    }

    #[test]
    fn older_groups_after_the_newest_do_not_count() {
        assert_eq!(counted(&journal(&[(9, 1), (2, 3), (5, 1)]), 9), Ok(vec![(9, 10)]));
    }

    #[test]
    fn a_torn_last_group_is_dropped_at_every_length() {
        let whole = journal(&[(0, 2)]);
        let mut bytes = journal(&[(0, 2), (2, 40)]);
        let note_ends = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        for cut in whole.len()..=note_ends {
            let mut torn = bytes.clone();
            torn[cut..].fill(0);
            assert_eq!(counted(&torn, 0), Ok(vec![(0, 2)]), "cut at {cut}");
        }
        bytes.truncate(note_ends);
        assert_eq!(counted(&bytes, 0), Ok(vec![(0, 2)]));
    }

    #[test]
    fn damage_before_the_last_group_is_not_taken_for_a_torn_tail() {
        let whole = journal(&[(0, 1), (1, 1), (2, 1)]);
        for damaged in 0..2 {
            let mut bytes = whole.clone();
            bytes[damaged * ALIGNMENT + HEADER_BYTES + 5] ^= 1;
            let found = counted(&bytes, 0);
            assert_eq!(found, Err(JournalError::Broken { offset: damaged * ALIGNMENT }));
        }
    }

    #[test]
    fn groups_that_start_after_the_published_tree_are_refused() {
        assert_eq!(counted(&journal(&[(7, 1)]), 6), Err(JournalError::Broken { offset: 0 }));
        assert_eq!(counted(&journal(&[(7, 1), (9, 1)]), 7), Err(JournalError::Broken { offset: ALIGNMENT }));
    }
}
