//! What is published at one time: tiles, then the checkpoint that covers them.
//!
//! An edition is a list of steps. A crash between any two leaves the last edition in force, and every
//! file that the next one will write can be written again.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use ledger::layout::{CHECKPOINT_BYTES_MAX, CHECKPOINT_PATH, TEMPORARY_DIRECTORY};
use ledger::tile::{Kind, TILE_WIDTH, TilePath};
use proto::event::LedgerFault;

use crate::directory::{Directory, SEALED};

/// The published state of a ledger.
#[derive(Clone, Debug)]
pub(crate) struct Published {
    /// Records under the checkpoint.
    pub(crate) size: u64,
    /// The checkpoint, a signed note.
    pub(crate) note: String,
}

/// Tiles and their checkpoint.
#[derive(Debug)]
pub(crate) struct Edition {
    /// The tiles that changed since the edition before.
    pub(crate) tiles: Vec<(TilePath, Arc<[u8]>)>,
    /// What is in force after this.
    pub(crate) next: Published,
    /// What is in force before; nothing for a new ledger.
    pub(crate) before: Option<Published>,
}

/// One step of publishing.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// A directory.
    Make(String),
    /// A new file under a temporary name, its bytes durable.
    Write(String, &'a [u8]),
    /// A file gets its name.
    Rename(String, String),
    /// The names in a directory become durable.
    Sync(String),
    /// Partial tiles that a full one replaces, and their directory, go.
    Clear(String),
}

impl Edition {
    /// Publishes, and tells what was not as the last edition left it.
    pub(crate) fn publish(&self, directory: &Directory) -> io::Result<Vec<LedgerFault>> {
        let found = self.inspect(directory)?;
        let done = self.steps().iter().try_for_each(|step| step.perform(directory));
        if done.is_err() {
            // On a full disk what was begun would take the room that is missing.
            let _ = directory.clear(TEMPORARY_DIRECTORY);
        }
        done.map(|()| found)
    }

    /// The steps, in order: every tile is durable before the checkpoint that needs it has its name.
    pub(crate) fn steps(&self) -> Vec<Step<'_>> {
        let mut steps = vec![Step::Make(TEMPORARY_DIRECTORY.to_owned())];
        let paths: Vec<String> = self.tiles.iter().map(|(path, _)| path.to_string()).collect();
        let above: BTreeSet<&str> = paths.iter().flat_map(|path| parents(path)).collect();
        steps.extend(above.iter().map(|parent| Step::Make((*parent).to_owned())));
        for (number, (_, bytes)) in self.tiles.iter().enumerate() {
            steps.push(Step::Write(temporary(number), bytes));
        }
        for (number, path) in paths.iter().enumerate() {
            steps.push(Step::Rename(temporary(number), path.clone()));
        }
        // All of them each time: one that is there may be left by a crash before its name was durable.
        steps.extend(above.iter().chain(&["."]).map(|parent| Step::Sync((*parent).to_owned())));
        let checkpoint = format!("{TEMPORARY_DIRECTORY}/{CHECKPOINT_PATH}");
        steps.push(Step::Write(checkpoint.clone(), self.next.note.as_bytes()));
        steps.push(Step::Rename(checkpoint, CHECKPOINT_PATH.to_owned()));
        steps.push(Step::Sync(".".to_owned()));
        let full = self.tiles.iter().filter(|(path, _)| path.is_full());
        steps.extend(full.map(|(path, _)| Step::Clear(path.partials_directory())));
        steps
    }

    /// Looks whether the last edition is still there: who removes or replaces it is recorded.
    fn inspect(&self, directory: &Directory) -> io::Result<Vec<LedgerFault>> {
        let Some(before) = &self.before else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        match directory.read(CHECKPOINT_PATH, CHECKPOINT_BYTES_MAX) {
            Ok(Some(note)) if note == before.note.as_bytes() => {}
            Ok(None) => found.push(fault("checkpoint_missing", "its name is gone")),
            _ => found.push(fault("checkpoint_replaced", "it is not the one that was published")),
        }
        if let Some(last) = before.size.checked_sub(1)
            && let Some(bundle) = TilePath::within(Kind::Entries, last / TILE_WIDTH, before.size)
            && !directory.has(&bundle.to_string())?
            && !directory.has(&bundle.filled().to_string())?
        {
            found.push(fault("tile_missing", &bundle.to_string()));
        }
        Ok(found)
    }
}

impl Step<'_> {
    /// Does it.
    pub(crate) fn perform(&self, directory: &Directory) -> io::Result<()> {
        match self {
            Self::Make(path) => directory.make(path),
            Self::Write(path, bytes) => directory.write(path, bytes, SEALED).map(drop),
            Self::Rename(from, to) => directory.rename(from, to),
            Self::Sync(path) => directory.sync(path),
            Self::Clear(path) => directory.clear(path),
        }
    }
}

/// A fault of the ledger's own files.
pub(crate) fn fault(name: &str, why: &str) -> LedgerFault {
    LedgerFault { fault: name.to_owned(), process: None, refused: None, why: why.to_owned() }
}

/// The directories above a path, outermost first.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

fn temporary(number: usize) -> String {
    format!("{TEMPORARY_DIRECTORY}/tile-{number}")
}
