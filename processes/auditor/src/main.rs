//! The auditor: see the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    match sandbox::confine::enter("auditor") {
        Ok(confined) => stockade_auditor::serve(&confined),
        Err(_refused) => ExitCode::from(78),
    }
}
