//! The jail, tried end to end: with root's rights, and once more with those of an ordinary user.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test: it fails by panicking, and starts itself again as another user"
)]

extern crate stockade_sandbox as sandbox;

#[cfg(feature = "ablation")]
mod ablation;
mod ceilings;
mod descriptors;
mod ends;
mod leftovers;
mod observe;
mod program;
mod report;
mod runner;
mod specs;
mod support;

use std::{
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use sandbox::rootless::{self, Privilege};

fn main() -> ExitCode {
    let name = std::env::args().next().unwrap_or_default();
    if let Some(behaviour) = program::named(&name) {
        return behaviour();
    }
    let Ok(privilege) = rootless::enter_if_needed() else {
        return cannot_be_shown();
    };
    support::set_privilege(privilege);
    if let Some(order) = std::env::args().nth(1).and_then(|word| leftovers::order(&word)) {
        return order();
    }
    let tests: Vec<runner::Test> = [
        report::tests(),
        specs::tests(),
        ends::tests(),
        ceilings::tests(),
        descriptors::tests(),
        observe::tests(),
        leftovers::tests(),
    ]
    .into_iter()
    .flatten()
    .collect();
    #[cfg(feature = "ablation")]
    let tests: Vec<runner::Test> = tests.into_iter().chain(ablation::tests()).collect();
    let code = runner::run(&tests);
    if privilege == Privilege::Root && code == ExitCode::SUCCESS { as_an_ordinary_user() } else { code }
}

/// Runs this program once more, as nobody.
fn as_an_ordinary_user() -> ExitCode {
    const NOBODY: u32 = 65534;
    let mut again = Command::new("/proc/self/exe");
    again.args(std::env::args().skip(1)).uid(NOBODY).gid(NOBODY).current_dir("/");
    if again.status().unwrap().success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cannot_be_shown() -> ExitCode {
    let why = "the kernel refuses user namespaces to this user";
    runner::run(&[runner::Test::new("ordinary-user", move || runner::Ran::Skipped(why.to_owned()))])
}
