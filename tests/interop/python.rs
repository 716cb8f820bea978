//! A Python with the programs of others.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Mutex,
    time::Duration,
};

use stockade_tests::{command, places};

/// The Python that has this module: that of `cargo verify`, or one made here.
pub(crate) fn with(module: &str) -> Option<PathBuf> {
    // Two tests that made it at once would spoil each other's.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let python = places::workspace().join(".venv/bin/python");
    if has(&python, module) {
        return Some(python);
    }
    let folder = places::workspace().join(".venv");
    let requirements = places::workspace().join("tests/interop/requirements.txt");
    let mut make = places::program("python3");
    make.args(["-m", "venv"]).arg(&folder).stdin(Stdio::null());
    let mut install = places::program(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    install.arg(&requirements).stdin(Stdio::null());
    let done = [make, install]
        .into_iter()
        .all(|step| command::try_run(step, INSTALL).is_some_and(|ran| ran.code == Some(0)));
    (done && has(&python, module)).then_some(python)
}

fn has(python: &Path, module: &str) -> bool {
    let mut check = places::program(python);
    check.arg("-c").arg(format!("import {module}"));
    check.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    check.status().is_ok_and(|status| status.success())
}

/// Longest that installing may take.
const INSTALL: Duration = Duration::from_mins(5);
