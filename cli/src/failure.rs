//! Failures, as the operator sees them.

use std::fmt::Display;
use std::io;
use std::path::Path;

use proto::Code;
use proto::code::Failure;
use serde_json::json;

use crate::exit::Exit;
use crate::output::{Output, Paint};

/// What a command gives, or why it failed.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Says a failure on standard error, for people or as JSON.
pub(crate) fn report(failure: &Failure, output: Output) -> Exit {
    let Failure { code, message, hint } = failure;
    let exit = Exit::of(*code);
    if output.json() {
        let error = json!({"error": {"code": code.as_str(), "message": message, "hint": hint}});
        output.note(&error.to_string());
    } else {
        let what = if exit == Exit::PackageRejected { "package rejected: " } else { "" };
        output.note(&format!("{} {what}{message}", output.paint_note("error:", Paint::Bad)));
        if let Some(hint) = hint {
            output.note(&format!("{} {hint}", output.paint_note("hint:", Paint::Faint)));
        }
        output.note(&format!("see docs/errors/{code}.md"));
    }
    exit
}

/// An error with its causes, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A file or directory of the host that could not be used.
pub(crate) fn host(doing: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::HostIo, format!("failed to {doing} `{}`: {error}", path.display()))
}

/// Something of the host without a path.
pub(crate) fn host_call(doing: &str, error: impl Display) -> Failure {
    Failure::new(Code::HostIo, format!("failed to {doing}: {error}"))
}

/// An argument or a configuration key that is wrong.
pub(crate) fn usage(message: impl Into<String>) -> Failure {
    Failure::new(Code::ConfigInvalid, message)
}
