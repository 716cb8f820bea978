//! One attempt to break out, and what became of it.

/// What became of an attempt.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The kernel refused; the text says how.
    Denied(String),
    /// The attempt got through; the text says what it got.
    Succeeded(String),
}

/// An attempt to break out of the sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// Its name, as the claim in the test says it.
    pub name: &'static str,
    /// The controls that each stop it alone. With all of them removed it must get through.
    pub guards: &'static [&'static str],
    /// Whether a refusal ends the process (a killing filter, a memory ceiling).
    pub deadly: bool,
    /// Makes the attempt. The text is the target, where the test chooses it.
    pub run: fn(&str) -> Outcome,
}

/// Denied with the kernel's error, or succeeded.
pub(crate) fn judge<T>(result: Result<T, i32>, got: &str) -> Outcome {
    match result {
        Ok(_) => Outcome::Succeeded(got.to_owned()),
        Err(error) => Outcome::Denied(format!("errno {error}")),
    }
}

/// The same for results of the standard library.
pub(crate) fn judge_io<T>(result: std::io::Result<T>, got: &str) -> Outcome {
    judge(result.map_err(|error| error.raw_os_error().unwrap_or(0)), got)
}

/// Denied only if every attempt was.
pub(crate) fn all(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
    let mut last = Outcome::Denied("nothing was tried".to_owned());
    for outcome in outcomes {
        if matches!(outcome, Outcome::Succeeded(_)) {
            return outcome;
        }
        last = outcome;
    }
    last
}
