//! Who depends on whom.

use std::collections::BTreeSet;

use crate::topology::table;
use crate::{none, tree};

/// The libraries, and the libraries of ours that each may use.
const CRATES: &[(&str, &[&str])] = &[
    ("ledger", &["proto"]),
    ("package", &["proto"]),
    ("policy", &["proto"]),
    ("proto", &[]),
    ("sandbox", &[]),
    ("store", &["proto"]),
];

#[test]
fn every_library_is_known_and_uses_only_what_it_may() {
    let known: Vec<&str> = CRATES.iter().map(|(name, _)| *name).collect();
    assert_eq!(tree::folders("crates"), known);
    for (name, allowed) in CRATES {
        let allowed: BTreeSet<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(ours(&format!("crates/{name}"), &["dependencies"]), allowed, "in crates/{name}");
    }
}

#[test]
fn processes_depend_only_on_what_topology_lists() {
    for (name, process) in table() {
        assert_eq!(ours(&format!("processes/{name}"), &["dependencies"]), process.crates, "in {name}");
    }
}

#[test]
fn nothing_that_ships_depends_on_a_process() {
    let mut complaints = Vec::new();
    let shipped = tree::folders("crates").into_iter().map(|name| format!("crates/{name}"));
    let shipped =
        shipped.chain(tree::folders("processes").into_iter().map(|name| format!("processes/{name}")));
    for folder in shipped.chain(["cli".to_owned()]) {
        for (dependency, package) in dependencies(&folder, &["dependencies", "build-dependencies"]) {
            let process = package.strip_prefix("stockade-").unwrap_or_default();
            if table().contains_key(process) {
                complaints.push(format!("{folder} depends on the process {dependency}"));
            }
        }
    }
    none(&complaints);
}

/// Removing a control is for the escape tests and the benchmarks alone, by name. A dependency or a
/// default that asked for it would give it to every program that is built together with it.
#[test]
fn no_program_that_ships_can_leave_a_control_out() {
    let mut complaints = Vec::new();
    for manifest in tree::files("", &["Cargo.toml"]) {
        let ships = ["crates/", "processes/", "cli/"].iter().any(|folder| manifest.starts_with(folder));
        if manifest.starts_with("tests/hostile/") {
            continue;
        }
        let mut parsed: toml::Table = toml::from_str(&tree::read(&manifest)).expect("a manifest");
        let features = parsed.remove("features");
        for (feature, enables) in features.as_ref().and_then(toml::Value::as_table).into_iter().flatten() {
            let apart = feature == ABLATION || !ships && feature != "default";
            if !apart && enables.to_string().contains(ABLATION) {
                complaints.push(format!("{manifest}: feature `{feature}` enables `{ABLATION}`"));
            }
        }
        if parsed.to_string().contains(ABLATION) {
            complaints.push(format!("{manifest}: a dependency enables `{ABLATION}`"));
        }
    }
    none(&complaints);
}

/// Our own libraries among the dependencies of a folder's package.
fn ours(folder: &str, kinds: &[&str]) -> BTreeSet<String> {
    dependencies(folder, kinds)
        .into_iter()
        .filter(|(name, _)| CRATES.iter().any(|(known, _)| known == name))
        .map(|(name, _)| name)
        .collect()
}

/// Dependencies of a folder's package: the name it is used by, and the package's own name.
fn dependencies(folder: &str, kinds: &[&str]) -> Vec<(String, String)> {
    let manifest = format!("{folder}/Cargo.toml");
    let parsed: toml::Table = toml::from_str(&tree::read(&manifest)).expect("a manifest");
    let mut found = Vec::new();
    for kind in kinds {
        for (name, value) in parsed.get(*kind).and_then(toml::Value::as_table).into_iter().flatten() {
            let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(name);
            found.push((name.clone(), package.to_owned()));
        }
    }
    found
}

const ABLATION: &str = "ablation";
