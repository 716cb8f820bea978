//! The Python environment with programs of others.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use stockade_tests::{command, places};

/// The Python that has this module: that of `cargo verify`, or one made here.
pub(crate) fn with(module: &str) -> Option<PathBuf> {
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let python = places::workspace().join(".venv/bin/python");
    if has(&python, module) {
        return Some(python);
    }
    // The system's own can be run by every user; another may lie in somebody's home.
    let system = "/usr/bin/python3";
    let mut make = places::program(if Path::new(system).exists() { system } else { "python3" });
    make.args(["-m", "venv"]).arg(places::workspace().join(".venv")).stdin(Stdio::null());
    let mut install = places::program(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    install.arg(places::workspace().join("tests/interop/requirements.txt")).stdin(Stdio::null());
    let done = [make, install]
        .into_iter()
        .all(|step| command::try_run(step, INSTALL).is_some_and(|ran| ran.code == Some(0)));
    (done && has(&python, module)).then_some(python)
}

fn has(python: &Path, module: &str) -> bool {
    let mut check = places::program(python);
    check.args(["-c", &format!("import {module}")]).stdin(Stdio::null());
    command::try_run(check, INSTALL).is_some_and(|ran| ran.code == Some(0))
}

/// Longest that installing may take.
const INSTALL: Duration = Duration::from_mins(5);
