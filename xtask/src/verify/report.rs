//! What came of it all.

use std::time::Duration;

use super::skips::{self, Skip};
use crate::failure::Failure;
use crate::screen;

/// How a step ended.
pub(super) enum Outcome {
    Passed,
    /// Nothing of it could be done here, for a reason that a skip names.
    Skipped,
    Failed,
}

/// Everything that a run found.
#[derive(Default)]
pub(super) struct Report {
    pub(super) steps: Vec<(&'static str, Outcome, Duration)>,
    pub(super) skips: Vec<Skip>,
    /// The test program whose output is being read.
    pub(super) running: String,
    /// Each test program's name and its closing line.
    pub(super) results: Vec<(String, String)>,
}

impl Report {
    /// Shows the steps, the skips and the test programs' own closing lines, and judges.
    pub(super) fn close(&self) -> Result<(), Failure> {
        screen::heading("summary");
        for (name, outcome, time) in &self.steps {
            let word = match outcome {
                Outcome::Passed => screen::green("passed "),
                Outcome::Skipped => screen::yellow("skipped"),
                Outcome::Failed => screen::red("failed "),
            };
            screen::line(format_args!("  {word} {:>7.1} s  {name}", time.as_secs_f64()));
        }
        let refused = skips::judge(&self.skips)?;
        screen::line("");
        for (name, result) in &self.results {
            screen::line(format_args!("     Running {name}\n{result}"));
        }
        let failed: Vec<&str> = self
            .steps
            .iter()
            .filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed))
            .map(|(name, _, _)| *name)
            .collect();
        let (passed, broken) = self.totals();
        screen::line(format_args!("\n{passed} passed, {broken} failed, {} skipped", self.skips.len()));
        if !failed.is_empty() {
            return Err(Failure::new(format!("failed: {}", failed.join(", "))));
        }
        if refused.is_empty() { Ok(()) } else { Err(Failure::new(refused.join("; "))) }
    }

    /// Tests that passed and failed, over all programs.
    fn totals(&self) -> (u64, u64) {
        let count = |word: &str| self.results.iter().filter_map(|(_, line)| number_before(line, word)).sum();
        (count(" passed"), count(" failed"))
    }
}

/// The number that stands before a word in a closing line.
fn number_before(line: &str, word: &str) -> Option<u64> {
    line.split(';').find_map(|part| part.trim_end().strip_suffix(word)?.rsplit(' ').next()?.parse().ok())
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn a_closing_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        assert_eq!(number_before(line, " passed"), Some(12));
        assert_eq!(number_before(line, " failed"), Some(3));
        assert_eq!(number_before("no result", " passed"), None);
    }
}
