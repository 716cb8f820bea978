//! Progress of long work: bars on a terminal, lines elsewhere, events as JSON.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::output::{Output, Paint};
use crate::text::harmless;

/// Shows how far things are.
pub(crate) struct Progress {
    output: Output,
    /// The bar that is on the screen.
    bar: Option<ProgressBar>,
    /// What is being done.
    stage: String,
}

impl Progress {
    /// Nothing has begun.
    pub(crate) const fn new(output: Output) -> Self {
        Self { output, bar: None, stage: String::new() }
    }

    /// `done` of `all` units of this stage; `all` is 0 when nobody knows.
    pub(crate) fn show(&mut self, stage: &str, done: u64, all: u64) {
        let begins = self.stage != stage;
        if self.output.json() {
            let event = json!({"event": "progress", "stage": stage, "done": done, "all": all});
            self.output.note(&event.to_string());
        } else if io::stderr().is_terminal() {
            if begins {
                self.clear();
                self.bar = Some(bar(&harmless(stage), all));
            }
            if let Some(bar) = &self.bar {
                bar.set_position(done);
            }
        } else if begins {
            self.output.note(&self.output.paint_note(&harmless(stage), Paint::Faint));
        }
        if begins {
            stage.clone_into(&mut self.stage);
        }
    }

    /// Takes the bar off the screen.
    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.stage.clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bar(stage: &str, all: u64) -> ProgressBar {
    let template = if all == 0 { "{spinner} {msg}" } else { "{spinner} {msg} {wide_bar} {percent:>3} %" };
    let bar = if all == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(all) };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(stage.to_owned());
    bar
}
