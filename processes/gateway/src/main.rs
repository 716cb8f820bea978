//! Serves the client API and forwards what policy permits.
//!
//! # Role
//! The only process that reads bytes from the network.
//!
//! # Security
//! Reads: client requests and worker answers (both hostile). Holds: the hashes of the API keys and the
//! key of the records' digests. If taken over: see `stockade_gateway`.
//!
//! # Non-goals
//! Opens no file, starts no process, makes no socket.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    match sandbox::confine::enter("gateway") {
        Ok(confined) => stockade_gateway::serve(&confined),
        Err(_refused) => ExitCode::from(78),
    }
}
