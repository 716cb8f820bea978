//! Producer ⇄ auditor: what happened, and the promise that it is on disk.

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// Most bytes of one frame, either way.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Most records that a producer may have sent and not seen committed.
pub const IN_FLIGHT_MAX: usize = 4096;

/// What a producer says. Who it is, is the descriptor it writes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromProducer {
    /// Record this. `seq` starts at 0 and goes up by one; a gap is itself recorded.
    Append {
        /// The producer's own count.
        seq: u64,
        /// What happened.
        event: Event,
    },
}

/// What the auditor answers, in the order of `seq`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromAuditor {
    /// Everything up to and including `seq` is on disk.
    Committed {
        /// The producer's own count.
        seq: u64,
        /// The record's index in the ledger.
        index: u64,
    },
    /// This record is not in the ledger and will not be.
    Refused {
        /// The producer's own count.
        seq: u64,
        /// Why, such as `disk full`.
        why: String,
    },
}
