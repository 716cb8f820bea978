//! The command line, as a person or a script uses it.

use std::{
    io::Read,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use crate::{places, wait::within};

/// How a command ended and what it said.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its exit status; `None` when a signal or our patience ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

impl Ran {
    /// The stable code of the failure that it told, as JSON on standard error; empty when it told none.
    pub fn failure_code(&self) -> String {
        let mut codes = self.errors.lines().filter_map(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line["error"]["code"].as_str()?.to_owned())
        });
        codes.next_back().unwrap_or_default()
    }
}

/// Runs `stockade` from a directory of programs, with nothing of our environment that would matter.
///
/// # Panics
/// When it cannot be started.
pub fn stockade(programs: &Path, arguments: &[&str]) -> Ran {
    let mut command = prepared(programs);
    command.args(arguments).stdin(Stdio::null());
    run(command, LONGEST)
}

/// `stockade audit …` on a state directory.
///
/// # Panics
/// When it cannot be started.
pub fn audit(programs: &Path, state: &Path, arguments: &[&str]) -> Ran {
    let mut command = prepared(programs);
    command.arg("audit").args(arguments).arg("--state").arg(state).stdin(Stdio::null());
    run(command, LONGEST)
}

/// The `stockade` program, ready for its arguments.
pub fn prepared(programs: &Path) -> Command {
    let mut command = places::program(programs.join("stockade"));
    for variable in ["XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
        command.env_remove(variable);
    }
    command.env("NO_COLOR", "1");
    command
}

/// Runs a command to its end, or kills it.
///
/// # Panics
/// When it cannot be started.
pub fn run(command: Command, longest: Duration) -> Ran {
    let shown = format!("{command:?}");
    try_run(command, longest).unwrap_or_else(|| panic!("{shown} does not start"))
}

/// As [`run`]; nothing when the program is not there.
///
/// # Panics
/// Never: pipes that were asked for are there.
pub fn try_run(mut command: Command, longest: Duration) -> Option<Ran> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let output = collect(child.stdout.take().expect("a pipe"));
    let errors = collect(child.stderr.take().expect("a pipe"));
    let code = ended(&mut child, longest);
    if code.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let text = |reader: std::thread::JoinHandle<String>| reader.join().unwrap_or_default();
    Some(Ran { code, output: text(output), errors: text(errors) })
}

/// Waits for a child's end.
pub(crate) fn ended(child: &mut Child, longest: Duration) -> Option<i32> {
    within(longest, || child.try_wait().ok().flatten()).and_then(|status| status.code())
}

/// Reads a pipe to its end beside the test.
fn collect(pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.take(BYTES_MAX).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Longest that a command may take.
const LONGEST: Duration = Duration::from_mins(2);

/// Most bytes of a command's output that are kept.
const BYTES_MAX: u64 = 256 * 1024 * 1024;
