//! What the kernel says that a process tried.

use std::time::{Duration, Instant};

use sandbox::{
    jail::{Cause, Jailed},
    observe::{Denial, Observer, PROBE_END},
};

use crate::{
    runner::{Ran, Test},
    support::{end, is_root, soon, spec, start},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("a_refused_call_is_seen_after_the_probe_with_its_name", refused),
        Test::new("a_call_that_kills_is_seen", killed),
        Test::new("an_observer_with_nothing_to_see_gives_up_in_time", nothing),
    ]
}

/// Opens an observer, or says why this run has none.
fn observer() -> Result<Observer, Ran> {
    match Observer::open() {
        Ok(observer) => Ok(observer),
        Err(error) if !is_root() && error.kind() == std::io::ErrorKind::PermissionDenied => Err(
            Ran::Skipped("listening to the audit log takes a right that an ordinary user lacks".to_owned()),
        ),
        Err(error) => panic!("{error}"),
    }
}

/// Runs a behaviour, and gives what the process was denied after its probe, until `wanted`.
fn denied(observer: &mut Observer, jailed: &mut Jailed, wanted: impl Fn(&Denial) -> bool) -> Vec<Denial> {
    jailed.report(soon()).unwrap();
    let mut denials = Vec::new();
    let mut probing = true;
    while let Some(denial) = observer.next(soon()).unwrap() {
        if denial.pid == jailed.pid() {
            if !probing {
                denials.push(denial.clone());
            }
            probing &= denial.call != PROBE_END;
            if wanted(&denial) && !probing {
                return denials;
            }
        }
    }
    panic!("not seen among {denials:?}")
}

fn refused() -> Ran {
    let mut observer = match observer() {
        Ok(observer) => observer,
        Err(skipped) => return skipped,
    };
    let mut jailed = start(spec("tries-a-socket"));
    let denials = denied(&mut observer, &mut jailed, |denial| denial.call == "socket");
    assert_eq!(denials.len(), 1, "{denials:?}");
    assert!(denials.iter().all(|denial| !denial.killed));
    assert_eq!(end(&mut jailed), Cause::Exited(0));
    Ran::Held
}

fn killed() -> Ran {
    let mut observer = match observer() {
        Ok(observer) => observer,
        Err(skipped) => return skipped,
    };
    let mut jailed = start(spec("is-killed-for-a-call"));
    let denials = denied(&mut observer, &mut jailed, |denial| denial.killed);
    assert_eq!(denials.last().map(|denial| denial.call.as_str()), Some("openat"), "{denials:?}");
    Ran::Held
}

fn nothing() -> Ran {
    let mut observer = match observer() {
        Ok(observer) => observer,
        Err(skipped) => return skipped,
    };
    let deadline = Instant::now() + Duration::from_millis(50);
    while observer.next(deadline).unwrap().is_some() {}
    assert!(Instant::now() >= deadline);
    Ran::Held
}
