//! What the person sees.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// One line. A closed pipe is no reason to stop.
pub(crate) fn line(text: impl fmt::Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}");
}

/// Part of a line, shown at once.
pub(crate) fn part(text: &str) {
    let mut out = io::stdout().lock();
    let _ = write!(out, "{text}");
    let _ = out.flush();
}

/// A line that begins a new piece of work.
pub(crate) fn heading(text: impl fmt::Display) {
    line(format_args!("\n{} {}", bold("▸"), bold(&text.to_string())));
}

/// A failure, on standard error.
pub(crate) fn error(failure: &Failure) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "error: {}", failure.message);
    if let Some(hint) = &failure.hint {
        let _ = writeln!(out, "hint: {hint}");
    }
}

pub(crate) fn bold(text: &str) -> String {
    styled(text, "1")
}

pub(crate) fn green(text: &str) -> String {
    styled(text, "32")
}

pub(crate) fn yellow(text: &str) -> String {
    styled(text, "33")
}

pub(crate) fn red(text: &str) -> String {
    styled(text, "31")
}

pub(crate) fn dim(text: &str) -> String {
    styled(text, "2")
}

fn styled(text: &str, code: &str) -> String {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let coloured = set("CLICOLOR_FORCE") || io::stdout().is_terminal() && !set("NO_COLOR");
    if coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}
