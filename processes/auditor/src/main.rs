//! Keeps the ledger, in its jail; see the library.
//!
//! # Role
//! The program `stockade-auditor`: gives up its rights, then serves its control link.
//!
//! # Security
//! As the library's. Outside a jail it ends with status 78 and reads nothing.
//!
//! # Non-goals
//! No logic of its own.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    match sandbox::confine::enter("auditor") {
        Ok(confined) => stockade_auditor::serve(&confined),
        Err(_refused) => ExitCode::from(78),
    }
}
