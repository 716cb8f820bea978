//! The built-in engine without its jail, to measure what the jail costs.
//!
//! # Role
//! Runs the worker with a proof of nothing; the benchmark stands where the supervisor would.
//!
//! # Security
//! Reads: the demo package. Holds: the rights of whoever measures. If taken over: as whoever measures.
//!
//! # Non-goals
//! Shipping.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    stockade_worker::serve(&sandbox::confine::unconfined_for_measurement())
}
