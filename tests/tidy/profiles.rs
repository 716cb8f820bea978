//! The system-call filters against the table and the threat model.

use std::collections::{BTreeMap, BTreeSet};

use crate::topology::table;
use crate::{none, tree};

/// Filters that a process adds by itself once it needs less.
const TIGHTER: &[(&str, &str)] = &[("worker-serve", "worker")];

#[test]
fn every_profile_of_the_table_is_a_file_and_every_file_is_used() {
    let mut wanted: BTreeSet<String> = table().into_values().filter_map(|process| process.profile).collect();
    wanted.extend(TIGHTER.iter().map(|(name, _)| (*name).to_owned()));
    assert_eq!(all().into_keys().collect::<BTreeSet<_>>(), wanted);
}

#[test]
fn every_system_call_has_a_reason() {
    let mut complaints = Vec::new();
    for (name, profile) in all() {
        for rule in rules(&profile, "allow").into_iter().chain(rules(&profile, "refuse")) {
            let call = rule.get("call").and_then(toml::Value::as_str).unwrap_or("a rule without a call");
            let because = rule.get("because").and_then(toml::Value::as_str).unwrap_or_default();
            if because.split_whitespace().count() < 2 {
                complaints.push(format!("{name}: {call} says `{because}`, which is no reason"));
            }
        }
    }
    none(&complaints);
}

#[test]
fn a_tighter_filter_opens_nothing() {
    for (tight, wide) in TIGHTER {
        let profiles = all();
        let opened: Vec<_> = calls(&profiles[*tight]).difference(&calls(&profiles[*wide])).cloned().collect();
        assert!(opened.is_empty(), "{tight} allows {opened:?}, which {wide} does not");
    }
}

#[test]
fn the_threat_model_counts_the_system_calls_that_each_process_can_reach() {
    let document = tree::read("docs/threat-model.md");
    let mut complaints = Vec::new();
    for (name, profile) in all() {
        let conditional = conditional(&profile).len();
        let row = format!("| `{name}` | {} | {conditional} |", calls(&profile).len());
        if !document.contains(&row) {
            complaints.push(format!("docs/threat-model.md has no row `{row}`"));
        }
    }
    none(&complaints);
}

/// Every profile by its name.
fn all() -> BTreeMap<String, toml::Table> {
    tree::files("profiles/seccomp", &[".x86_64.toml"])
        .into_iter()
        .map(|file| {
            let name =
                file.trim_start_matches("profiles/seccomp/").trim_end_matches(".x86_64.toml").to_owned();
            let profile =
                toml::from_str(&tree::read(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            (name, profile)
        })
        .collect()
}

/// The calls that a profile allows, under whatever condition.
fn calls(profile: &toml::Table) -> BTreeSet<String> {
    rules(profile, "allow")
        .iter()
        .filter_map(|rule| rule.get("call").and_then(toml::Value::as_str))
        .map(str::to_owned)
        .collect()
}

/// The calls that a profile allows only with some arguments.
fn conditional(profile: &toml::Table) -> BTreeSet<String> {
    let free: BTreeSet<String> = rules(profile, "allow")
        .iter()
        .filter(|rule| rule.get("when").is_none())
        .filter_map(|rule| rule.get("call").and_then(toml::Value::as_str))
        .map(str::to_owned)
        .collect();
    calls(profile).difference(&free).cloned().collect()
}

fn rules<'p>(profile: &'p toml::Table, kind: &str) -> Vec<&'p toml::Value> {
    profile.get(kind).and_then(toml::Value::as_array).into_iter().flatten().collect()
}
