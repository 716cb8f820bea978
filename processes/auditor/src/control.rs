//! The supervisor's control link.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use proto::FrameError;
use proto::frame::{decode, encode};
use proto::link::auditor::{FRAME_BYTES_MAX, FromAuditor, ToAuditor};
use rustix::io::write;
use sandbox::descriptor::read_frame_with;

/// The control link.
#[derive(Debug)]
pub(crate) struct Control(OwnedFd);

impl Control {
    pub(crate) const fn new(link: OwnedFd) -> Self {
        Self(link)
    }

    /// What the supervisor says next, and the descriptor that came with it; nothing when it is gone.
    pub(crate) fn receive(&self) -> Result<Option<(ToAuditor, Option<OwnedFd>)>, ControlError> {
        let Some((body, mut descriptors)) = read_frame_with(&self.0, FRAME_BYTES_MAX)? else {
            return Ok(None);
        };
        let message: ToAuditor = decode(&body)?;
        let descriptor = descriptors.pop();
        let wanted = matches!(message, ToAuditor::Producer { .. });
        if wanted == descriptor.is_some() && descriptors.is_empty() {
            Ok(Some((message, descriptor)))
        } else {
            Err(ControlError::Phase)
        }
    }

    /// Answers.
    pub(crate) fn say(&self, answer: &FromAuditor) -> Result<(), ControlError> {
        let frame = encode(answer, FRAME_BYTES_MAX)?;
        let mut rest = frame.as_slice();
        while !rest.is_empty() {
            match write(&self.0, rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(ControlError::Io(error.into())),
            }
        }
        Ok(())
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Why the control link cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
    /// A message is none of this link's.
    #[error("the supervisor's frame cannot be read")]
    Frame(#[from] FrameError),
    /// A message has no place at this moment, or a descriptor too many or too few.
    #[error("the supervisor's message has no place here")]
    Phase,
    /// The link failed.
    #[error("the control link failed")]
    Io(#[from] io::Error),
}
