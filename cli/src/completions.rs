//! Shell completions and manual pages, made of the grammar.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::arguments::grammar;
use crate::exit::Exit;
use crate::failure::{Result, host, host_call};
use crate::output::Output;

/// For which shell.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    shell: Shell,
}

/// Which manual pages.
#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Write a page for every command into this directory.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints completions.
pub(crate) fn completions(arguments: &CompletionsArguments, output: Output) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut grammar(), "stockade", &mut script);
    output.piece(&String::from_utf8_lossy(&script));
    Exit::Done
}

/// Prints or writes manual pages.
pub(crate) fn man(arguments: &ManArguments, output: Output) -> Result<Exit> {
    if let Some(folder) = &arguments.out {
        clap_mangen::generate_to(grammar(), folder)
            .map_err(|error| host("write manual pages to", folder, &error))?;
        return Ok(Exit::Done);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(grammar())
        .render(&mut page)
        .map_err(|error| host_call("make the manual page", error))?;
    output.piece(&String::from_utf8_lossy(&page));
    Ok(Exit::Done)
}
