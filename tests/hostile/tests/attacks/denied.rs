//! With every control on, every attack is denied.

use sandbox::jail::Cause;
use stockade_hostile::{Attack, attacks};

use crate::{
    log::Verdict,
    runner::{Ran, Test},
    trial::{Trial, is_root},
};

pub(crate) fn tests() -> Vec<Test> {
    attacks::all()
        .map(|attack| Test::new(format!("denied_{}", attack.name), move || denied(attack)))
        .collect()
}

fn denied(attack: &'static Attack) -> Ran {
    let trial = Trial::run(attack, &[]);
    // An ordinary user lacks ceilings that the kernel gives to root alone, and the report says so.
    let guarded = attack.guards.is_empty() || attack.guards.iter().any(|guard| trial.has(guard));
    assert!(guarded || !is_root());
    assert!(!guarded || is_denied(attack, &trial), "{:?}, {:?}", trial.verdict, trial.cause);
    assert!(trial.neighbour_alive, "the neighbour died");
    assert!(trial.recorded.unwrap_or(true), "the kernel's log tells of none of {:?}", attack.refused);
    assert_eq!(trial.recorded.is_some(), is_root());
    Ran::Held
}

/// The attacker says so, or was ended by what a deadly attack is ended by.
pub(crate) fn is_denied(attack: &Attack, trial: &Trial) -> bool {
    match (&trial.verdict, trial.cause) {
        (Some(Verdict::Denied(_)), None) => true,
        (None, Some(Cause::Seccomp | Cause::OutOfMemory)) => attack.deadly,
        _ => false,
    }
}
