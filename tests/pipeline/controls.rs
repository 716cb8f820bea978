//! A control that the host does not enforce stops the start, unless the operator accepted it by name.

use std::{fs, process::Command, time::Duration};

use stockade_tests::{Package, Signer, command, is_root, places};

/// Controls that rest on control groups.
const CEILINGS: [&str; 3] = ["memory-ceiling", "pids-ceiling", "cpu-ceiling"];

/// `stockade run` of the demo package on a host without control groups, with these controls accepted.
///
/// As root the host's are hidden in a mount namespace of its own. An ordinary user's host lacks more than
/// those anyway.
fn run(accepted: &[&str]) -> command::Ran {
    let folder = places::scratch("controls");
    let key = folder.path().join("publisher.pem");
    fs::write(&key, Signer::trusted().public_pem()).unwrap();
    let package = Package::demo();
    let stockade = command::prepared(places::programs(places::Build::Development));
    let mut hidden = if is_root() {
        let mut command: Command = places::program("unshare");
        command.args(["--mount", "sh", "-c", "mount -t tmpfs none /sys/fs/cgroup && exec \"$0\" \"$@\""]);
        command.arg(stockade.get_program()).env("NO_COLOR", "1");
        command
    } else {
        stockade
    };
    hidden.args(["run", "--json", "--state"]).arg(folder.path().join("state"));
    hidden.arg("--signer").arg(format!("publisher={}", key.display()));
    hidden.args(accepted.iter().map(|name| format!("--accept-degraded={name}")));
    hidden.arg(package.path()).arg("Hello!");
    command::run(hidden, Duration::from_mins(1))
}

#[test]
fn a_control_that_is_not_enforced_refuses_to_start_unless_it_was_accepted_by_name() {
    let refused = run(&[]);
    assert_eq!(refused.failure_code(), "control_not_enforced", "{refused:?}");
    assert_eq!((refused.code, refused.output.as_str()), (Some(5), ""), "{refused:?}");
    for name in CEILINGS {
        assert!(refused.errors.contains(name), "{name} is named: {refused:?}");
    }
    let two = run(&CEILINGS[1..]);
    assert_eq!(two.failure_code(), "control_not_enforced", "one that was not accepted is enough: {two:?}");

    let all = [&CEILINGS[..], if is_root() { &[] } else { &["identity"] }].concat();
    let answered = run(&all);
    assert_eq!(answered.code, Some(0), "{answered:?}");
    assert!(!answered.output.is_empty(), "{answered:?}");
}
