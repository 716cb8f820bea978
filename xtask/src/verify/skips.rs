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
    /// It was skipped where the tests ran once more as an ordinary user.
    again: bool,
}

impl Skip {
    pub(super) fn new(promise: &str, why: impl Into<String>) -> Self {
        Self { promise: promise.to_owned(), why: why.into(), again: false }
    }

    /// The same, by an ordinary user after root.
    pub(super) fn again(self) -> Self {
        Self { again: true, ..self }
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
    /// Only root can test it: nothing is missing when an ordinary user skips it after root did not.
    #[serde(default)]
    root: bool,
}

/// Shows the skips, counted by promise, and gives a complaint for each that is not allowed here.
pub(super) fn judge(skips: &[Skip]) -> Result<Vec<String>, Failure> {
    let text = std::fs::read_to_string(tree::root().join("tests/skips.toml"))
        .map_err(|error| Failure::io("tests/skips.toml", &error))?;
    let list = parse(&text)?;
    let on_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let mut times: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for skip in skips.iter().filter(|skip| !list.is_for_root_alone(skip)) {
        let entry = times.entry(&skip.promise).or_default();
        entry.0 += 1;
        entry.1.insert(&skip.why);
    }
    for (promise, (count, reasons)) in &times {
        let reasons: Vec<&str> = reasons.iter().copied().collect();
        let times = if *count == 1 { String::new() } else { format!(" ({count} times)") };
        screen::line(format_args!("  SKIPPED {promise}{times} because {}", reasons.join("; ")));
    }
    Ok(times.keys().filter_map(|promise| list.complaint(promise, on_ci)).collect())
}

fn parse(text: &str) -> Result<Allowed, Failure> {
    let list: Allowed =
        toml::from_str(text).map_err(|error| Failure::new(format!("tests/skips.toml: {error}")))?;
    let mut seen = BTreeSet::new();
    for entry in &list.skip {
        if entry.because.trim().is_empty() || !seen.insert(&entry.promise) {
            let message = format!("tests/skips.toml: `{}` stands twice or has no reason", entry.promise);
            return Err(Failure::new(message));
        }
    }
    Ok(list)
}

impl Allowed {
    fn entry(&self, promise: &str) -> Option<&AllowedSkip> {
        self.skip.iter().find(|entry| entry.promise == promise)
    }

    fn is_for_root_alone(&self, skip: &Skip) -> bool {
        skip.again && self.entry(&skip.promise).is_some_and(|entry| entry.root)
    }

    fn complaint(&self, promise: &str, on_ci: bool) -> Option<String> {
        match self.entry(promise) {
            None => Some(format!("`{promise}` was skipped and tests/skips.toml does not allow it")),
            Some(entry) if on_ci && !entry.ci => {
                Some(format!("`{promise}` was skipped and a CI machine must have what it needs"))
            }
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod checks {
    use super::*;

    const LIST: &str = "[[skip]]\npromise = \"a\"\nbecause = \"no network\"\nci = true\n\
                        [[skip]]\npromise = \"b\"\nbecause = \"it mounts\"\nci = false\nroot = true\n";

    #[test]
    fn a_skip_is_found_in_a_line_of_output() {
        let found = Skip::parse("test x ... SKIPPED egress-seen because there is no audit\n");
        assert_eq!(found, Some(Skip::new("egress-seen", "there is no audit")));
        assert_eq!(Skip::parse("SKIPPED two words because of it"), None);
    }

    #[test]
    fn only_listed_skips_are_allowed_and_fewer_on_ci() {
        let list = parse(LIST).unwrap();
        let refused = |promise, on_ci| list.complaint(promise, on_ci).is_some();
        assert!(!refused("a", false) && !refused("a", true));
        assert!(!refused("b", false) && refused("b", true));
        assert!(refused("c", false));
    }

    #[test]
    fn what_root_tested_is_not_missing_when_an_ordinary_user_cannot() {
        let list = parse(LIST).unwrap();
        assert!(list.is_for_root_alone(&Skip::new("b", "not root").again()));
        assert!(!list.is_for_root_alone(&Skip::new("b", "not root")));
        assert!(!list.is_for_root_alone(&Skip::new("a", "no network").again()));
    }

    #[test]
    fn a_skip_is_listed_once_and_has_a_reason() {
        assert!(parse(&format!("{LIST}{LIST}")).is_err());
        assert!(parse("[[skip]]\npromise = \"a\"\nbecause = \" \"\nci = true\n").is_err());
    }
}
