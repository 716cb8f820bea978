//! `topology.toml` against the folders.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::{none, tree};

/// One row of the table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Process {
    pub(crate) summary: String,
    pub(crate) reads: Vec<String>,
    pub(crate) calls: Vec<String>,
    pub(crate) crates: BTreeSet<String>,
    pub(crate) deps_max: usize,
    pub(crate) taken_over: String,
    pub(crate) profile: Option<String>,
    identity: Option<u32>,
    network: Option<String>,
    #[serde(default)]
    descriptors: Vec<String>,
    memory_mib: Option<u64>,
    pids: Option<u32>,
    cpu_millicores: Option<u32>,
    files: Option<u32>,
    file_mib: Option<u64>,
}

/// The table.
pub(crate) fn table() -> BTreeMap<String, Process> {
    toml::from_str(&tree::read("topology.toml")).expect("topology.toml has the columns that tidy knows")
}

#[test]
fn every_process_of_the_table_is_a_folder_and_nothing_else_is() {
    let listed: Vec<String> = table().into_keys().collect();
    assert_eq!(tree::folders("processes"), listed);
}

#[test]
fn every_process_says_what_it_is_reads_and_can_do_if_taken_over() {
    for (name, process) in table() {
        assert!(!process.summary.is_empty(), "{name} has no summary");
        assert!(!process.reads.is_empty(), "{name} reads nothing");
        assert!(process.taken_over.starts_with("it can"), "{name}: \"if taken over, it can …\"");
    }
}

#[test]
fn a_process_calls_only_processes_of_the_table() {
    let table = table();
    for (name, process) in &table {
        for callee in &process.calls {
            assert!(table.contains_key(callee), "{name} calls {callee}, which is no process");
        }
    }
}

#[test]
fn every_process_but_the_supervisor_runs_in_a_jail_with_an_identity_of_its_own() {
    let mut complaints = Vec::new();
    let mut identities = BTreeSet::new();
    for (name, process) in table() {
        if name == "supervisor" {
            if process.profile.is_some() || process.identity.is_some() {
                complaints.push("the supervisor builds jails, it is in none".to_owned());
            }
            continue;
        }
        match process.identity {
            Some(identity) if identity > 0 && identities.insert(identity) => {}
            found => complaints.push(format!("{name}: identity {found:?} is none of its own")),
        }
        if process.network.as_deref() != Some("none") {
            complaints.push(format!("{name}: network is {:?}, not \"none\"", process.network));
        }
        if process.descriptors.first().map(String::as_str) != Some("control") {
            complaints.push(format!("{name}: descriptor 4 is not its control link"));
        }
        let ceilings = process.memory_mib.is_some()
            && process.pids.is_some()
            && process.cpu_millicores.is_some()
            && process.files.is_some()
            && process.file_mib.is_some();
        if !ceilings {
            complaints.push(format!("{name}: a ceiling is not written down"));
        }
    }
    none(&complaints);
}
