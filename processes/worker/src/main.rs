//! The worker's program: see the library of the same name.
//!
//! # Role
//! Gives up the process's rights, then serves.
//!
//! # Security
//! Reads: nothing before it is confined. Holds: nothing. If taken over: see the library.
//!
//! # Non-goals
//! Does nothing outside a jail.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    match sandbox::confine::enter("worker") {
        Ok(confined) => stockade_worker::serve(&confined),
        Err(_refused) => ExitCode::from(78),
    }
}
