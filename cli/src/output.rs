//! Standard output and standard error: results go to the one, everything else to the other.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

/// Where and how a command speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    colour: bool,
    colour_notes: bool,
}

/// How a piece of text stands out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Paint {
    /// As it should be.
    Good,
    /// Less than it should be.
    Warning,
    /// Wrong.
    Bad,
    /// Less important than what is around it.
    Faint,
    /// More important.
    Strong,
}

impl Output {
    /// JSON or text; with colours only on a terminal, and not where `NO_COLOR` is set.
    pub(crate) fn new(json: bool) -> Self {
        let wanted = !json && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            json,
            colour: wanted && io::stdout().is_terminal(),
            colour_notes: wanted && io::stderr().is_terminal(),
        }
    }

    /// Whether results are JSON.
    pub(crate) const fn json(self) -> bool {
        self.json
    }

    /// A line of the result.
    pub(crate) fn line(self, text: &str) {
        self.piece(&format!("{text}\n"));
    }

    /// Lines of the result.
    pub(crate) fn lines(self, lines: &[String]) {
        for line in lines {
            self.line(line);
        }
    }

    /// A piece of the result, at once.
    #[expect(clippy::unused_self, reason = "where results go is this type's business")]
    pub(crate) fn piece(self, text: &str) {
        let mut out = io::stdout().lock();
        // Nobody reads any more: serving goes on all the same.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// A result as one line of JSON.
    pub(crate) fn value(self, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(value) {
            self.line(&text);
        }
    }

    /// A line beside the result: progress, warnings, errors.
    #[expect(clippy::unused_self, reason = "where notes go is this type's business")]
    pub(crate) fn note(self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Text that stands out in the result.
    pub(crate) fn paint(self, text: &str, paint: Paint) -> String {
        painted(text, paint, self.colour)
    }

    /// Text that stands out in a note.
    pub(crate) fn paint_note(self, text: &str, paint: Paint) -> String {
        painted(text, paint, self.colour_notes)
    }
}

fn painted(text: &str, paint: Paint, colour: bool) -> String {
    let code = match paint {
        Paint::Good => "32",
        Paint::Warning => "33",
        Paint::Bad => "31",
        Paint::Faint => "2",
        Paint::Strong => "1",
    };
    if colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}
