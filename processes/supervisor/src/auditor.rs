//! Starts and stops the auditor.

use std::{
    os::{fd::AsFd as _, unix::net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use proto::{
    Code,
    code::Failure,
    link::auditor::{FRAME_BYTES_MAX, FromAuditor, ToAuditor},
};
use sandbox::jail::{Mount, MountSource};

use crate::{
    cell::{Cell, Reason},
    ground::{Ground, Launch},
    link::{self, LinkFault},
    state::Keys,
    topology,
};

/// The auditor, with the ledger open.
#[derive(Debug)]
pub(crate) struct Auditor {
    pub(crate) cell: Cell,
    pub(crate) checkpoint: Checkpoint,
}

/// The newest checkpoint that is known.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Checkpoint {
    /// A signed note.
    pub(crate) note: String,
    /// The key that verifies it.
    pub(crate) vkey: String,
}

/// Starts the auditor, waits until the ledger is recovered, and makes it take our own records.
pub(crate) fn start(ground: &Ground, ledger: &Path, keys: &Keys) -> Result<Auditor, Failure> {
    let mut launch = Launch::of(&topology::AUDITOR);
    launch.mounts = vec![Mount {
        source: MountSource::Path(ledger.to_owned()),
        target: "/ledger".to_owned(),
        writable: true,
        executable: false,
    }];
    let cell = ground.launch(launch)?;
    match open(&cell, keys) {
        Ok(Ok(checkpoint)) => {
            connect(ground, &cell)?;
            Ok(Auditor { cell, checkpoint })
        }
        Ok(Err(failure)) => {
            cell.end(ground, Reason::Finished);
            Err(failure)
        }
        Err(fault) => {
            let reason = if matches!(fault, LinkFault::TooLate) { Reason::TooLate } else { Reason::Own };
            let ending = cell.end(ground, reason);
            let message = format!("the auditor did not open the ledger: {fault}; {}", ending.shown());
            Err(Failure::new(Code::LedgerUnavailable, message))
        }
    }
}

/// Gives the supervisor's own records a new link.
pub(crate) fn connect(ground: &Ground, cell: &Cell) -> Result<(), Failure> {
    let (ours, theirs) = link::pair()?;
    // Who does not take its end ends, or is ended: then there will be another auditor, and link.
    let _ = produce(cell, "supervisor", &theirs);
    ground.recorder.connect(ours)
}

/// Hands the auditor its end of a producer's link.
pub(crate) fn produce(cell: &Cell, process: &str, theirs: &UnixStream) -> Result<(), LinkFault> {
    let message = ToAuditor::Producer { process: process.to_owned() };
    link::send(&cell.control, &message, FRAME_BYTES_MAX, &[theirs.as_fd()])
}

/// Has the auditor write its last checkpoint and end, where nobody else hears what it says.
pub(crate) fn stop(ground: &Ground, auditor: Auditor) -> Result<Checkpoint, Failure> {
    let Auditor { cell, mut checkpoint } = auditor;
    let deadline = Instant::now() + STOPPED_WITHIN;
    let mut outcome = ask_stop(&cell);
    while outcome.is_ok() {
        outcome = link::receive(&cell.control, FRAME_BYTES_MAX, deadline).map(|message| {
            if let FromAuditor::Checkpoint { note, vkey } = message {
                checkpoint = Checkpoint { note, vkey };
            }
        });
    }
    let reason = if matches!(outcome, Err(LinkFault::Closed)) { Reason::Finished } else { Reason::TooLate };
    let ending = cell.end(ground, reason);
    if ending.blame.is_none() {
        Ok(checkpoint)
    } else {
        Err(Failure::new(
            Code::LedgerUnavailable,
            format!("the auditor did not end well: {}", ending.shown()),
        ))
    }
}

fn open(cell: &Cell, keys: &Keys) -> Result<Result<Checkpoint, Failure>, LinkFault> {
    let deadline = Instant::now() + OPENED_WITHIN;
    let start = ToAuditor::Start { origin: keys.origin.clone(), key: keys.ledger.clone() };
    link::send(&cell.control, &start, FRAME_BYTES_MAX, &[])?;
    match link::receive(&cell.control, FRAME_BYTES_MAX, deadline)? {
        FromAuditor::Ready { .. } => {}
        FromAuditor::Failed { why } => return Ok(Err(failed(&why))),
        FromAuditor::Checkpoint { .. } => return Err(early()),
    }
    link::send(&cell.control, &ToAuditor::Checkpoint, FRAME_BYTES_MAX, &[])?;
    match link::receive(&cell.control, FRAME_BYTES_MAX, deadline)? {
        FromAuditor::Checkpoint { note, vkey } => Ok(Ok(Checkpoint { note, vkey })),
        FromAuditor::Failed { why } => Ok(Err(failed(&why))),
        FromAuditor::Ready { .. } => Err(early()),
    }
}

/// Asks for a checkpoint of everything that is committed by now.
pub(crate) fn ask_checkpoint(cell: &Cell) -> Result<(), LinkFault> {
    link::send(&cell.control, &ToAuditor::Checkpoint, FRAME_BYTES_MAX, &[])
}

/// Asks for a last checkpoint, and the end.
pub(crate) fn ask_stop(cell: &Cell) -> Result<(), LinkFault> {
    link::send(&cell.control, &ToAuditor::Stop, FRAME_BYTES_MAX, &[])
}

fn early() -> LinkFault {
    LinkFault::Broken("it said something that is not legal now".to_owned())
}

fn failed(why: &str) -> Failure {
    let code = if why.starts_with(DAMAGED) { Code::LedgerTampered } else { Code::LedgerUnavailable };
    Failure::new(code, why.chars().take(512).collect::<String>())
        .with_hint("run `stockade audit verify`; the ledger is in the state directory")
}

/// How the auditor begins when the ledger is not as it was left.
const DAMAGED: &str = "the ledger is damaged";

/// How long recovering a ledger may take: its open part is small, whatever the ledger's size.
const OPENED_WITHIN: Duration = Duration::from_mins(2);

/// How long the last commit and checkpoint may take.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
