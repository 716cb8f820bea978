//! What protects a process, as told on links and in the ledger.

use serde::{Deserialize, Serialize};

/// One control and what the kernel did with it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ControlStatus {
    /// The control's stable name, such as `seccomp`.
    pub control: String,
    /// What a probe found.
    pub status: Status,
}

/// What a probe found of one control.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The kernel enforces it.
    Enforced,
    /// The kernel enforces a part of it.
    Degraded {
        /// What is missing.
        missing: String,
    },
    /// The kernel does not enforce it.
    Absent {
        /// Why not.
        why: String,
    },
}
