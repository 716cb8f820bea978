//! `cargo bench-peers`: the benchmarks, beside peers, in one run.

use crate::failure::Failure;
use crate::{command, screen, tree};

/// Builds everything as it ships and runs `bench/` with the arguments given.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    screen::heading("building with optimisation");
    let mut build = command::cargo("build --release --locked");
    for program in tree::programs()? {
        build.args(["--package", &program]);
    }
    finish(build, "the programs do not build")?;
    let mut bench = command::cargo("run --release --locked --quiet --manifest-path bench/Cargo.toml --");
    bench.args(arguments);
    finish(bench, "the benchmarks failed")
}

fn finish(mut command: std::process::Command, otherwise: &str) -> Result<(), Failure> {
    let status = command.status().map_err(|error| Failure::io(otherwise, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::new(otherwise)) }
}
