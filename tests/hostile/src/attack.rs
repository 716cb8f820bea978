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
    /// The controls that each stop it alone: with all of them removed it must get through, with one of
    /// them left it must not. Empty where something stops it that no test can remove: a right of the
    /// host's own, which no user namespace ever has.
    pub guards: &'static [&'static str],
    /// Calls that a filter refuses on the way: the kernel's log must tell of one of them.
    pub refused: &'static [&'static str],
    /// Whether a refusal may end the process: a filter that kills, a memory ceiling.
    pub deadly: bool,
    /// Makes the attempt. The text is the target, where the test chooses it.
    pub run: fn(&str) -> Outcome,
}

impl Attack {
    pub(crate) const fn new(name: &'static str, run: fn(&str) -> Outcome) -> Self {
        Self { name, guards: &[], refused: &[], deadly: false, run }
    }

    pub(crate) const fn guarded(mut self, guards: &'static [&'static str]) -> Self {
        self.guards = guards;
        self
    }

    pub(crate) const fn refused(mut self, calls: &'static [&'static str]) -> Self {
        self.refused = calls;
        self
    }

    pub(crate) const fn deadly(mut self) -> Self {
        self.deadly = true;
        self
    }
}

/// Denied with the kernel's error, or succeeded.
#[expect(clippy::needless_pass_by_value, reason = "what it got is dropped here")]
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

/// For calls that are never meant to work: an error that only the call's own code gives means that the
/// kernel was reached.
pub(crate) fn reach(result: Result<usize, i32>, what: &str) -> Outcome {
    match result {
        Err(error) if ![libc::EPERM, libc::EACCES, libc::ENOSYS].contains(&error) => {
            Outcome::Succeeded(format!("{what} reached"))
        }
        other => judge(other, what),
    }
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
