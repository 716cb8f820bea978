//! What a process tells its supervisor about its jail, once.

use serde::{Deserialize, Serialize};

use crate::control::ControlReport;

/// What the process found from inside.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Which process it says it is.
    pub(crate) process: String,
    /// Which descriptors are open.
    pub(crate) descriptors: Vec<u32>,
    /// What its probes found.
    pub(crate) controls: Vec<ControlReport>,
}

/// Decodes a report; every byte must belong to it.
pub(crate) fn decode(bytes: &[u8]) -> Option<Report> {
    match postcard::take_from_bytes(bytes) {
        Ok((report, [])) => Some(report),
        _ => None,
    }
}

/// Encodes a report; `None` when it is over [`BYTES_MAX`].
pub(crate) fn encode(report: &Report) -> Option<Vec<u8>> {
    postcard::to_stdvec(report).ok().filter(|bytes| bytes.len() < BYTES_MAX)
}

/// Largest report. It fits the pipe, so the process never waits for its supervisor to read.
pub(crate) const BYTES_MAX: usize = 16 * 1024;
