//! `cargo demo`, `cargo verify`, `cargo bench-peers`: what a person runs in a fresh clone.
//!
//! # Role
//! Builds the programs, shows them at work, and checks everything that the tree claims.
//!
//! # Security
//! Reads: what our own programs and tools print. Holds: the rights of whoever runs it. It installs
//! tools into `target/` and `.venv/`, and, as root, Debian packages that the checks lack; it says so.
//!
//! # Non-goals
//! Ships with nothing: an operator never needs it.
#![forbid(unsafe_code)]

mod bench;
mod command;
mod demo;
mod failure;
mod picture;
mod screen;
mod tree;
mod verify;

use std::process::ExitCode;

use failure::Failure;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen::error(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let (name, rest) =
        arguments.split_first().map_or(("", [].as_slice()), |(name, rest)| (name.as_str(), rest));
    match name {
        "demo" => demo::run(rest),
        "verify" => verify::run(rest),
        "bench-peers" => bench::run(rest),
        // `cargo run -p xtask picture`, when what the demo prints has changed.
        "picture" => picture::run(),
        _ => {
            Err(Failure::new("there is no such task")
                .with_hint("cargo demo, cargo verify or cargo bench-peers"))
        }
    }
}
