//! How a jailed process ended.

/// The end of a jailed process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exit {
    /// What ended it.
    pub cause: Cause,
}

/// What ended a jailed process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// It ended by itself with this code.
    Exited(i32),
    /// This signal ended it.
    Signaled(i32),
    /// It made a call that its filter kills for.
    Seccomp,
    /// The kernel killed it at its memory ceiling.
    OutOfMemory,
    /// Its supervisor killed it: [`kill`](super::Jailed::kill) was called.
    Killed,
}
