//! What an unsigned package does to whoever loads it: every byte looked at, nothing executed.
//!
//! An *examiner* knows one format, or looks for one thing everywhere. It reports what its *checks*
//! find. What no examiner vouches for is a finding too: this is a closed list of what is harmless,
//! not an open list of what is not. To add one, write its file and its line in `registry`.

mod budget;
mod check;
mod compressed;
mod content;
mod examiner;
mod foreign;
mod inflate;
mod json;
mod listing;
mod numpy;
mod pickle;
mod registry;
mod run;
mod subject;
mod tar;
mod tensors;
mod text;
mod zip;

use std::cell::Cell;

pub use budget::{Budget, Ceilings, Fault};
pub use check::Check;
pub use content::{Bytes, Content, Reader};
use proto::link::scan::{Entry, ScanReport};
pub use run::Scan;
pub use subject::Subject;

/// The files of a directory that is scanned.
pub trait Files {
    /// Opens an entry that is a regular file.
    ///
    /// # Errors
    /// [`Fault::Read`] when it cannot be opened.
    fn open(&self, entry: usize) -> Result<Box<dyn Bytes>, Fault>;
}

/// The ceilings of a scan, whoever asks for it.
pub const CEILINGS: Ceilings =
    Ceilings { depth_max: 8, members_max: 200_000, expanded_bytes_max: 64 << 30, expansion_max: 200 };

/// Scans everything in a directory. `late` says whether the time for it is over; `progress` is told
/// the bytes of the files that are done.
pub fn scan(
    entries: &[Entry],
    files: &dyn Files,
    ceilings: Ceilings,
    late: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(u64),
) -> ScanReport {
    let budget = Budget::new(ceilings, late);
    let done = Cell::new(0);
    let mut scan = Scan::new(&budget, entries, files);
    scan.listing();
    for place in 0..entries.len() {
        done.set(scan.entry(place).saturating_add(done.get()));
        progress(done.get());
    }
    scan.into_report()
}

/// Every check that there is, in the order of their ids.
pub fn checks() -> Vec<&'static Check> {
    let mut checks: Vec<_> = registry::EXAMINERS
        .iter()
        .flat_map(|examiner| examiner.checks)
        .chain(check::FRAME)
        .copied()
        .collect();
    checks.sort_by_key(|check| check.id);
    checks
}
