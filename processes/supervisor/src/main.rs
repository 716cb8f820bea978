//! The supervisor: started by `stockade`, it starts everything else.
//!
//! # Role
//! Carries out one command of the operator, which arrives on standard input.
//!
//! # Security
//! See the library.
//!
//! # Non-goals
//! Has no options and reads no environment.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    stockade_supervisor::obey()
}
