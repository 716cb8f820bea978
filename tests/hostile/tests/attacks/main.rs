//! Every attack, in a jail of its own that this test starts: denied, the neighbour alive, the refusal in
//! the kernel's log. Built with `ablation` it also takes away what stops the attack, and sees it get
//! through: that is how we know that these tests see anything.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test: it fails by panicking, and starts itself again as another user"
)]

#[cfg(feature = "ablation")]
mod ablation;
mod denied;
mod log;
#[path = "../../../../crates/sandbox/tests/jail/runner.rs"]
mod runner;
mod scene;
mod trial;

use std::{
    io::{Read as _, Write as _},
    os::unix::{net::UnixStream, process::CommandExt as _},
    process::{Command, ExitCode},
};

use sandbox::{
    confine::{self, Confined},
    descriptor,
    rootless::{self, Privilege},
};

fn main() -> ExitCode {
    if std::env::args().eq(["worker"]) {
        return jailed();
    }
    let Ok(privilege) = rootless::enter_if_needed() else {
        let why = || runner::Ran::Skipped("the kernel refuses user namespaces to this user".to_owned());
        return runner::run(&[runner::Test::new("ordinary-user", why)]);
    };
    trial::set_privilege(privilege);
    let tests = denied::tests();
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

/// What this program is in a jail.
fn jailed() -> ExitCode {
    match confine::enter("worker") {
        Ok(confined) => stockade_hostile::serve(&confined, echo),
        Err(_refused) => ExitCode::from(78),
    }
}

/// The neighbour: it gives back what it is sent, as long as it lives.
fn echo(_confined: &Confined) -> ExitCode {
    let mut link = UnixStream::from(descriptor::adopt(5).unwrap());
    let mut byte = [0];
    while link.read(&mut byte).unwrap() == 1 {
        link.write_all(&byte).unwrap();
    }
    ExitCode::SUCCESS
}
