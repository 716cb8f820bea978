//! The black-box tests once more, as somebody who is not root.
//!
//! Root's tree may lie where nobody else can look, so what the tests need is copied: the programs as
//! they are built, the test programs, the models and the table. The user has no name, no password and
//! nothing of its own but that copy, which is removed afterwards.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::report::{Outcome, Report};
use super::skips::Skip;
use super::tests;
use crate::failure::Failure;
use crate::{command, screen, tree};

/// An id that no account of a Debian has: the last of the range for people.
const USER: u32 = 59_999;

/// The test programs that start Stockade as a person would.
const PROGRAMS: &[&str] = &["api", "escape", "interop", "pipeline"];

/// What the escape tests put in the worker's place.
const ATTACKER: &str = "stockade-hostile";

/// What they read of the tree.
const DATA: &[&str] = &["models", "tests/interop", "tests/hostile", ".venv"];

/// Runs them as an ordinary user, when this is root.
pub(super) fn run(report: &mut Report) -> Result<Outcome, Failure> {
    if !command::is_root() {
        screen::line("  every test above ran as an ordinary user");
        return Ok(Outcome::Passed);
    }
    if let Some(why) = refusal() {
        screen::line(format_args!("  {why}"));
        report.skips.push(Skip::new("ordinary-user", why));
        return Ok(Outcome::Skipped);
    }
    screen::line(format_args!("  user id {USER}, in a copy of what they need that is removed afterwards"));
    let place = Place::make()?;
    let root_skipped = report.skips.len();
    let mut failed = Vec::new();
    for (name, program) in executables()? {
        let copied = place.test(&program)?;
        let log = tree::scratch("verify")?.join(format!("ordinary-user-{name}.log"));
        screen::line(format_args!("  {name}"));
        report.running = format!("{name} (as an ordinary user)");
        if tests::watch(place.run(&copied), &log, report).is_err() {
            failed.push(name);
        }
    }
    let again: Vec<Skip> = report.skips.drain(root_skipped..).map(Skip::again).collect();
    report.skips.extend(again);
    if failed.is_empty() {
        Ok(Outcome::Passed)
    } else {
        Err(Failure::new(format!("failed as an ordinary user: {}", failed.join(", "))))
    }
}

/// Why no ordinary user can build jails here, if so.
fn refusal() -> Option<String> {
    if !command::works("setpriv", "--version") {
        return Some("there is no setpriv to become one with".to_owned());
    }
    let mut unshare = become_ordinary();
    unshare.args(["unshare", "--user", "--map-root-user", "true"]);
    command::output(unshare)
        .is_none()
        .then(|| "the kernel refuses user namespaces to ordinary users".to_owned())
}

fn become_ordinary() -> Command {
    let mut command = command::program("setpriv");
    let user = USER.to_string();
    command.args([
        "--reuid",
        &user,
        "--regid",
        &user,
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
    ]);
    command
}

/// The black-box test programs, built as the step before built them.
fn executables() -> Result<Vec<(String, PathBuf)>, Failure> {
    let command = command::cargo("test --workspace --locked --no-run --message-format json");
    let built = command::output(command).ok_or_else(|| Failure::new("the tests do not build"))?;
    let mut found: Vec<(String, PathBuf)> = built.lines().filter_map(executable).collect();
    found.sort();
    Ok(found)
}

/// A black-box test program, from one line of cargo's account.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let name = message.pointer("/target/name")?.as_str()?;
    let is_test = message.pointer("/target/kind/0")?.as_str()? == "test";
    let program = message.get("executable")?.as_str()?;
    (is_test && PROGRAMS.contains(&name)).then(|| (name.to_owned(), PathBuf::from(program)))
}

/// A copy of what the tests need, where everybody may look.
struct Place {
    root: PathBuf,
    built: PathBuf,
}

impl Place {
    fn make() -> Result<Self, Failure> {
        let root = std::env::temp_dir().join(format!("stockade-ordinary-user-{}", std::process::id()));
        fs::create_dir(&root).map_err(|error| Failure::io(root.display(), &error))?;
        let place = Self { built: root.join("target/debug"), root };
        fs::set_permissions(&place.root, fs::Permissions::from_mode(0o755))
            .map_err(|error| Failure::io(place.root.display(), &error))?;
        let built = tree::built()?;
        for folder in ["target/debug/deps", "home", "tmp", "tests"] {
            let path = place.root.join(folder);
            fs::create_dir_all(&path).map_err(|error| Failure::io(path.display(), &error))?;
        }
        for folder in ["home", "tmp"] {
            let path = place.root.join(folder);
            chown(&path, Some(USER), Some(USER)).map_err(|error| Failure::io(path.display(), &error))?;
        }
        for program in tree::programs()?.iter().map(String::as_str).chain([ATTACKER]) {
            copy(&built.join(program), &place.built.join(program))?;
        }
        copy(&tree::root().join("topology.toml"), &place.root.join("topology.toml"))?;
        for folder in DATA {
            let from = tree::root().join(folder);
            if from.exists() {
                copy(&from, &place.root.join(folder))?;
            }
        }
        Ok(place)
    }

    /// Copies a test program to where it finds the programs.
    fn test(&self, program: &Path) -> Result<PathBuf, Failure> {
        let name = program.file_name().unwrap_or_default();
        let copied = self.built.join("deps").join(name);
        copy(program, &copied)?;
        Ok(copied)
    }

    /// Runs a copied test program as the ordinary user, with nothing of root's environment.
    fn run(&self, program: &Path) -> Command {
        let mut command = become_ordinary();
        command.arg(program).arg("--show-output").current_dir(&self.root).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("STOCKADE_TREE", &self.root);
        command.env("HOME", self.root.join("home")).env("TMPDIR", self.root.join("tmp"));
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Copies a file or a folder, links as links, readable for everybody.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let mut cp = command::program("cp");
    cp.args(["--recursive", "--no-dereference", "--preserve=mode,links"]).arg(from).arg(to);
    command::output(cp).map(|_| ()).ok_or_else(|| Failure::new(format!("failed to copy {}", from.display())))
}
