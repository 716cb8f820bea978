//! The journal's file: written ahead, then group by group in place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use ledger::journal::ALIGNMENT;
use ledger::layout::{JOURNAL_BYTES, JOURNAL_PATH, TEMPORARY_DIRECTORY};

use crate::directory::{Directory, WRITABLE};

/// The journal and where its next group goes.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    offset: usize,
}

impl Journal {
    /// Opens the journal that is there, to go on at `offset`.
    pub(crate) fn open(directory: &Directory, offset: usize) -> io::Result<Self> {
        Ok(Self { file: directory.open_writable(JOURNAL_PATH)?, offset })
    }

    /// Puts an empty journal in the place of any other. Only when everything durable is published.
    pub(crate) fn create(directory: &Directory) -> io::Result<Self> {
        let temporary = format!("{TEMPORARY_DIRECTORY}/{JOURNAL_PATH}");
        directory.make(TEMPORARY_DIRECTORY)?;
        // Blocks and length are on disk before the first group: a commit changes bytes and nothing else.
        let file = directory.write(&temporary, &vec![0; JOURNAL_BYTES], WRITABLE)?;
        directory.rename(&temporary, JOURNAL_PATH)?;
        directory.sync(".")?;
        Ok(Self { file, offset: 0 })
    }

    /// Whether a group fits after the others.
    pub(crate) const fn fits(&self, group: &[u8]) -> bool {
        self.offset + group.len() <= JOURNAL_BYTES
    }

    /// Starts again from the beginning. Only when everything in it is published.
    pub(crate) const fn restart(&mut self) {
        self.offset = 0;
    }

    /// Writes a group and waits until it is on disk. It counts once it also is where readers look.
    pub(crate) fn append(&mut self, group: &[u8]) -> io::Result<()> {
        self.file.write_all_at(group, self.offset as u64)?;
        self.file.sync_data()
    }

    /// The group just appended counts.
    pub(crate) const fn advance(&mut self, group: &[u8]) {
        self.offset += group.len();
    }

    /// Whether readers find this file, and why not.
    pub(crate) fn lost(&self, directory: &Directory) -> Option<(&'static str, String)> {
        match directory.leads_to(JOURNAL_PATH, &self.file) {
            Ok(Some(true)) => match self.file.metadata() {
                Ok(status) if status.len() == JOURNAL_BYTES as u64 => None,
                Ok(status) => Some(("journal_replaced", format!("it has {} bytes", status.len()))),
                Err(error) => Some(("journal_failed", error.to_string())),
            },
            Ok(Some(false)) => Some(("journal_replaced", "another file has its name".to_owned())),
            Ok(None) => Some(("journal_missing", "its name is gone".to_owned())),
            Err(error) => Some(("journal_failed", error.to_string())),
        }
    }

    /// Makes sure that the group just appended, whole or torn, never counts.
    pub(crate) fn invalidate(&self) -> io::Result<()> {
        self.file.write_all_at(&[0; ALIGNMENT], self.offset as u64)?;
        self.file.sync_data()
    }
}
