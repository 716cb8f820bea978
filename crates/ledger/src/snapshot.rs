//! The checkpoint and the journal, read so that they fit together while an auditor is writing.

use crate::checkpoint::Checkpoint;
use crate::journal::{self, Group};
use crate::layout::{CHECKPOINT_BYTES_MAX, CHECKPOINT_PATH, JOURNAL_BYTES, JOURNAL_PATH};
use crate::note::Verifier;
use crate::source::{self, TileSource};
use crate::tampering::Tampering;

/// How often a journal is read again that was written from its start while it was read.
const ATTEMPTS: u32 = 5;

/// Both, at one moment.
pub(crate) struct Snapshot {
    pub(crate) note: String,
    pub(crate) checkpoint: Checkpoint,
    journal: Vec<u8>,
}

impl Snapshot {
    /// Reads the journal first: what it no longer has by then, the checkpoint read after it covers.
    pub(crate) fn take(source: &mut impl TileSource, verifier: &Verifier) -> Result<Self, Tampering> {
        let mut attempt = 1;
        loop {
            let journal = source::read(source, JOURNAL_PATH, JOURNAL_BYTES)?;
            let note = source::read(source, CHECKPOINT_PATH, CHECKPOINT_BYTES_MAX)?;
            let note = note.ok_or(Tampering::CheckpointMissing)?;
            // Bytes that are no text cannot verify; what replaces them cannot either.
            let note = String::from_utf8_lossy(&note).into_owned();
            let checkpoint = open(&note, verifier, CHECKPOINT_PATH)?;
            let journal = journal.ok_or(Tampering::JournalMissing)?;
            if journal.len() != JOURNAL_BYTES {
                return Err(Tampering::JournalLength { found: journal.len() });
            }
            match journal::scan(&journal, checkpoint.size) {
                Ok(_) => return Ok(Self { note, checkpoint, journal }),
                Err(error) if attempt == ATTEMPTS => return Err(Tampering::Journal(error)),
                Err(_) => attempt += 1,
            }
        }
    }

    /// The journal's groups that count.
    pub(crate) fn groups(&self) -> Result<Vec<Group<'_>>, Tampering> {
        journal::scan(&self.journal, self.checkpoint.size).map_err(Tampering::Journal)
    }

    /// Records under the checkpoint and in the journal after it.
    pub(crate) fn size(&self) -> Result<u64, Tampering> {
        let end = self.groups()?.last().map_or(0, Group::end);
        Ok(end.max(self.checkpoint.size))
    }
}

/// Opens a checkpoint, with an error that says where it stood.
pub(crate) fn open(note: &str, verifier: &Verifier, place: &str) -> Result<Checkpoint, Tampering> {
    Checkpoint::open(note, verifier)
        .map_err(|source| Tampering::Checkpoint { place: place.to_owned(), source })
}

/// How errors call the checkpoint of a journal's group.
pub(crate) fn place(group: &Group<'_>) -> String {
    format!("{JOURNAL_PATH} at byte {}", group.offset)
}
