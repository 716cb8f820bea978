//! Packages: signed here; verified, looked at and stored by the supervisor and the inspector.

mod examine;
mod folder;
mod keygen;
mod list;
mod sarif;
mod scan;
mod show;
mod sign;

use clap::{Args, Subcommand};

use crate::arguments::{Common, Trust};
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::Output;
use examine::Purpose;

/// What to do with packages.
#[derive(Debug, Subcommand)]
pub(crate) enum PackageCommand {
    /// Sign a directory: write its `manifest.json` and `model.sig`.
    Sign(sign::SignArguments),
    /// Make a signing key: NAME.pem to keep, NAME.pub.pem to hand out.
    Keygen(keygen::KeygenArguments),
    /// Check a package's signature, every byte and every model file. Says who signed it.
    Verify(ExamineArguments),
    /// Verify a package and say on one screen what it is.
    Inspect(ExamineArguments),
    /// Verify a package and take it into the store.
    Add(ExamineArguments),
    /// Look at every byte of a directory or a file that nobody signed: what would loading it do?
    Scan(scan::ScanArguments),
    /// List the packages in the store.
    List,
}

/// Which package, and whose signatures count.
#[derive(Debug, Args)]
pub(crate) struct ExamineArguments {
    /// The package: a directory, or the digest (sha256:…) of one in the store.
    package: String,
    #[command(flatten)]
    trust: Trust,
}

/// Does it.
pub(crate) fn run(command: &PackageCommand, common: &Common, output: Output) -> Result<Exit> {
    match command {
        PackageCommand::Sign(arguments) => sign::sign(arguments, output),
        PackageCommand::Keygen(arguments) => keygen::keygen(arguments, output),
        PackageCommand::Verify(arguments) => examine::examine(arguments, Purpose::Verify, common, output),
        PackageCommand::Inspect(arguments) => examine::examine(arguments, Purpose::Inspect, common, output),
        PackageCommand::Add(arguments) => examine::examine(arguments, Purpose::Add, common, output),
        PackageCommand::Scan(arguments) => scan::scan(arguments, common, output),
        PackageCommand::List => list::list(common, output),
    }
}
