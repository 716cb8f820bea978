//! How a ledger can be found to be changed, and where.

use std::io;

use crate::checkpoint::CheckpointError;
use crate::journal::JournalError;
use crate::layout::JOURNAL_BYTES;
use crate::note::NoteError;
use crate::record::RecordError;

/// The first thing in a ledger that is not as the auditor left it.
#[derive(Debug, thiserror::Error)]
pub enum Tampering {
    /// A file could not be read: it is not what it should be, or the disk fails.
    #[error("`{path}` cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// What the file system said.
        source: io::Error,
    },
    /// The key to check with is none.
    #[error("the verifier key is not usable")]
    Key(#[source] NoteError),
    /// There is no checkpoint.
    #[error("`checkpoint` is missing")]
    CheckpointMissing,
    /// A checkpoint is not signed by the ledger's key, or is malformed.
    #[error("`{place}` does not hold a checkpoint that this ledger's key signed")]
    Checkpoint {
        /// The file, and the place in it.
        place: String,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// A tile is missing.
    #[error("`{path}` is missing")]
    TileMissing {
        /// The tile.
        path: String,
    },
    /// A bundle of records is missing.
    #[error("`{path}` is missing, and with it its records")]
    BundleMissing {
        /// The bundle.
        path: String,
    },
    /// A tile does not have its number of hashes.
    #[error("`{path}` does not have the number of hashes that its name says")]
    TileLength {
        /// The tile.
        path: String,
    },
    /// A bundle does not have its number of records.
    #[error("`{path}` does not have the number of records that its name says, or ends within one")]
    BundleMalformed {
        /// The bundle.
        path: String,
    },
    /// A record and its hash in the tree differ.
    #[error("record {index} in `{path}` and its hash in the tree differ")]
    RecordChanged {
        /// The record.
        index: u64,
        /// Where it was read.
        path: String,
    },
    /// A tile above the leaves is not what the records make it.
    #[error("`{path}` is not what the records make it")]
    TileChanged {
        /// The tile.
        path: String,
    },
    /// Records and tiles agree with each other and not with the signature.
    #[error("the first {size} records do not have the root that was signed in `{place}`")]
    RootDiffers {
        /// Records in the tree.
        size: u64,
        /// The checkpoint.
        place: String,
    },
    /// A record is not in the form in which records are written.
    #[error("record {index} is malformed")]
    RecordMalformed {
        /// The record.
        index: u64,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A record stands where another belongs.
    #[error("record {found} stands at place {index}")]
    RecordMoved {
        /// The place.
        index: u64,
        /// The index in the record.
        found: u64,
    },
    /// A record is older than the one before it.
    #[error("record {index} is older than the one before it")]
    TimeBackwards {
        /// The record.
        index: u64,
    },
    /// A producer's count jumps, and no record of the auditor says why.
    #[error("record {index} of `{producer}` has number {found} where {expected} follows")]
    Sequence {
        /// The record.
        index: u64,
        /// The producer.
        producer: String,
        /// The number that follows.
        expected: u64,
        /// The number in the record.
        found: u64,
    },
    /// There are more names of producers than processes can have.
    #[error("record {index} has yet another producer: more than there are processes")]
    Producers {
        /// The record.
        index: u64,
    },
    /// There is no journal.
    #[error("`journal` is missing")]
    JournalMissing,
    /// The journal was cut off or made longer.
    #[error("`journal` has {found} bytes, every journal has {JOURNAL_BYTES}")]
    JournalLength {
        /// Bytes it has.
        found: usize,
    },
    /// The journal lost records.
    #[error("the journal does not continue the tree")]
    Journal(#[source] JournalError),
    /// Records lie beyond the newest checkpoint: an older one was put in its place.
    #[error("`{path}` lies beyond the newest checkpoint, of {size} records")]
    Beyond {
        /// The tile.
        path: String,
        /// Records that checkpoint and journal cover.
        size: u64,
    },
    /// A file lies among the tiles that no ledger has.
    #[error("`{path}` does not belong in a ledger")]
    Unexpected {
        /// The file.
        path: String,
    },
    /// The ledger is shorter than a checkpoint that somebody kept.
    #[error("the ledger has {found} records, fewer than the {kept} of a checkpoint that was kept")]
    RolledBack {
        /// Records there are.
        found: u64,
        /// Records of the checkpoint.
        kept: u64,
    },
    /// A record that was asked for is not there.
    #[error("record {index} is not among the {size} there are")]
    NoSuchRecord {
        /// The record.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// A proof needs a published tree, and the record is newer than that.
    #[error("record {index} is durable and not yet under a published checkpoint")]
    NotYetPublished {
        /// The record.
        index: u64,
    },
}
