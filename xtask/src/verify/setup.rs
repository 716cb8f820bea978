//! What the tests need beside Rust: installed where it may be, and said.

use std::path::Path;

use super::report::{Outcome, Report};
use crate::failure::Failure;
use crate::{command, screen, tree};

/// What the official client's tests need, pinned.
const REQUIREMENTS: &str = "tests/interop/requirements.txt";

/// Debian packages, each with what shows that it is there.
const PACKAGES: &[(&str, Sign)] = &[
    ("util-linux", Sign::Runs("setpriv", &["--version"])),
    ("python3-venv", Sign::Runs(PYTHON, &["-c", "import ensurepip, venv"])),
    ("golang-go", Sign::Runs("go", &["version"])),
    ("golang-golang-x-mod-dev", Sign::Folder("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")),
];

/// The system's own, which every user can run; another one may lie in root's home.
const PYTHON: &str = "/usr/bin/python3";

/// What shows that a package is there.
enum Sign {
    Runs(&'static str, &'static [&'static str]),
    Folder(&'static str),
}

impl Sign {
    fn shows(&self) -> bool {
        match self {
            Self::Runs(program, arguments) => {
                let mut command = command::program(program);
                command.args(*arguments);
                command::output(command).is_some()
            }
            Self::Folder(path) => Path::new(path).is_dir(),
        }
    }
}

/// Makes everything ready. What it cannot have, the tests name when they skip.
pub(super) fn prepare(_report: &mut Report) -> Result<Outcome, Failure> {
    debian()?;
    python()?;
    Ok(Outcome::Passed)
}

/// Debian packages that are missing, when this is root of a Debian.
fn debian() -> Result<(), Failure> {
    let missing: Vec<&str> =
        PACKAGES.iter().filter(|(_, sign)| !sign.shows()).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if !command::is_root() || !command::works("apt-get", "--version") {
        screen::line(format_args!("  missing, and only root of a Debian can have it installed: {names}"));
        return Ok(());
    }
    screen::line(format_args!("  installing Debian packages: {names}"));
    let log = tree::scratch("verify")?.join("apt.log");
    for words in ["update", "install --yes --no-install-recommends"] {
        let mut apt = command::program("apt-get");
        apt.args(words.split_whitespace()).env("DEBIAN_FRONTEND", "noninteractive");
        if words != "update" {
            apt.args(&missing);
        }
        if !command::run(apt, &log, |_| {})?.success() {
            screen::line(format_args!("  apt-get {words} failed: see {}", log.display()));
            return Ok(());
        }
    }
    Ok(())
}

/// A Python environment of our own in `.venv`, with the official client.
fn python() -> Result<(), Failure> {
    let root = tree::root();
    let wanted = std::fs::read_to_string(root.join(REQUIREMENTS))
        .map_err(|error| Failure::io(REQUIREMENTS, &error))?;
    let stamp = root.join(".venv/installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let packages: Vec<&str> =
        wanted.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    screen::line(format_args!("  installing into .venv: {}", packages.join(" ")));
    let log = tree::scratch("verify")?.join("python.log");
    let python = if Path::new(PYTHON).exists() { PYTHON } else { "python3" };
    let mut venv = command::program(python);
    venv.args(["-m", "venv", "--clear", ".venv"]);
    let mut pip = command::program(root.join(".venv/bin/python"));
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--requirement", REQUIREMENTS]);
    let done = succeeds(venv, &log) && succeeds(pip, &log);
    if !done {
        screen::line(format_args!("  .venv cannot be had: see {}", log.display()));
        return Ok(());
    }
    std::fs::write(&stamp, wanted).map_err(|error| Failure::io(stamp.display(), &error))
}

fn succeeds(command: std::process::Command, log: &Path) -> bool {
    command::run(command, log, |_| {}).is_ok_and(|status| status.success())
}
