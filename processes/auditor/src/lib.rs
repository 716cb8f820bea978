//! The only writer of the ledger.
//!
//! # Role
//! Takes records from every producer, makes them durable in groups, and answers each only when it is.
//! Publishes what is durable as tiles under a signed checkpoint.
//!
//! # Security
//! Reads: bounded frames of every producer (hostile), the supervisor's control link, its own files.
//! Holds: the ledger's signing key. If taken over: it can write false records from now on; it cannot
//! change old ones unseen by who kept a checkpoint.
//!
//! # Non-goals
//! Decides nothing, reads no payload, opens nothing outside the ledger's directory, has no network.
#![forbid(unsafe_code)]

mod clock;
mod control;
mod directory;
mod link;
mod queue;
mod service;
mod writer;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;

use sandbox::confine::Confined;

/// Where the control link is.
const CONTROL_AT: u32 = 4;

/// Where the ledger is mounted.
const LEDGER_PATH: &str = "/ledger";

/// Serves the supervisor until it says stop.
pub fn serve(_confined: &Confined) -> ExitCode {
    match sandbox::descriptor::adopt(CONTROL_AT) {
        Ok(control) => attend(control, Path::new(LEDGER_PATH)),
        Err(error) => {
            log(&format!("no control link: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// As [`serve`] outside a jail, on any control link and directory: for tests and measurements.
#[doc(hidden)]
#[must_use]
pub fn attend(control: OwnedFd, ledger: &Path) -> ExitCode {
    service::run(control, ledger)
}

/// A line for the log, which the supervisor reads.
fn log(line: &str) {
    use std::io::Write as _;
    // A log that nobody reads stops nothing.
    let _ = writeln!(std::io::stderr(), "{line}");
}
