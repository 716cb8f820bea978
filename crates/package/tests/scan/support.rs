//! Scans what stands in memory.

use std::cell::Cell;
use std::fmt::Write as _;

use proto::link::scan::{Entry, EntryKind, Finding, ScanReport};
use stockade_package::scan::{Bytes, CEILINGS, Fault, Files, scan};

struct Memory<'m>(&'m [u8]);

impl Files for Memory<'_> {
    fn open(&self, _: usize) -> Result<Box<dyn Bytes>, Fault> {
        Ok(Box::new(self.0.to_vec()))
    }
}

/// Scans one file.
pub(crate) fn one(name: &str, bytes: &[u8]) -> ScanReport {
    let entry = Entry { path: name.to_owned(), kind: EntryKind::File { bytes: bytes.len() as u64 } };
    // Work, not time: a test must not depend on how busy the machine is.
    let looks = Cell::new(0_u32);
    let late = || {
        looks.set(looks.get() + 1);
        looks.get() > 2_000
    };
    scan(&[entry], &Memory(bytes), CEILINGS, &late, &mut |_| ())
}

/// The ids of the checks that refuse a file.
pub(crate) fn refusals(report: &ScanReport) -> Vec<&str> {
    let refusing = report.findings.iter().filter(|finding| finding.refuses());
    let mut checks: Vec<_> = refusing.map(|finding| finding.check.as_str()).collect();
    checks.sort_unstable();
    checks.dedup();
    checks
}

/// Findings for a failed test's message.
pub(crate) fn shown(findings: &[Finding]) -> String {
    let mut text = String::new();
    for one in findings {
        let Finding { check, members, offset, what, evidence, .. } = one;
        let _ = write!(text, "\n  {check} {members:?} {offset:?}: {what} [{evidence}]");
    }
    text
}
