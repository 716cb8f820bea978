//! The ledger: read, checked and proved from its files, without the auditor.

mod describe;
mod fault;
mod files;
mod place;
mod prove;
mod show;
mod tail;
mod time;
mod verify;

use clap::{Args, Subcommand};

use crate::arguments::Common;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::Output;
use place::{Place, PlaceArguments};

/// Which ledger, and what to do with it.
#[derive(Debug, Args)]
pub(crate) struct AuditArguments {
    #[command(flatten)]
    place: PlaceArguments,
    #[command(subcommand)]
    command: AuditCommand,
}

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Print the newest records, one a line.
    Tail(tail::TailArguments),
    /// Print one record: every field, and who may see it.
    Show(show::ShowArguments),
    /// Check every record, tile and checkpoint, trusting only the key.
    Verify(verify::VerifyArguments),
    /// Prove that a record is in the ledger, to somebody who has only the key.
    Prove(prove::ProveArguments),
    /// Check such a proof. Needs no ledger.
    CheckProof(prove::CheckArguments),
}

/// Does it.
pub(crate) fn run(arguments: &AuditArguments, common: &Common, output: Output) -> Result<Exit> {
    let place = Place::new(&arguments.place, common)?;
    match &arguments.command {
        AuditCommand::Tail(arguments) => tail::tail(arguments, &place, output),
        AuditCommand::Show(arguments) => show::show(arguments, &place, output),
        AuditCommand::Verify(arguments) => verify::verify(arguments, &place, output),
        AuditCommand::Prove(arguments) => prove::prove(arguments, &place, output),
        AuditCommand::CheckProof(arguments) => prove::check(arguments, &place, output),
    }
}
