//! Frames: four bytes of little-endian length, then that many bytes of postcard.

use std::io::{self, Read, Write};

use serde::{Serialize, de::DeserializeOwned};

/// Bytes of the length that stands before each frame.
pub const HEADER_BYTES: usize = 4;

/// Encodes one message with its length before it.
///
/// # Errors
/// [`FrameError::TooLarge`] when the message is over `bytes_max`; [`FrameError::Malformed`] when it
/// cannot be encoded.
pub fn encode<M: Serialize>(message: &M, bytes_max: usize) -> Result<Vec<u8>, FrameError> {
    let body = postcard::to_stdvec(message).map_err(|_| FrameError::Malformed)?;
    let length =
        u32::try_from(body.len()).map_err(|_| FrameError::TooLarge { found: body.len(), bytes_max })?;
    if body.len() > bytes_max {
        return Err(FrameError::TooLarge { found: body.len(), bytes_max });
    }
    let mut frame = Vec::with_capacity(HEADER_BYTES + body.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// Reads a frame's length from its header and refuses it before anything is allocated.
///
/// # Errors
/// [`FrameError::TooLarge`] when the peer announces more than `bytes_max`.
pub fn body_length(header: [u8; HEADER_BYTES], bytes_max: usize) -> Result<usize, FrameError> {
    let found = u32::from_le_bytes(header) as usize;
    if found > bytes_max { Err(FrameError::TooLarge { found, bytes_max }) } else { Ok(found) }
}

/// Decodes a frame's body. Every byte must belong to the message.
///
/// # Errors
/// [`FrameError::Malformed`] when it does not decode or has bytes left over.
pub fn decode<M: DeserializeOwned>(body: &[u8]) -> Result<M, FrameError> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        _ => Err(FrameError::Malformed),
    }
}

/// Writes one message as a frame.
///
/// # Errors
/// As [`encode`], and [`FrameError::Io`] when the peer is gone.
pub fn write_frame<M: Serialize>(
    to: &mut impl Write,
    message: &M,
    bytes_max: usize,
) -> Result<(), FrameError> {
    to.write_all(&encode(message, bytes_max)?).map_err(FrameError::Io)
}

/// Reads one message from a frame, blocking until it is whole.
///
/// # Errors
/// [`FrameError::Closed`] when the peer closed between frames; otherwise as [`body_length`] and
/// [`decode`], and [`FrameError::Io`] when the peer closed within a frame.
pub fn read_frame<M: DeserializeOwned>(from: &mut impl Read, bytes_max: usize) -> Result<M, FrameError> {
    let mut header = [0; HEADER_BYTES];
    let first = loop {
        match from.read(&mut header) {
            Ok(read) => break read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(FrameError::Io(error)),
        }
    };
    if first == 0 {
        return Err(FrameError::Closed);
    }
    if let Some(rest) = header.get_mut(first..) {
        from.read_exact(rest).map_err(FrameError::Io)?;
    }
    let mut body = vec![0; body_length(header, bytes_max)?];
    from.read_exact(&mut body).map_err(FrameError::Io)?;
    decode(&body)
}

/// Why a frame could not be read or written. Any of them ends the link.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The peer closed the link between two frames.
    #[error("the peer closed the link")]
    Closed,
    /// The frame is over the link's ceiling.
    #[error("frame has {found} bytes, the link allows {bytes_max}")]
    TooLarge {
        /// Bytes announced or encoded.
        found: usize,
        /// The link's ceiling.
        bytes_max: usize,
    },
    /// The body is no message of this link.
    #[error("frame does not decode as a message of this link")]
    Malformed,
    /// The link itself failed.
    #[error("link failed")]
    Io(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_as_it_went() {
        let mut wire = Vec::new();
        write_frame(&mut wire, &(7_u64, "seven".to_owned()), 64).unwrap();
        let back: (u64, String) = read_frame(&mut wire.as_slice(), 64).unwrap();
        assert_eq!(back, (7, "seven".to_owned()));
    }

    #[test]
    fn an_announced_length_over_the_ceiling_is_refused_before_it_is_read() {
        let wire = u32::MAX.to_le_bytes();
        let found = read_frame::<u64>(&mut wire.as_slice(), 64);
        assert!(matches!(found, Err(FrameError::TooLarge { bytes_max: 64, .. })));
    }

    #[test]
    fn bytes_left_over_are_malformed() {
        assert!(matches!(decode::<u8>(&[1, 2]), Err(FrameError::Malformed)));
    }

    #[test]
    fn a_link_closed_between_frames_is_told_from_one_cut_within() {
        assert!(matches!(read_frame::<u8>(&mut [].as_slice(), 64), Err(FrameError::Closed)));
        assert!(matches!(read_frame::<u8>(&mut [1, 0].as_slice(), 64), Err(FrameError::Io(_))));
    }
}
