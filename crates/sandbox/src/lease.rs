//! Leases: files that nobody changes before we are told.
//!
//! The kernel refuses a lease while anybody has the file open for writing. While it is held, who opens
//! the file for writing or shortens it waits, and we get a signal ([`Signals`](crate::signals::Signals))
//! and time to stop using the file. Renaming and unlinking are not noticed: hold on to the descriptor,
//! never to the path.

use std::{fs::File, io, os::fd::AsFd};

use crate::sys;

/// Read leases on files, held until this is dropped.
#[derive(Debug)]
pub struct Leases(Vec<File>);

impl Leases {
    /// Takes a lease on each file. The files must be open for reading only.
    ///
    /// # Errors
    /// [`LeaseError`] with the file's place in the list; no lease is held then.
    pub fn take(files: Vec<File>) -> Result<Self, LeaseError> {
        let mut leases = Self(Vec::with_capacity(files.len()));
        for (place, file) in files.into_iter().enumerate() {
            match sys::lease::take(file.as_fd()) {
                Ok(()) => leases.0.push(file),
                Err(source) if source.kind() == io::ErrorKind::WouldBlock => {
                    return Err(LeaseError::OpenForWriting { place });
                }
                Err(source) => return Err(LeaseError::Refused { place, source }),
            }
        }
        Ok(leases)
    }

    /// Whether every lease is held and nobody waits to write.
    pub fn are_intact(&self) -> bool {
        self.0.iter().all(|file| matches!(sys::lease::is_intact(file.as_fd()), Ok(true)))
    }

    /// The files, in the order in which they were given.
    pub fn files(&self) -> &[File] {
        &self.0
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        for file in &self.0 {
            // Copies of the descriptor may live on: the lease must not.
            let _ = sys::lease::release(file.as_fd());
        }
    }
}

/// Why a lease cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody has the file open for writing, or mapped so.
    #[error("the file is open for writing")]
    OpenForWriting {
        /// The file's place in the list.
        place: usize,
    },
    /// The file system has no leases, or the file is not ours.
    #[error("the kernel refuses a lease on the file")]
    Refused {
        /// The file's place in the list.
        place: usize,
        /// What the kernel said.
        source: io::Error,
    },
}
