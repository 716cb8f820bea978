//! Serves the client API and forwards what policy permits.
//!
//! # Role
//! Parses and bounds what clients send, asks `policy`, sends what is permitted to a worker, bounds and
//! translates what comes back, and has a record committed before a client sees the first byte and the
//! last.
//!
//! # Security
//! Reads: client requests (hostile), worker answers (hostile), frames of the supervisor and the auditor
//! (bounded). Holds: the hashes of the API keys, the key of the records' digests, the prompts and
//! answers in flight. If taken over: it can lie to its clients and read what they ask; it cannot reach
//! weights, the store, the ledger's key, or the network beyond connections that clients opened.
//!
//! # Non-goals
//! Never runs a tool, never opens a file, never starts a process, never makes a socket.
#![forbid(unsafe_code)]

mod answer;
mod ask;
mod body;
mod connection;
mod control;
mod engine;
mod error;
mod exchange;
mod fleet;
mod gateway;
mod generation;
mod metrics;
mod records;
mod reply;
mod run;
mod seats;
mod socket;
mod stream;
mod sync;
mod tool_text;
mod writer;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use sandbox::confine::Confined;

/// Serves until the supervisor says stop, or its link closes.
pub fn serve(confined: &Confined) -> ExitCode {
    sandbox::confine::share_one_heap(confined);
    match sandbox::descriptor::adopt(CONTROL_AT) {
        Ok(control) => run::run(control.into(), gateway::Patience::PRODUCTION),
        Err(_absent) => ExitCode::from(78),
    }
}

/// Where the jail puts the control link.
const CONTROL_AT: u32 = 4;
