//! `cargo demo`: the shipped model behind everything that protects it, asked one question.

mod ask;
mod serve;

use std::io::{self, IsTerminal as _};
use std::path::Path;

use ask::Question;
use serve::Served;

use crate::failure::Failure;
use crate::{command, screen, tree};

/// Builds, serves, asks, shows. On a terminal it goes on serving until control-C.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let once = match words.as_slice() {
        [] => !io::stdout().is_terminal() || !io::stdin().is_terminal(),
        ["--once"] => true,
        _ => return Err(Failure::new("cargo demo takes nothing but --once")),
    };
    build()?;
    let state = tempfile::Builder::new()
        .prefix("stockade-demo-")
        .tempdir()
        .map_err(|error| Failure::io("a directory for the demo's state", &error))?;
    let programs = tree::built()?;
    let served = Served::start(&programs, state.path())?;
    let question = Question::shipped()?;
    question.show();
    ask::stream(&served, &question)?;
    screen::heading("what protected it");
    stockade(&programs, state.path(), &["status"])?;
    screen::heading("what was recorded");
    stockade(&programs, state.path(), &["audit", "tail", "--lines", "3"])?;
    stockade(&programs, state.path(), &["audit", "verify"])?;
    screen::heading("the API");
    screen::line(format_args!("  {}/v1", served.url));
    screen::line(format_args!(
        "  curl {}/v1/chat/completions \\\n    -H 'authorization: Bearer {}' \\\n    \
         -H 'content-type: application/json' \\\n    \
         -d '{{\"model\": \"demo\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello!\"}}]}}'",
        served.url, served.key
    ));
    if !once {
        screen::line(screen::dim("  serving until control-C"));
        served.wait_for_interrupt()?;
    }
    served.stop()
}

/// Builds the programs. Cargo says what it compiles: the first time it takes minutes.
fn build() -> Result<(), Failure> {
    screen::heading("building");
    let mut cargo = command::cargo("build --locked");
    for program in tree::programs()? {
        cargo.args(["--package", &program]);
    }
    let status = cargo.status().map_err(|error| Failure::io("failed to run cargo", &error))?;
    if status.success() { Ok(()) } else { Err(Failure::new("the programs do not build")) }
}

/// Runs one of the operator's commands on the demo's state and shows what it says.
fn stockade(programs: &Path, state: &Path, words: &[&str]) -> Result<(), Failure> {
    screen::line(screen::dim(&format!("  $ stockade {}", words.join(" "))));
    let mut command = command::program(programs.join("stockade"));
    command.args(words).arg("--state").arg(state);
    let status = command.status().map_err(|error| Failure::io("failed to run stockade", &error))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("stockade {} failed", words.join(" ")))) }
}
