//! Links to processes: frames with deadlines. The peer may say anything, at any speed, or nothing.

use std::{
    io::{self, Read},
    os::{fd::BorrowedFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

use proto::{FrameError, code::Failure, frame};
use sandbox::descriptor;
use serde::{Serialize, de::DeserializeOwned};

use crate::failure::host;

/// A new link: our end, and the process's. A peer that stops reading makes sending to it fail.
pub(crate) fn pair() -> Result<(UnixStream, UnixStream), Failure> {
    let make = || -> io::Result<_> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(SEND_WITHIN))?;
        Ok((ours, theirs))
    };
    make().map_err(host("make a link"))
}

/// Sends one message, with descriptors on its first byte.
pub(crate) fn send<M: Serialize>(
    link: &UnixStream,
    message: &M,
    bytes_max: usize,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), LinkFault> {
    let bytes = frame::encode(message, bytes_max)?;
    descriptor::send_with(link, &bytes, descriptors).map_err(|error| LinkFault::from(FrameError::Io(error)))
}

/// Receives one message. Descriptors that came with it are dropped: no process may send any.
pub(crate) fn receive<M: DeserializeOwned>(
    link: &UnixStream,
    bytes_max: usize,
    deadline: Instant,
) -> Result<M, LinkFault> {
    Ok(proto::read_frame(&mut Until { link, deadline }, bytes_max)?)
}

/// Receives one message's bytes, for who knows what it may be.
pub(crate) fn receive_body(
    link: &UnixStream,
    bytes_max: usize,
    deadline: Instant,
) -> Result<Vec<u8>, LinkFault> {
    let mut from = Until { link, deadline };
    let mut header = [0; frame::HEADER_BYTES];
    if from.read(header.split_at_mut(1).0).map_err(FrameError::Io)? == 0 {
        return Err(LinkFault::Closed);
    }
    from.read_exact(header.split_at_mut(1).1).map_err(FrameError::Io)?;
    let mut body = vec![0; frame::body_length(header, bytes_max)?];
    from.read_exact(&mut body).map_err(FrameError::Io)?;
    Ok(body)
}

/// Why nothing came, or could be sent. Any of them ends the link.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkFault {
    /// The peer closed the link, or ended.
    #[error("it closed its link")]
    Closed,
    /// The peer did not answer, or did not read, in time.
    #[error("it did not answer in time")]
    TooLate,
    /// The peer broke the link's rules.
    #[error("{0}")]
    Broken(String),
}

impl From<FrameError> for LinkFault {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Closed => Self::Closed,
            FrameError::Io(source) => match source.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::TooLate,
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::WriteZero => Self::Closed,
                _ => Self::Broken(source.to_string()),
            },
            other => Self::Broken(other.to_string()),
        }
    }
}

/// A link read until a deadline, however slowly bytes come.
struct Until<'l> {
    link: &'l UnixStream,
    deadline: Instant,
}

impl Read for Until<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::from(io::ErrorKind::TimedOut));
            }
            self.link.set_read_timeout(Some(left))?;
            let mut link = self.link;
            match link.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
        }
    }
}

/// How long a process may leave what is sent to it unread.
const SEND_WITHIN: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    #[test]
    fn a_peer_that_says_nothing_or_half_of_something_is_too_late() {
        let (ours, mut theirs) = pair().unwrap();
        assert!(matches!(receive::<u64>(&ours, 64, soon()), Err(LinkFault::TooLate)));
        theirs.write_all(&[9, 0]).unwrap();
        assert!(matches!(receive_body(&ours, 64, soon()), Err(LinkFault::TooLate)));
    }

    #[test]
    fn a_peer_that_ends_is_told_from_one_that_breaks_the_rules() {
        let (ours, mut theirs) = pair().unwrap();
        theirs.write_all(&u32::MAX.to_le_bytes()).unwrap();
        assert!(matches!(receive_body(&ours, 64, soon()), Err(LinkFault::Broken(_))));
        let (ours, theirs) = pair().unwrap();
        drop(theirs);
        assert!(matches!(receive_body(&ours, 64, soon()), Err(LinkFault::Closed)));
        assert!(matches!(send(&ours, &7_u64, 64, &[]), Err(LinkFault::Closed)));
    }

    #[test]
    fn a_message_comes_back_as_it_went() {
        let (ours, theirs) = pair().unwrap();
        send(&theirs, &"word".to_owned(), 64, &[]).unwrap();
        send(&theirs, &"word".to_owned(), 64, &[]).unwrap();
        assert_eq!(receive::<String>(&ours, 64, soon()).unwrap(), "word");
        let body = receive_body(&ours, 64, soon()).unwrap();
        assert_eq!(frame::decode::<String>(&body).unwrap(), "word");
    }
}
