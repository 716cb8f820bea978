//! An engine that has been taken over: it attacks what holds it, and tells what came of it.
//!
//! # Role
//! Stands where the worker stands. A package without `attack.txt` is served honestly, so that the
//! same run has a victim beside the attacker.
//!
//! # Security
//! Reads: the attack's name and target, from its package. Holds: nothing. If taken over: it is.
//!
//! # Non-goals
//! Harm to the host: every attempt stops at finding out whether it may.

mod attack;
pub mod attacks;
pub mod links;
pub mod outside;
pub mod payload;
mod raw;

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    process::ExitCode,
};

pub use attack::{Attack, Outcome};
use proto::{
    link::worker::{FRAME_BYTES_MAX, FromWorker, ToWorker},
    read_frame, write_frame,
};
use sandbox::{confine::Confined, descriptor};

/// Where a hostile package says what to do: the attack's name, and on the next line its target.
pub const ATTACK_PATH: &str = "/package/attack.txt";

/// The descriptor that says it where a test starts the jail itself, and may have left the package out.
pub const ATTACK_AT: u32 = 6;

/// What every verdict starts with, on a line of its own in the log.
pub const VERDICT: &str = "ATTACK";

/// Attacks as ordered, once somebody asks; without an order it serves as `honest` does.
pub fn serve(confined: &Confined, honest: fn(&Confined) -> ExitCode) -> ExitCode {
    let Ok(order) = order() else { return honest(confined) };
    let (name, target) = order.trim_end().split_once('\n').unwrap_or((order.trim_end(), ""));
    match take_over(name, target) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{VERDICT} {name} broken: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn order() -> io::Result<String> {
    let Ok(handed) = descriptor::adopt(ATTACK_AT) else { return std::fs::read_to_string(ATTACK_PATH) };
    let mut order = String::new();
    File::from(handed).read_to_string(&mut order)?;
    Ok(order)
}

fn take_over(name: &str, target: &str) -> io::Result<()> {
    let mut control = UnixStream::from(descriptor::adopt(4)?);
    let engine = UnixStream::from(descriptor::adopt(5)?);
    let ToWorker::Load { limits } = read_frame(&mut control, FRAME_BYTES_MAX).map_err(io::Error::other)?;
    if let Some(lie) = links::lie(name) {
        return control.write_all(&lie);
    }
    let loaded = FromWorker::Loaded { context_tokens_max: limits.context_tokens_max };
    write_frame(&mut control, &loaded, FRAME_BYTES_MAX).map_err(io::Error::other)?;
    let Some(attack) = attacks::named(name) else { return links::misbehave(name, engine) };
    links::attack(engine, || match (attack.run)(target) {
        Outcome::Denied(how) => say(&format!("{VERDICT} {name} denied: {how}")),
        Outcome::Succeeded(what) => say(&format!("{VERDICT} {name} succeeded: {what}")),
    })
}

fn say(line: &str) {
    let mut log = io::stdout().lock();
    let _ = writeln!(log, "{line}");
    let _ = log.flush();
}
