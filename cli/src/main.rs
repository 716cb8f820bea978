//! `stockade`: the operator's command line.
//!
//! # Role
//! Reads arguments and `stockade.toml`, binds the API's listener, starts the supervisor and says what
//! it reports. Signs packages, makes keys, shows the ledger.
//!
//! # Security
//! Reads: the operator's arguments, configuration and keys; frames of the supervisor; answers of the
//! API (a model's words: shown without what a terminal would obey). Holds: a signing key while it
//! signs, an API key while it asks. If taken over: it can do what the operator can.
//!
//! # Non-goals
//! Parses no package: `verify`, `inspect` and `add` ask the inspector, in its jail. Enforces nothing:
//! the supervisor builds the jails, the gateway serves.
#![forbid(unsafe_code)]

mod arguments;
mod audit;
mod client;
mod completions;
mod config;
mod controls;
mod doctor;
mod exit;
mod failure;
mod key;
mod output;
mod package;
mod plan;
mod progress;
mod reference;
mod run;
mod secret;
mod serve;
mod signers;
mod state;
mod status;
mod supervisor;
mod text;
mod view;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = arguments::parse();
    let output = output::Output::new(cli.common.json);
    match arguments::dispatch(&cli, output) {
        Ok(exit) => exit.into(),
        Err(failure) => failure::report(&failure, output).into(),
    }
}
