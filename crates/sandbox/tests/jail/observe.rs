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

/// Listening takes a right that an ordinary user lacks.
pub(crate) fn tests() -> Vec<Test> {
    if !is_root() {
        return vec![Test::new("an_ordinary_user_cannot_observe_and_is_told_so", told_so)];
    }
    vec![
        Test::new("a_refused_call_is_seen_after_the_probe_with_its_name", refused),
        Test::new("a_call_that_kills_is_seen", killed),
        Test::new("an_observer_with_nothing_to_see_gives_up_in_time", nothing),
        Test::new("denials_that_come_too_fast_are_counted", lost),
    ]
}

fn told_so() -> Ran {
    assert_eq!(Observer::open().unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
    Ran::Held
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
    let mut observer = Observer::open().unwrap();
    let mut jailed = start(spec("tries-a-socket"));
    let denials = denied(&mut observer, &mut jailed, |denial| denial.call == "socket");
    assert_eq!(denials.len(), 1, "{denials:?}");
    assert!(denials.iter().all(|denial| !denial.killed));
    assert_eq!(end(&mut jailed), Cause::Exited(0));
    Ran::Held
}

fn killed() -> Ran {
    let mut observer = Observer::open().unwrap();
    let mut jailed = start(spec("is-killed-for-a-call"));
    let denials = denied(&mut observer, &mut jailed, |denial| denial.killed);
    assert_eq!(denials.last().map(|denial| denial.call.as_str()), Some("openat"), "{denials:?}");
    Ran::Held
}

fn nothing() -> Ran {
    let mut observer = Observer::open().unwrap();
    let deadline = Instant::now() + Duration::from_millis(50);
    while observer.next(deadline).unwrap().is_some() {}
    assert!(Instant::now() >= deadline);
    Ran::Held
}

/// Nobody reads while a process is denied more often than the kernel keeps for us.
fn lost() -> Ran {
    let mut observer = Observer::open().unwrap();
    rustix::net::sockopt::set_socket_recv_buffer_size(&observer, 4096).unwrap();
    let mut jailed = start(spec("is-denied-often"));
    jailed.report(soon()).unwrap();
    end(&mut jailed);
    let (mut seen, mut lost) = (0, 0);
    while let Some(denial) = observer.next(Instant::now() + Duration::from_millis(200)).unwrap() {
        seen += u64::from(denial.pid == jailed.pid());
        lost += denial.lost;
    }
    // What comes after the queue was drained tells of what was lost before.
    let mut later = start(spec("tries-a-socket"));
    later.report(soon()).unwrap();
    while let Some(denial) = observer.next(soon()).unwrap() {
        lost += denial.lost;
        if denial.pid == later.pid() {
            break;
        }
    }
    assert!(lost > 0, "{seen} seen");
    Ran::Held
}
