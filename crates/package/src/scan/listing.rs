//! The directory as a whole.

use proto::Code;
use proto::link::scan::{Confidence, Entry, Severity};

use super::budget::Fault;
use super::check::Check;
use super::examiner::{Examiner, Looks};
use super::run::Scan;

pub(super) const EXAMINER: Examiner = Examiner { checks: &[&EMPTY], looks: Looks::Listing(look) };

const EMPTY: Check = Check {
    id: "listing.empty",
    code: Code::FormatUnsupported,
    severity: Severity::Medium,
    confidence: Confidence::High,
    explanation: "There is no file: nothing was examined, and nothing can be said to be harmless.",
    fix: "scan the directory that has the files",
};

fn look(scan: &mut Scan<'_>, entries: &[Entry]) -> Result<(), Fault> {
    if entries.is_empty() {
        scan.find_entry(&EMPTY, "", "is empty");
    }
    scan.budget().worked(entries.len() as u64)
}
