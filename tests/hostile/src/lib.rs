//! An engine that has been taken over: it attacks what holds it, and tells what came of it.
//!
//! # Role
//! Stands where the worker stands. A package without `attack.txt` is served honestly, so that the
//! same run has a victim beside the attacker.
//!
//! # Security
//! Reads: the attack's name and target from its package. Holds: nothing. If taken over: it is.
//!
//! # Non-goals
//! Harm to the host: every attempt stops at finding out whether it may.

mod attack;
pub mod attacks;
pub mod links;
mod raw;

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

pub use attack::{Attack, Outcome};
use proto::link::worker::{FRAME_BYTES_MAX, FromWorker, ToWorker};
use proto::{read_frame, write_frame};
use sandbox::confine::Confined;

/// Where a hostile package says what to do: the attack's name, and on the next line its target.
pub const ATTACK_PATH: &str = "/package/attack.txt";

/// What every verdict starts with, on a line of its own in the log.
pub const VERDICT: &str = "ATTACK";

/// Serves the package, or attacks.
pub fn serve(confined: &Confined) -> ExitCode {
    let Ok(order) = std::fs::read_to_string(ATTACK_PATH) else { return stockade_worker::serve(confined) };
    let (name, target) = order.trim_end().split_once('\n').unwrap_or((order.trim_end(), ""));
    match take_over(name, target) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{VERDICT} {name} broken: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn take_over(name: &str, target: &str) -> std::io::Result<()> {
    let mut control = UnixStream::from(sandbox::descriptor::adopt(4)?);
    let engine = UnixStream::from(sandbox::descriptor::adopt(5)?);
    let ToWorker::Load { limits } =
        read_frame(&mut control, FRAME_BYTES_MAX).map_err(|error| std::io::Error::other(error.to_string()))?;
    let loaded = FromWorker::Loaded { context_tokens_max: limits.context_tokens_max };
    write_frame(&mut control, &loaded, FRAME_BYTES_MAX).map_err(|error| std::io::Error::other(error.to_string()))?;
    if let Some(attack) = attacks::named(name) {
        match (attack.run)(target) {
            Outcome::Denied(how) => say(&format!("{VERDICT} {name} denied: {how}")),
            Outcome::Succeeded(what) => say(&format!("{VERDICT} {name} succeeded: {what}")),
        }
        // Stays as a live engine would, until the gateway or the supervisor ends it.
        return links::ignore(engine);
    }
    links::misbehave(name, engine)
}

fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
    let _ = std::io::stdout().flush();
}
