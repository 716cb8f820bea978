//! `verify`, `inspect` and `add`: the inspector examines, in its jail; here its answer is shown.

use proto::link::operator::{FromSupervisor, PackageSource, ToSupervisor};
use serde_json::json;

use super::{ExamineArguments, show};
use crate::arguments::Common;
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Result;
use crate::output::{Output, Paint};
use crate::progress::Progress;
use crate::supervisor::{Supervisor, unexpected};
use crate::text::harmless;
use crate::view::PackageView;
use crate::{plan, signers, state};

/// What an examination is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// Say whether it is what its signer signed.
    Verify,
    /// Say what it is.
    Inspect,
    /// Take it into the store.
    Add,
}

/// A directory, absolute, or the digest of a stored package.
fn place(package: &str) -> Result<String> {
    match plan::source(package)? {
        PackageSource::Directory(directory) => Ok(directory),
        PackageSource::Stored(digest) => Ok(digest.to_string()),
    }
}

/// Has a package examined, and shows what came of it.
pub(super) fn examine(
    arguments: &ExamineArguments,
    purpose: Purpose,
    common: &Common,
    output: Output,
) -> Result<Exit> {
    let config = Config::load(common.config.as_deref())?;
    let folder = state::directory(common.state.as_deref(), &config)?;
    let command = ToSupervisor::Examine {
        state: state::text(&folder)?,
        directory: place(&arguments.package)?,
        signers: signers::trusted(&arguments.trust.signers, &config)?,
        add: purpose == Purpose::Add,
        accepted: plan::accepted(&arguments.trust.accepted.controls, &config)?,
    };
    let mut supervisor = Supervisor::start()?;
    supervisor.send(&command, &[])?;
    // As JSON the answer is the one thing that is said.
    let mut progress = (!output.json()).then(|| Progress::new(output));
    let (package, stored) = loop {
        match supervisor.next()? {
            FromSupervisor::Progress { stage, done, all } => {
                if let Some(progress) = &mut progress {
                    progress.show(&stage, done, all);
                }
            }
            FromSupervisor::Examined { inspection, stored } => break (PackageView::new(&inspection), stored),
            _ => return Err(unexpected()),
        }
    };
    drop(progress);
    if output.json() {
        output.value(&json!({"package": package, "stored": stored}));
        return Ok(Exit::Done);
    }
    if purpose == Purpose::Inspect {
        output.lines(&show::lines(&package, output));
        return Ok(Exit::Done);
    }
    let verb = output.paint(if purpose == Purpose::Add { "stored" } else { "verified" }, Paint::Good);
    let (name, version) = (harmless(&package.name), harmless(&package.version));
    output.line(&format!("{verb}  {name} {version}, signed by {}", harmless(&package.signer)));
    output.line(&package.digest);
    Ok(Exit::Done)
}
