//! Measures Stockade beside the kernel's floor and beside peers, in one run: `cargo bench-peers`.
//!
//! # Role
//! Builds release programs, measures each promise of speed, and prints one table: value, target, ratio
//! to what stands beside it, passed or missed. `--json` prints the same for programs; names of
//! benchmarks as arguments choose among them.
//!
//! # Security
//! Reads: what the programs that it started answer. Holds: the rights of whoever runs it. It opens
//! sockets on loopback only and ends what it started.
//!
//! # Non-goals
//! No load on anything but its own programs; no verdict on a busy machine: it says how noisy it was.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot measure has nothing to say but why"
)]

mod bare;
mod engine;
mod gateway;
mod idle;
mod launch;
mod ledger;
mod link;
mod litellm;
mod machine;
mod peers;
mod samples;
mod table;
mod verification;

use std::process::ExitCode;

use table::Table;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [task, peer, folder] = arguments.as_slice()
        && task == launch::TIMES_OF
    {
        launch::print_times_of(peer, folder);
        return ExitCode::SUCCESS;
    }
    let (options, names): (Vec<_>, Vec<_>) = arguments.into_iter().partition(|one| one.starts_with("--"));
    if options.iter().any(|one| one != "--json") || names.iter().any(|name| !is_known(name)) {
        eprintln!("usage: stockade-bench [--json] [{}]", BENCHMARKS.map(|(name, _)| name).join(" | "));
        return ExitCode::from(2);
    }
    run(&names, !options.is_empty())
}

fn run(names: &[String], json: bool) -> ExitCode {
    let mut table = Table::new();
    for (name, measure) in BENCHMARKS {
        if names.is_empty() || names.iter().any(|chosen| chosen == name) {
            eprintln!("measuring {name} …");
            measure(&mut table);
        }
    }
    table.print(json);
    ExitCode::SUCCESS
}

fn is_known(name: &str) -> bool {
    BENCHMARKS.iter().any(|(known, _)| *known == name)
}

type Measure = fn(&mut Table);

/// Each benchmark's name, and what measures it.
const BENCHMARKS: [(&str, Measure); 6] = [
    ("launch", launch::measure),
    ("verification", verification::measure),
    ("ledger", ledger::measure),
    ("engine", engine::measure),
    ("gateway", gateway::measure),
    ("idle", idle::measure),
];
