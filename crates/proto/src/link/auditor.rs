//! Supervisor ⇄ auditor: control.

use serde::{Deserialize, Serialize};

use crate::Secret;

/// Most bytes of one frame, either way.
pub const FRAME_BYTES_MAX: usize = 16 * 1024;

/// What the supervisor says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToAuditor {
    /// First frame: open the ledger in the directory mounted at `/ledger`.
    Start {
        /// The ledger's origin line (C2SP tlog-checkpoint), such as `stockade.local/7f3a…`.
        origin: String,
        /// The Ed25519 signing key's seed.
        key: Secret,
    },
    /// A descriptor travels with this frame: the auditor's end of a producer's record link.
    Producer {
        /// The producer's name in `topology.toml`.
        process: String,
    },
    /// Write a checkpoint now and say it.
    Checkpoint,
    /// Commit what is queued, write a checkpoint, and exit.
    Stop,
}

/// What the auditor answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromAuditor {
    /// The ledger is open and recovered.
    Ready {
        /// Records in it.
        size: u64,
    },
    /// The newest checkpoint: a C2SP signed note.
    Checkpoint {
        /// The note's text.
        note: String,
        /// The key that verifies it, in the note's `vkey` form.
        vkey: String,
    },
    /// The ledger can't be opened or written; the auditor exits after this.
    Failed {
        /// Why, in one sentence.
        why: String,
    },
}
