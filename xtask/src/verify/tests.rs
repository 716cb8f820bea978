//! Every test.

use std::path::Path;
use std::process::Command;

use super::report::{Outcome, Report};
use super::skips::Skip;
use crate::failure::Failure;
use crate::{command, screen, tree};

/// The attacks of the escape tests in jails with a control left out: each must then get through.
pub(super) const WITHOUT_CONTROLS: &str =
    "--package stockade-hostile --package stockade-sandbox --no-default-features --features ablation";

/// Runs `cargo test` over some packages.
pub(super) fn run(name: &str, packages: &str, report: &mut Report) -> Result<Outcome, Failure> {
    let command = command::cargo(&format!("test {packages} --locked --no-fail-fast -- --show-output"));
    watch(command, &tree::scratch("verify")?.join(format!("{name}.log")), report)
}

/// Runs test programs, shows what matters of their output, and keeps their closing lines and skips.
pub(super) fn watch(command: Command, log: &Path, report: &mut Report) -> Result<Outcome, Failure> {
    let mut reader = Reader { failing: false, report };
    let status = command::run(command, log, |line| reader.line(line))?;
    if status.success() {
        Ok(Outcome::Passed)
    } else {
        Err(Failure::new(format!("tests failed: {status}"))
            .with_hint(format!("all that they said is in {}", log.display())))
    }
}

/// Follows the output of test programs.
struct Reader<'r> {
    /// Within the list of failures, which is shown whole.
    failing: bool,
    report: &'r mut Report,
}

impl Reader<'_> {
    fn line(&mut self, line: &str) {
        if let Some(skip) = Skip::parse(line) {
            screen::line(format_args!("  {}", screen::yellow(line)));
            self.report.skips.push(skip);
        } else if let Some(name) = line.trim_start().strip_prefix("Running ") {
            name.clone_into(&mut self.report.running);
        } else if let Some(name) = line.trim_start().strip_prefix("Doc-tests ") {
            self.report.running = format!("doc-tests {name}");
        } else if line.starts_with("test result: ") {
            self.failing = false;
            // A program of no tests says nothing.
            if line.starts_with(EMPTY) {
                return;
            }
            screen::line(format_args!("  {}\n  {line}", self.report.running));
            self.report.results.push((self.report.running.clone(), line.to_owned()));
        } else if line.starts_with("failures:") {
            self.failing = true;
        } else if line.starts_with("error") || line.contains("... FAILED") {
            screen::line(format_args!("  {}", screen::red(line)));
        }
        if self.failing {
            screen::line(format_args!("  {line}"));
        }
    }
}

const EMPTY: &str = "test result: ok. 0 passed; 0 failed; 0 ignored;";
