//! Which libraries came in: licences, sources, banned ones, and known vulnerabilities.

use std::path::PathBuf;

use super::report::{Outcome, Report};
use super::skips::Skip;
use crate::failure::Failure;
use crate::{command, screen, tree};

const VERSION: &str = "0.20.2";

/// Runs `cargo deny check`, and installs it before where it is missing.
pub(super) fn check(report: &mut Report) -> Result<Outcome, Failure> {
    let program = installed()?;
    let log = tree::scratch("verify")?.join("libraries.log");
    let deny = |what: &str| {
        let mut command = command::program(&program);
        command.args(["--locked", "check", "--hide-inclusion-graph"]).args(what.split_whitespace());
        command
    };
    let mut said = Vec::new();
    let status = command::run(deny("licenses bans sources"), &log, |line| said.push(line.to_owned()))?;
    if !status.success() {
        said.iter().for_each(screen::line);
        return Err(Failure::new("a library is not allowed in by deny.toml"));
    }
    said.clear();
    let log = log.with_file_name("advisories.log");
    let status = command::run(deny("advisories"), &log, |line| said.push(line.to_owned()))?;
    if status.success() {
        return Ok(Outcome::Passed);
    }
    if said.iter().any(|line| line.contains("failed to fetch advisory database")) {
        let skip = Skip::new("library-advisories", "the advisory database cannot be fetched from here");
        screen::line(
            "  the advisory database cannot be fetched from here: known vulnerabilities are not checked",
        );
        report.skips.push(skip);
        return Ok(Outcome::Passed);
    }
    said.iter().for_each(screen::line);
    Err(Failure::new("a library has a known vulnerability"))
}

/// The tool, from the path or from `target/tools`.
fn installed() -> Result<PathBuf, Failure> {
    if command::works("cargo-deny", "--version") {
        return Ok(PathBuf::from("cargo-deny"));
    }
    let tools = tree::scratch("tools")?;
    let program = tools.join("bin/cargo-deny");
    if command::works(&program, "--version") {
        return Ok(program);
    }
    screen::line(format_args!("  installing cargo-deny {VERSION} into target/tools, once"));
    let mut install = command::cargo("install --locked cargo-deny --debug --version");
    install.arg(VERSION).arg("--root").arg(&tools).arg("--target-dir").arg(tools.join("build"));
    // Not in the tree: our own flags would link a tool statically that is not made for it.
    install.current_dir("/");
    let log = tree::scratch("verify")?.join("install-cargo-deny.log");
    let status = command::run(install, &log, |_| {})?;
    if status.success() {
        // Hundreds of megabytes that nothing needs again.
        let _ = std::fs::remove_dir_all(tools.join("build"));
        Ok(program)
    } else {
        Err(Failure::new("cargo-deny cannot be installed").with_hint(format!("see {}", log.display())))
    }
}
