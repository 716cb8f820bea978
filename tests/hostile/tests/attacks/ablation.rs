//! With what stops it taken away, every attack gets through; with one guard left, it does not.

use stockade_hostile::{Attack, attacks};

use crate::{
    denied::is_denied,
    log::Verdict,
    runner::{Ran, Test},
    trial::{Trial, is_root},
};

pub(crate) fn tests() -> Vec<Test> {
    attacks::all()
        .filter(|attack| !attack.guards.is_empty())
        // An ordinary user's namespace has one identity: there is no other to become.
        .filter(|attack| is_root() || attack.name != "become_another_user")
        .flat_map(|attack| {
            [
                Test::new(format!("gets_through_{}", attack.name), move || gets_through(attack)),
                Test::new(format!("each_guard_alone_stops_{}", attack.name), move || each_alone(attack)),
            ]
        })
        .collect()
}

fn gets_through(attack: &'static Attack) -> Ran {
    let trial = Trial::run(attack, attack.guards);
    match &trial.verdict {
        Some(Verdict::Succeeded(_)) => Ran::Held,
        Some(Verdict::Denied(how)) if how == "errno 38" => {
            Ran::Skipped("this kernel has nothing of the kind to attack".to_owned())
        }
        other => panic!("{other:?}, {:?}", trial.cause),
    }
}

/// A guard that this run does not have, as its report says, can stop nobody.
fn each_alone(attack: &'static Attack) -> Ran {
    for guard in attack.guards {
        let others: Vec<&'static str> =
            attack.guards.iter().copied().filter(|other| other != guard).collect();
        let trial = Trial::run(attack, &others);
        if trial.has(guard) {
            assert!(is_denied(attack, &trial), "{guard}: {:?}, {:?}", trial.verdict, trial.cause);
        }
    }
    Ran::Held
}
