//! What a scan finds, and what it does not: files that real tools wrote, and files made to harm.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic, in its helpers too")]

mod archives;
mod arrays;
mod benign;
mod build;
mod mutations;
mod pickles;
mod support;

use std::fmt::Write as _;

use support::{one, refusals, shown};

/// A file made to harm: its name, its bytes, and the check that has to find it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) check: &'static str,
    /// What the finding has to name.
    pub(crate) names: &'static str,
}

/// Scans every case, and says which were not found as they should.
pub(crate) fn missed(cases: &[Case]) -> String {
    let mut missed = String::new();
    for (place, case) in cases.iter().enumerate() {
        let report = one(case.name, &case.bytes);
        let found = refusals(&report).contains(&case.check)
            && report
                .findings
                .iter()
                .any(|finding| finding.check == case.check && finding.what.contains(case.names));
        if !found {
            let Case { name, check, names, .. } = case;
            let _ = write!(missed, "\n{place} {name} {check} {names:?}:{}", shown(&report.findings));
        }
    }
    missed
}
