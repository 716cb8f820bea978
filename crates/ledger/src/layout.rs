//! Where things lie in a ledger's directory.
//!
//! `checkpoint` and `tile/` follow C2SP tlog-tiles and can be served to any of its clients as they are.
//! `journal` is ours: it makes a record durable before its tile is full. `tmp/` holds files that are
//! being written; nothing in it counts.

/// The newest published checkpoint: a signed note.
pub const CHECKPOINT_PATH: &str = "checkpoint";

/// The tiles and the bundles of records.
pub const TILE_DIRECTORY: &str = "tile";

/// The journal: groups of records, each with its checkpoint.
pub const JOURNAL_PATH: &str = "journal";

/// Files being written.
pub const TEMPORARY_DIRECTORY: &str = "tmp";

/// Most bytes a checkpoint has.
pub const CHECKPOINT_BYTES_MAX: usize = 4096;

/// Bytes of every journal: it is written ahead whole, so that a commit changes no file's size.
pub const JOURNAL_BYTES: usize = 16 * 1024 * 1024;
