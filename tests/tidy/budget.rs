//! How much code of others each process takes in.

use std::collections::BTreeSet;
use std::process::Command;

use crate::none;
use crate::topology::table;

/// A budget further than this above the truth is none.
const SLACK_MAX: usize = 12;

#[test]
fn every_process_keeps_its_dependency_budget_and_the_budget_is_tight() {
    let mut complaints = Vec::new();
    for (name, process) in table() {
        let found = dependency_tree(&name).len();
        let budget = process.deps_max;
        if found > budget {
            complaints
                .push(format!("{name} has {found} packages in its tree, topology.toml allows {budget}"));
        } else if found + SLACK_MAX < budget {
            complaints.push(format!("{name} has {found} packages, its budget of {budget} is too loose"));
        }
    }
    none(&complaints);
}

#[test]
fn no_process_takes_in_a_library_for_what_it_never_does() {
    let mut complaints = Vec::new();
    for (process, never) in NEVER {
        for package in dependency_tree(process) {
            if never.contains(&package.as_str()) {
                complaints.push(format!("{process} must not use {package}, directly or through others"));
            }
        }
    }
    none(&complaints);
}

/// No network where there is none to reach, no runtime where nothing waits, no parser of formats in the
/// process that holds every right.
const NEVER: &[(&str, &[&str])] = &[
    (
        "supervisor",
        &["axum", "hyper", "mio", "regex", "safetensors", "serde_json", "socket2", "tokio", "ureq"],
    ),
    ("inspector", &["axum", "hyper", "mio", "socket2", "tokio", "ureq"]),
    ("worker", &["axum", "hyper", "mio", "socket2", "tokio", "ureq"]),
    ("auditor", &["axum", "hyper", "mio", "socket2", "tokio", "ureq"]),
    ("gateway", &["candle-core", "safetensors", "tokenizers", "ureq"]),
];

/// The names of all packages that a process is built from, itself included, on Linux.
fn dependency_tree(process: &str) -> BTreeSet<String> {
    #[expect(clippy::disallowed_methods, reason = "asks cargo what it builds")]
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--target", "x86_64-unknown-linux-gnu", "--package", &format!("stockade-{process}")])
        .current_dir(crate::tree::root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}
