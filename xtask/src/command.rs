//! Running other programs.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use crate::failure::Failure;
use crate::tree;

/// A program to be started in the root of the work tree.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "tasks run cargo and the programs it built; none of them ships"
    )]
    let mut command = Command::new(name);
    command.current_dir(tree::root()).stdin(Stdio::null());
    command
}

/// Cargo, with the words of a command line.
pub(crate) fn cargo(words: &str) -> Command {
    let mut command = program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words.split_whitespace());
    command
}

/// Runs a program to its end. Every line that it says, on either stream, goes into a log file and to
/// `line` as it comes.
pub(crate) fn run(
    mut command: Command,
    log: &Path,
    mut line: impl FnMut(&str),
) -> Result<ExitStatus, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error: &io::Error| Failure::io(format!("failed to run {name}"), error);
    let mut file = File::create(log).map_err(|error| Failure::io(log.display(), &error))?;
    // One pipe for both streams keeps their lines in order.
    let (reader, writer) = io::pipe().map_err(|error| failed(&error))?;
    command.stdout(writer.try_clone().map_err(|error| failed(&error))?).stderr(writer);
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    drop(command);
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).map_err(|error| failed(&error))? > 0 {
        let _ = file.write_all(&bytes);
        line(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
    child.wait().map_err(|error| failed(&error))
}

/// Whether there is a program of that name that runs.
pub(crate) fn works(name: impl AsRef<OsStr>, argument: &str) -> bool {
    let mut command = program(name);
    command.arg(argument).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What a program printed, if it succeeded.
pub(crate) fn output(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// Whether this runs as root.
pub(crate) fn is_root() -> bool {
    let mut command = program("id");
    command.arg("-u");
    output(command).is_some_and(|id| id.trim() == "0")
}
