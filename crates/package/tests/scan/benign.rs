//! Files that real tools wrote, and that harm nobody: no false alarm. `fixtures/generate.py` and
//! `fixtures/generate_torch.py` made them.

use std::fs;

use crate::{one, refusals, shown};

/// Name and bytes of every fixture.
pub(crate) fn fixtures() -> Vec<(String, Vec<u8>)> {
    let mut fixtures = Vec::new();
    for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scan/fixtures")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "py") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            fixtures.push((name, fs::read(&path).unwrap()));
        }
    }
    fixtures.sort();
    fixtures
}

#[test]
fn files_of_real_tools_are_accepted() {
    let fixtures = fixtures();
    let mut alarms = String::new();
    for (name, bytes) in &fixtures {
        let report = one(name, bytes);
        if !refusals(&report).is_empty() {
            alarms += "\n";
            alarms += name;
            alarms += &shown(&report.findings);
        }
    }
    assert_eq!(alarms, "");
    assert!(fixtures.len() >= 60, "only {} files", fixtures.len());
}
