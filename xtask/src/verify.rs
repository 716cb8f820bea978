//! `cargo verify`: formatting, lints, libraries, and every test, with what they need.

mod deny;
mod ordinary;
mod report;
mod setup;
mod skips;
mod tests;

use std::time::Instant;

use report::{Outcome, Report};

use crate::failure::Failure;
use crate::{command, screen, tree};

/// Runs every step, whatever came of the one before, and sums them up.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    if !arguments.is_empty() {
        return Err(Failure::new("cargo verify takes no arguments"));
    }
    let mut report = Report::default();
    step(&mut report, "formatting", |_| plain("formatting", "fmt --all --check -- --color never"));
    step(&mut report, "lints", |_| lints());
    step(&mut report, "libraries", deny::check);
    step(&mut report, "setup", setup::prepare);
    step(&mut report, "programs", |_| build_programs());
    step(&mut report, "tests", |report| tests::run("tests", "--workspace", report));
    step(&mut report, "attacks without the controls", |report| {
        tests::run("ablation", tests::WITHOUT_CONTROLS, report)
    });
    step(&mut report, "tests as an ordinary user", ordinary::run);
    report.close()
}

/// Times one step, and says how it ended. A failed step does not keep the others from running.
fn step(report: &mut Report, name: &'static str, work: impl FnOnce(&mut Report) -> Result<Outcome, Failure>) {
    screen::heading(name);
    let start = Instant::now();
    let outcome = work(report).unwrap_or_else(|failure| {
        screen::error(&failure);
        Outcome::Failed
    });
    report.steps.push((name, outcome, start.elapsed()));
}

/// A cargo command that passes or fails. What it says is shown when it fails.
fn plain(name: &str, words: &str) -> Result<Outcome, Failure> {
    let log = tree::scratch("verify")?.join(format!("{name}.log"));
    let mut said = Vec::new();
    let status = command::run(command::cargo(words), &log, |line| said.push(line.to_owned()))?;
    if status.success() {
        return Ok(Outcome::Passed);
    }
    said.iter().for_each(screen::line);
    Err(Failure::new(format!("cargo {words} failed")))
}

/// Clippy on all code: the workspace, and what only a feature brings in.
fn lints() -> Result<Outcome, Failure> {
    let clippy = |packages: &str| {
        plain("lints", &format!("clippy --locked --quiet {packages} --all-targets -- -D warnings"))
    };
    clippy("--workspace")?;
    clippy(tests::WITHOUT_CONTROLS)?;
    clippy("--package stockade-supervisor --features ablation")?;
    clippy("--package stockade-bench --features outside")
}

/// Builds the programs apart from the tests, as the demo does: what tests ask of the libraries in common
/// must not reach the product.
fn build_programs() -> Result<Outcome, Failure> {
    let packages: Vec<String> = tree::programs()?.iter().map(|name| format!("--package {name}")).collect();
    plain("programs", &format!("build --locked {}", packages.join(" ")))
}
