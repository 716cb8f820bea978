//! The worker's place, taken by an attacker.
//!
//! # Role
//! Built as `stockade-hostile`; the escape tests put it where the supervisor expects the worker.
//!
//! # Security
//! Reads: its package. Holds: nothing. If taken over: it is.
//!
//! # Non-goals
//! Shipping.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    match sandbox::confine::enter("worker") {
        Ok(confined) => stockade_hostile::serve(&confined, stockade_worker::serve),
        Err(_refused) => ExitCode::from(78),
    }
}
