//! The command line's grammar, and which module does what.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::audit::AuditArguments;
use crate::completions::{CompletionsArguments, ManArguments};
use crate::exit::Exit;
use crate::failure::Result;
use crate::key::KeyCommand;
use crate::output::Output;
use crate::package::PackageCommand;
use crate::reference::ReferenceArguments;
use crate::run::RunArguments;
use crate::serve::ServeArguments;
use crate::{audit, completions, doctor, key, package, reference, run, serve, status};

/// Runs AI models that you don't trust: verified packages, each in a sandbox of its own, on the record.
#[derive(Debug, Parser)]
#[command(name = "stockade", version, after_help = Exit::help(), max_term_width = 100)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Print results as JSON, one object a line; errors too.
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// Directory of the store, the ledger and the keys.
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Configuration, in place of /etc/stockade/stockade.toml (root) or
    /// ~/.config/stockade/stockade.toml (others).
    #[arg(long, global = true, help_heading = "Everywhere", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Whom and what the operator trusts, where that is not in the configuration.
#[derive(Debug, Args)]
pub(crate) struct Trust {
    /// A publisher whose signatures count: a name for it, and its public key (PEM).
    #[arg(long = "signer", value_name = "NAME=FILE")]
    pub(crate) signers: Vec<String>,
    #[command(flatten)]
    pub(crate) accepted: Accepted,
}

/// What the operator does without.
#[derive(Debug, Args)]
pub(crate) struct Accepted {
    /// Controls that may be degraded or absent on this host, by name. Without it, any control that is
    /// not enforced refuses to start.
    #[arg(long = "accept-degraded", value_name = "CONTROL", value_delimiter = ',')]
    pub(crate) controls: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve packages on an HTTP API.
    Serve(ServeArguments),
    /// Ask one package in the terminal: one prompt, or a conversation.
    Run(RunArguments),
    /// Sign, verify, look at and store packages.
    #[command(subcommand)]
    Package(PackageCommand),
    /// Read, check and prove the record of what happened.
    Audit(AuditArguments),
    /// Make API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Say what is being served, and what protects it.
    Status,
    /// Say what this host can enforce, and what to change where it cannot.
    Doctor(Accepted),
    /// Print completions for a shell.
    Completions(CompletionsArguments),
    /// Print the manual page, or write one for every command.
    Man(ManArguments),
    /// Print the reference of commands, of the configuration or of checks, for docs/reference.
    #[command(hide = true)]
    Reference(ReferenceArguments),
}

/// Reads the arguments. What is wrong with them is said here, and ends the program with status 2.
pub(crate) fn parse() -> Cli {
    Cli::parse()
}

/// The grammar, for help that is made of it.
pub(crate) fn grammar() -> clap::Command {
    Cli::command()
}

/// Does what the arguments say.
pub(crate) fn dispatch(cli: &Cli, output: Output) -> Result<Exit> {
    let common = &cli.common;
    match &cli.command {
        Command::Serve(arguments) => serve::serve(arguments, common, output),
        Command::Run(arguments) => run::run(arguments, common, output),
        Command::Package(command) => package::run(command, common, output),
        Command::Audit(arguments) => audit::run(arguments, common, output),
        Command::Key(command) => key::run(command, output),
        Command::Status => status::status(common, output),
        Command::Doctor(accepted) => doctor::doctor(accepted, common, output),
        Command::Completions(arguments) => Ok(completions::completions(arguments, output)),
        Command::Man(arguments) => completions::man(arguments, output),
        Command::Reference(arguments) => reference::reference(arguments, output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_agrees_with_itself() {
        grammar().debug_assert();
    }
}
