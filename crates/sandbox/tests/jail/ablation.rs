//! A control that is left out is reported so: the probes see what is there, not what was asked for.

use sandbox::{
    control::{self, Control},
    jail::Removed,
};

use crate::{
    runner::{Ran, Test},
    support::{end, linked, soon, start},
};

pub(crate) fn tests() -> Vec<Test> {
    control::NAMES
        .iter()
        .filter(|name| !ALWAYS_THERE.contains(name))
        .map(|name| Test::new(format!("{name}_left_out_is_reported"), move || is_reported(name)))
        .collect()
}

fn is_reported(name: &'static str) -> Ran {
    let (mut spec, link) = linked("waits");
    // Without this one the kernel takes neither filter nor rules from who has no rights.
    let needs_it: &[&str] = if name == "no-new-privileges" { &["seccomp", "landlock"] } else { &[] };
    spec.removed = Removed([name].iter().chain(needs_it).copied().collect());
    let mut jailed = start(spec);
    let controls = jailed.report(soon()).unwrap();
    drop(link);
    end(&mut jailed);
    let found = controls.iter().find(|control| control.name == name).unwrap();
    assert_ne!(found.status, Control::Enforced);
    Ran::Held
}

/// A jail without these can't be built.
const ALWAYS_THERE: &[&str] = &["identity", "user-namespace", "mount-namespace"];
