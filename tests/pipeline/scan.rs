//! A scan in its jail: what nobody signed is accepted or refused, and the report says why.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use stockade_tests::{command, places};

fn scan(path: &Path, more: &[&str]) -> (Option<i32>, serde_json::Value) {
    let programs = places::programs(places::Build::Development);
    let path = path.display().to_string();
    let mut arguments = vec!["package", "scan", "--json", &path];
    let accepted: Vec<String> =
        stockade_tests::accepted(programs).iter().map(|name| format!("--accept-degraded={name}")).collect();
    arguments.extend(accepted.iter().map(String::as_str));
    arguments.extend(more);
    let ran = command::stockade(programs, &arguments);
    let report = ran.output.lines().find_map(|line| serde_json::from_str(line).ok());
    (ran.code, report.unwrap_or_else(|| panic!("no report: {ran:?}")))
}

fn checks(report: &serde_json::Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["check"].as_str().unwrap()).collect()
}

const EVIL: &[u8] = b"cos\nsystem\n(S'id'\ntR.";

#[test]
fn what_is_inert_is_accepted_and_what_is_not_is_named() {
    let folder = places::scratch("scan");
    let root = folder.path();
    fs::create_dir(root.join("below")).unwrap();
    for place in 0..9 {
        fs::write(root.join(format!("below/{place}.json")), "{}").unwrap();
    }
    let (code, report) = scan(root, &[]);
    assert_eq!((code, report["entries"].as_u64()), (Some(0), Some(9)), "{report}");
    fs::write(root.join("model.pkl"), EVIL).unwrap();
    symlink("/etc/passwd", root.join("below/passwd.txt")).unwrap();
    let sarif = root.with_extension("sarif");
    let (code, report) = scan(root, &["--sarif", sarif.to_str().unwrap()]);
    assert_eq!(code, Some(3), "{report}");
    assert_eq!(checks(&report), ["entry.link", "pickle.import", "pickle.call"]);
    assert!(report["findings"][2]["what"].as_str().unwrap().contains("os.system"), "{report}");
    let log: serde_json::Value = serde_json::from_slice(&fs::read(&sarif).unwrap()).unwrap();
    fs::remove_file(&sarif).unwrap();
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 3);
}

#[test]
fn one_file_is_enough_and_nobody_else_needs_to_be_able_to_read_it() {
    let folder = places::scratch("scan");
    let path = folder.path().join("model.pt");
    fs::write(&path, EVIL).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let (code, report) = scan(&path, &[]);
    assert_eq!(code, Some(3), "{report}");
    assert_eq!(report["findings"][0]["path"], "model.pt");
    assert_eq!(checks(&report), ["pickle.import", "pickle.call"]);
}
