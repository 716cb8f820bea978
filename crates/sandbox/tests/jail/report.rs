//! The report: what it says, and that a false one is refused.

use std::time::{Duration, Instant};

use sandbox::{control::Control, jail::JailError};

use crate::{
    runner::{Ran, Test},
    support::{end, is_root, linked, soon, spec, start},
};

pub(crate) fn tests() -> Vec<Test> {
    let everything = if is_root() {
        Test::new("root_enforces_every_control", root_enforces_every_control)
    } else {
        Test::new("an_ordinary_user_loses_only_what_he_must", an_ordinary_user_loses_only_what_he_must)
    };
    vec![
        everything,
        Test::new("a_report_can_be_asked_for_once", a_report_can_be_asked_for_once),
        Test::new("a_process_that_does_not_report_is_not_waited_for", silence_has_a_deadline),
        Test::new("a_report_that_is_rubbish_is_refused", || refused("reports-rubbish")),
        Test::new("a_report_without_end_is_refused", || refused("reports-too-much")),
        Test::new("a_report_of_another_process_is_refused", || refused("is-another")),
    ]
}

fn weak() -> Vec<(String, Control)> {
    let (spec, link) = linked("waits");
    let mut jailed = start(spec);
    let controls = jailed.report(soon()).unwrap();
    let names: Vec<&str> = controls.iter().map(|control| control.name.as_str()).collect();
    assert_eq!(names, sandbox::control::NAMES);
    drop(link);
    end(&mut jailed);
    controls
        .into_iter()
        .filter(|control| control.status != Control::Enforced)
        .map(|control| (control.name, control.status))
        .collect()
}

fn root_enforces_every_control() -> Ran {
    assert_eq!(weak(), []);
    Ran::Held
}

/// Only what takes rights over others may be missing, and each is said.
fn an_ordinary_user_loses_only_what_he_must() -> Ran {
    for (name, status) in weak() {
        match (name.as_str(), &status) {
            ("identity" | "memory-ceiling" | "pids-ceiling", Control::Degraded { .. })
            | ("cpu-ceiling", Control::Absent { .. }) => {}
            _ => panic!("{name}: {status:?}"),
        }
    }
    Ran::Held
}

fn a_report_can_be_asked_for_once() -> Ran {
    let (spec, _link) = linked("waits");
    let mut jailed = start(spec);
    jailed.report(soon()).unwrap();
    assert!(matches!(jailed.report(soon()), Err(JailError::Report)));
    Ran::Held
}

fn silence_has_a_deadline() -> Ran {
    let mut jailed = start(spec("never-reports"));
    let deadline = Instant::now() + Duration::from_millis(200);
    assert!(matches!(jailed.report(deadline), Err(JailError::Deadline { step: "report" })));
    Ran::Held
}

fn refused(behaviour: &str) -> Ran {
    let mut jailed = start(spec(behaviour));
    assert!(matches!(jailed.report(soon()), Err(JailError::Report)));
    Ran::Held
}
