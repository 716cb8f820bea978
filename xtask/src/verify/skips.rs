//! What this machine cannot test: said by name, counted, and allowed only by a list.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::failure::Failure;
use crate::{screen, tree};

/// One promise that was not tested, in the words of whoever could not.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Skip {
    promise: String,
    why: String,
}

impl Skip {
    pub(super) fn new(promise: &str, why: impl Into<String>) -> Self {
        Self { promise: promise.to_owned(), why: why.into() }
    }

    /// Finds `SKIPPED <promise> because <why>` in a line of a test's output.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once("SKIPPED ")?;
        let (promise, why) = rest.split_once(" because ")?;
        (!promise.is_empty() && !promise.contains(' ')).then(|| Self::new(promise, why.trim_end()))
    }
}

/// `tests/skips.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    skip: Vec<AllowedSkip>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowedSkip {
    promise: String,
    because: String,
    /// Whether a CI machine may skip it too.
    ci: bool,
}

/// Shows the skips, counted by promise, and gives a complaint for each that is not allowed here.
pub(super) fn judge(skips: &[Skip]) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(tree::root().join("tests/skips.toml"))
        .map_err(|error| Failure::io("tests/skips.toml", &error))?;
    let on_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let mut times: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for skip in skips {
        let entry = times.entry(&skip.promise).or_default();
        entry.0 += 1;
        entry.1.insert(&skip.why);
    }
    for (promise, (count, reasons)) in &times {
        let reasons: Vec<&str> = reasons.iter().copied().collect();
        let times = if *count == 1 { String::new() } else { format!(" ({count} times)") };
        screen::line(format_args!("  SKIPPED {promise}{times} because {}", reasons.join("; ")));
    }
    complaints(&text, times.keys().copied(), on_ci)
}

fn complaints<'s>(
    list: &str,
    promises: impl Iterator<Item = &'s str>,
    on_ci: bool,
) -> Result<Vec<String>, Failure> {
    let allowed: Allowed =
        toml::from_str(list).map_err(|error| Failure::new(format!("tests/skips.toml: {error}")))?;
    if let Some(bare) = allowed.skip.iter().find(|entry| entry.because.trim().is_empty()) {
        return Err(Failure::new(format!("tests/skips.toml: `{}` has no reason", bare.promise)));
    }
    let complaint = |promise: &str| match allowed.skip.iter().find(|entry| entry.promise == promise) {
        None => Some(format!("`{promise}` was skipped and tests/skips.toml does not allow it")),
        Some(entry) if on_ci && !entry.ci => {
            Some(format!("`{promise}` was skipped and a CI machine must have what it needs"))
        }
        Some(_) => None,
    };
    Ok(promises.filter_map(complaint).collect())
}

#[cfg(test)]
mod checks {
    use super::*;

    const LIST: &str = "[[skip]]\npromise = \"a\"\nbecause = \"no network\"\nci = true\n\
                        [[skip]]\npromise = \"b\"\nbecause = \"not root\"\nci = false\n";

    #[test]
    fn a_skip_is_found_in_a_line_of_output() {
        let found = Skip::parse("test x ... SKIPPED egress-seen because there is no audit\n");
        assert_eq!(found, Some(Skip::new("egress-seen", "there is no audit")));
        assert_eq!(Skip::parse("SKIPPED two words because of it"), None);
    }

    #[test]
    fn only_listed_skips_are_allowed_and_fewer_on_ci() {
        let count =
            |promises: &[&str], on_ci| complaints(LIST, promises.iter().copied(), on_ci).unwrap().len();
        assert_eq!(count(&["a", "b"], false), 0);
        assert_eq!(count(&["a", "b"], true), 1);
        assert_eq!(count(&["c"], false), 1);
    }

    #[test]
    fn a_listed_skip_has_a_reason() {
        let list = "[[skip]]\npromise = \"a\"\nbecause = \" \"\nci = true\n";
        assert!(complaints(list, std::iter::empty(), false).is_err());
    }
}
