//! The operator's link: standard input, a socket whose other end `stockade` holds.

use std::{
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    sync::{Mutex, PoisonError},
    time::Duration,
};

use proto::{
    Code,
    code::Failure,
    frame,
    link::operator::{FRAME_BYTES_MAX, FromSupervisor, ToSupervisor},
};
use sandbox::descriptor;

use crate::{failure::host, link};

/// What is told to the operator. Whether he listens is the reader's business.
#[derive(Debug)]
pub(crate) struct Operator(Mutex<UnixStream>);

/// What the operator says.
#[derive(Debug)]
pub(crate) struct Orders(UnixStream);

/// Both directions of the link on standard input.
pub(crate) fn from_standard_input() -> Result<(Operator, Orders), Failure> {
    let take = || -> std::io::Result<_> {
        let link = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
        link.set_write_timeout(Some(TOLD_WITHIN))?;
        Ok((Operator(Mutex::new(link.try_clone()?)), Orders(link)))
    };
    take().map_err(host("take the operator's link; this program is started by `stockade`"))
}

impl Operator {
    /// Tells the operator something.
    pub(crate) fn say(&self, message: &FromSupervisor) {
        let link = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // An operator who is gone closed the link, and the reader noticed.
        let _ = link::send(&link, message, FRAME_BYTES_MAX, &[]);
    }

    /// Tells how far long work is.
    pub(crate) fn progress(&self, stage: &str, done: u64, all: u64) {
        self.say(&FromSupervisor::Progress { stage: stage.to_owned(), done, all });
    }
}

impl Orders {
    /// The next command and what came with it; nothing when the operator is gone.
    pub(crate) fn next(&self) -> Result<Option<(ToSupervisor, Vec<OwnedFd>)>, Failure> {
        let malformed = |why: String| Failure::new(Code::InvalidRequest, why);
        let frame = descriptor::read_frame_with(&self.0, FRAME_BYTES_MAX)
            .map_err(|error| malformed(format!("the operator's link failed: {error}")))?;
        let Some((body, descriptors)) = frame else { return Ok(None) };
        let command = frame::decode(&body).map_err(|error| malformed(error.to_string()))?;
        Ok(Some((command, descriptors)))
    }
}

/// How long the operator may leave what he is told unread.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
