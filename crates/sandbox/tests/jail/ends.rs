//! Ends: each is told apart from the others.

use std::time::{Duration, Instant};

use sandbox::jail::Cause;

use crate::{
    runner::{Ran, Test},
    support::{end, is_root, linked, soon, spec, start},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("an_exit_gives_its_code", || ends_by("exits", Cause::Exited(7))),
        Test::new("a_process_that_breaks_is_told_from_one_that_ends", breaks),
        Test::new("a_call_that_kills_is_named_as_such", || ends_by("is-killed-for-a-call", Cause::Seccomp)),
        Test::new("a_process_over_its_memory_ceiling_is_ended", memory),
        Test::new("a_process_that_never_ends_can_be_killed", wall),
        Test::new("an_end_is_known_for_ever_after", known),
    ]
}

fn ends_by(behaviour: &str, cause: Cause) -> Ran {
    let mut jailed = start(spec(behaviour));
    jailed.report(soon()).unwrap();
    assert_eq!(end(&mut jailed), cause);
    Ran::Held
}

fn breaks() -> Ran {
    let mut jailed = start(spec("aborts"));
    jailed.report(soon()).unwrap();
    let cause = end(&mut jailed);
    assert!(matches!(cause, Cause::Signaled(_)), "{cause:?}");
    Ran::Held
}

/// By the control group; without one the allocation itself is refused.
fn memory() -> Ran {
    ends_by("allocates", if is_root() { Cause::OutOfMemory } else { Cause::Exited(3) })
}

fn wall() -> Ran {
    let mut jailed = start(spec("spins"));
    jailed.report(soon()).unwrap();
    let deadline = Instant::now() + Duration::from_millis(100);
    assert_eq!(jailed.wait(deadline).unwrap(), None);
    jailed.kill().unwrap();
    assert_eq!(end(&mut jailed), Cause::Killed);
    jailed.kill().unwrap();
    Ran::Held
}

fn known() -> Ran {
    let (spec, link) = linked("waits");
    let mut jailed = start(spec);
    jailed.report(soon()).unwrap();
    drop(link);
    for _ in 0..3 {
        assert_eq!(end(&mut jailed), Cause::Exited(0));
    }
    Ran::Held
}
