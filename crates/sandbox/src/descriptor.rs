//! Descriptors between processes: passed over a Unix socket, or inherited at a known number.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Instant,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use crate::sys;

/// Most descriptors that travel with one message.
pub const DESCRIPTORS_MAX: usize = 4;

/// Bytes of the little-endian length before a frame's body.
const HEADER_BYTES: usize = 4;

/// Sends bytes with up to [`DESCRIPTORS_MAX`] descriptors on their first byte. All bytes are sent.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for nothing to send or too many descriptors; the socket's own.
pub fn send_with(socket: impl AsFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    if bytes.is_empty() || descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        match sendmsg(socket.as_fd(), &[IoSlice::new(rest)], &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero)),
            Ok(sent) => {
                rest = rest.get(sent..).unwrap_or_default();
                // They travelled with the first byte; the rest of the bytes go alone.
                ancillary.clear();
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Receives bytes and the descriptors that came with them, close-on-exec. Zero bytes: the peer closed.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when the peer sent more than [`DESCRIPTORS_MAX`] descriptors (they
/// are closed); the socket's own.
pub fn receive_with(socket: impl AsFd, bytes: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let mut parts = [IoSliceMut::new(&mut *bytes)];
        match recvmsg(socket.as_fd(), &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => break received,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    };
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            descriptors.extend(passed);
        }
    }
    // The kernel drops what did not fit: the peer broke the link's rule, so nothing of it is used.
    if received.flags.contains(rustix::net::ReturnFlags::CTRUNC) || descriptors.len() > DESCRIPTORS_MAX {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    Ok((received.bytes, descriptors))
}

/// Sends one frame, its four-byte length first, with descriptors on its first byte.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] when the body is over `bytes_max`; otherwise as [`send_with`].
pub fn send_frame_with(
    socket: impl AsFd,
    body: &[u8],
    bytes_max: usize,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let length = u32::try_from(body.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    if body.len() > bytes_max {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let mut frame = Vec::with_capacity(HEADER_BYTES + body.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(body);
    send_with(socket, &frame, descriptors)
}

/// Reads one frame's body and the descriptors that came with it; `None` when the peer closed between
/// two frames. Blocks until the frame is whole.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when the peer announces more than `bytes_max`, or attaches
/// descriptors elsewhere than to the first byte; [`io::ErrorKind::UnexpectedEof`] when it closes
/// within a frame; the socket's own.
pub fn read_frame_with(socket: impl AsFd, bytes_max: usize) -> io::Result<Option<(Vec<u8>, Vec<OwnedFd>)>> {
    let mut header = [0; HEADER_BYTES];
    let (first, descriptors) = receive_with(socket.as_fd(), &mut header)?;
    if first == 0 {
        return Ok(None);
    }
    fill(socket.as_fd(), header.get_mut(first..).unwrap_or_default())?;
    let length = u32::from_le_bytes(header) as usize;
    if length > bytes_max {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let mut body = vec![0; length];
    fill(socket.as_fd(), &mut body)?;
    Ok(Some((body, descriptors)))
}

/// Takes ownership of the descriptor inherited at `number`, such as the control link at 4. Each
/// number can be adopted once in the life of the process.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] for 0, 1, 2 or a number above 63, [`io::ErrorKind::AlreadyExists`]
/// the second time, and the kernel's own when nothing is open there.
pub fn adopt(number: u32) -> io::Result<OwnedFd> {
    sys::inherited::adopt(number)
}

/// Waits until a descriptor can be read or is at its end; `false` when the deadline passed first.
pub(crate) fn readable(descriptor: BorrowedFd<'_>, deadline: Instant) -> rustix::io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let mut asked = [PollFd::new(&descriptor, PollFlags::IN)];
        match poll(&mut asked, Some(&timeout)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads until `bytes` is full. A descriptor in the middle of a frame is a breach of the link.
fn fill(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        let rest = bytes.get_mut(filled..).unwrap_or_default();
        let (received, descriptors) = receive_with(socket, rest)?;
        if received == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        if !descriptors.is_empty() {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        filled += received;
    }
    Ok(())
}
