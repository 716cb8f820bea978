//! Bytes of a file or of something in it, without holding more than a buffer of them.

use std::fmt;

use super::budget::{Budget, Fault};

/// Bytes that can be read from any place.
pub trait Bytes {
    /// Fills `into` with the bytes at `offset`.
    ///
    /// # Errors
    /// [`Fault::Read`] when they cannot be read; for what is decompressed, any other.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Fault>;
}

impl Bytes for [u8] {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Fault> {
        let start = usize::try_from(offset).map_err(|_| Fault::CUT)?;
        let from = self.get(start..).and_then(|rest| rest.get(..into.len())).ok_or(Fault::CUT)?;
        into.copy_from_slice(from);
        Ok(())
    }
}

impl Bytes for Vec<u8> {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Fault> {
        self.as_slice().read_at(offset, into)
    }
}

/// A range of bytes.
#[derive(Clone, Copy)]
pub struct Content<'c> {
    bytes: &'c dyn Bytes,
    start: u64,
    length: u64,
    budget: &'c Budget<'c>,
}

impl<'c> Content<'c> {
    /// The first `length` of some bytes.
    pub const fn new(bytes: &'c dyn Bytes, length: u64, budget: &'c Budget<'c>) -> Self {
        Self { bytes, start: 0, length, budget }
    }

    /// How many bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// What reading is counted in.
    pub(crate) const fn budget(&self) -> &'c Budget<'c> {
        self.budget
    }

    /// Fills `into` with the bytes at `offset`.
    ///
    /// # Errors
    /// [`Fault`] when they end before, cannot be read, or the time is over.
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Fault> {
        let end = offset.checked_add(into.len() as u64).ok_or(Fault::CUT)?;
        if end > self.length {
            return Err(Fault::CUT);
        }
        self.budget.worked(into.len() as u64)?;
        self.bytes.read_at(self.start.saturating_add(offset), into)
    }

    /// `N` bytes at `offset`.
    ///
    /// # Errors
    /// As [`Content::read_at`].
    pub fn array<const N: usize>(&self, offset: u64) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        self.read_at(offset, &mut array)?;
        Ok(array)
    }

    /// A range of these bytes.
    ///
    /// # Errors
    /// [`Fault`] when they end before.
    pub fn part(&self, offset: u64, length: u64) -> Result<Self, Fault> {
        match offset.checked_add(length) {
            Some(end) if end <= self.length => {
                Ok(Self { start: self.start.saturating_add(offset), length, ..*self })
            }
            _ => Err(Fault::CUT),
        }
    }

    /// The first bytes, as many as there are up to `most`.
    ///
    /// # Errors
    /// As [`Content::read_at`].
    pub fn beginning(&self, most: usize) -> Result<Vec<u8>, Fault> {
        let length = usize::try_from(self.length).map_or(most, |length| length.min(most));
        let mut beginning = vec![0; length];
        self.read_at(0, &mut beginning)?;
        Ok(beginning)
    }

    /// All bytes, if there are at most `bytes_max`. Keep it to a few mebibytes: memory has a ceiling.
    ///
    /// # Errors
    /// [`Fault::Ceiling`] when there are more; otherwise as [`Content::read_at`].
    pub fn whole(&self, bytes_max: usize) -> Result<Vec<u8>, Fault> {
        if self.length > bytes_max as u64 {
            return Err(Fault::Ceiling("bytes of a file that is read whole"));
        }
        self.beginning(bytes_max)
    }

    /// Reads from the first byte on.
    pub fn reader(&self) -> Reader<'c> {
        Reader { content: *self, buffer: Vec::new(), start: 0, at: 0 }
    }
}

impl fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("start", &self.start)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Reads bytes in their order, through a buffer.
#[derive(Debug)]
pub struct Reader<'c> {
    content: Content<'c>,
    buffer: Vec<u8>,
    /// Where the buffer's first byte stands.
    start: u64,
    /// Where the next byte stands.
    at: u64,
}

impl<'c> Reader<'c> {
    /// Where the next byte stands.
    pub const fn position(&self) -> u64 {
        self.at
    }

    /// Bytes that are left.
    pub const fn rest(&self) -> u64 {
        self.content.length.saturating_sub(self.at)
    }

    /// What is read.
    pub const fn content(&self) -> Content<'c> {
        self.content
    }

    /// The next bytes, as many as there are up to `most`, which is at most [`Reader::AHEAD_MAX`];
    /// they stay.
    ///
    /// # Errors
    /// As [`Content::read_at`].
    pub fn ahead(&mut self, most: usize) -> Result<&[u8], Fault> {
        let wanted = usize::try_from(self.rest()).map_or(most, |rest| rest.min(most)).min(Self::AHEAD_MAX);
        let from = usize::try_from(self.at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let have = self.buffer.len().saturating_sub(from);
        if have < wanted {
            self.refill(from, have, wanted)?;
        }
        let from = usize::try_from(self.at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        self.buffer.get(from..).and_then(|rest| rest.get(..wanted)).ok_or(Fault::CUT)
    }

    /// Keeps the `have` bytes from `from` on, and reads more behind them, at least up to `wanted`.
    fn refill(&mut self, from: usize, have: usize, wanted: usize) -> Result<(), Fault> {
        if have > 0 {
            self.buffer.copy_within(from.., 0);
        }
        self.start = self.at;
        let full = usize::try_from(self.rest()).map_or(Self::AHEAD_MAX, |rest| rest.min(Self::AHEAD_MAX));
        // What is read often in small pieces is read ahead of; after a jump only a little.
        let little = FIRST_BYTES.max(self.buffer.len().saturating_mul(4)).max(wanted);
        let length = if have == 0 { full.min(little) } else { full };
        self.buffer.resize(length, 0);
        let into = self.buffer.get_mut(have..).unwrap_or_default();
        let read = self.content.read_at(self.start.saturating_add(have as u64), into);
        if read.is_err() {
            self.buffer.truncate(have);
        }
        read
    }

    /// The next byte.
    ///
    /// # Errors
    /// As [`Content::read_at`].
    pub fn byte(&mut self) -> Result<u8, Fault> {
        let byte = *self.ahead(1)?.first().ok_or(Fault::CUT)?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    /// The next `N` bytes, at most [`Reader::AHEAD_MAX`].
    ///
    /// # Errors
    /// As [`Content::read_at`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let ahead = self.ahead(N)?;
        let array = ahead.try_into().map_err(|_| Fault::CUT)?;
        self.at = self.at.saturating_add(N as u64);
        Ok(array)
    }

    /// The next `length` bytes. The caller bounds how many.
    ///
    /// # Errors
    /// As [`Content::read_at`].
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>, Fault> {
        if self.rest() < length as u64 {
            return Err(Fault::CUT);
        }
        let mut taken = Vec::with_capacity(length);
        while taken.len() < length {
            let piece = self.ahead(length.saturating_sub(taken.len()))?;
            taken.extend_from_slice(piece);
            let read = piece.len() as u64;
            self.at = self.at.saturating_add(read);
        }
        Ok(taken)
    }

    /// Passes over bytes without reading them.
    ///
    /// # Errors
    /// [`Fault::CUT`] when there are not as many.
    pub fn skip(&mut self, bytes: u64) -> Result<(), Fault> {
        if self.rest() < bytes {
            return Err(Fault::CUT);
        }
        self.at = self.at.saturating_add(bytes);
        Ok(())
    }

    /// The next bytes up to a newline, which is taken and not given.
    ///
    /// # Errors
    /// [`Fault::Malformed`] when there is none within `bytes_max`; otherwise as [`Content::read_at`].
    pub fn line(&mut self, bytes_max: usize) -> Result<Vec<u8>, Fault> {
        let mut line = Vec::new();
        loop {
            let piece = self.ahead(LINE_PIECE_BYTES)?;
            if piece.is_empty() {
                return Err(Fault::CUT);
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            line.extend_from_slice(piece.get(..end.unwrap_or(piece.len())).unwrap_or_default());
            let read = end.map_or(piece.len(), |end| end.saturating_add(1)) as u64;
            self.at = self.at.saturating_add(read);
            if line.len() > bytes_max {
                return Err(Fault::Malformed("has a line that is too long".into()));
            }
            if end.is_some() {
                return Ok(line);
            }
        }
    }

    /// Most bytes to look ahead.
    pub const AHEAD_MAX: usize = 64 * 1024;
}

const FIRST_BYTES: usize = 4096;
const LINE_PIECE_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::Ceilings;

    #[test]
    fn a_reader_gives_the_bytes_in_their_order_whatever_the_pieces() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[1] ^ n.to_le_bytes()[0]).collect();
        let ceilings = Ceilings { depth_max: 1, members_max: 1, expanded_bytes_max: 1, expansion_max: 1 };
        let budget = Budget::new(ceilings, &|| false);
        let content = Content::new(&bytes, bytes.len() as u64, &budget);
        let mut reader = content.reader();
        let (mut at, mut step) = (0_usize, 1_usize);
        while at < bytes.len() {
            let length = (step * 7919 % 9000).min(bytes.len() - at);
            match step % 4 {
                0 => assert_eq!(reader.take(length).unwrap(), bytes[at..at + length]),
                1 => reader.skip(length as u64).unwrap(),
                2 => {
                    assert_eq!(reader.ahead(length).unwrap(), &bytes[at..at + length]);
                    reader.skip(length as u64).unwrap();
                }
                _ => {
                    assert_eq!(reader.byte().unwrap(), bytes[at]);
                    at += 1;
                    step += 1;
                    continue;
                }
            }
            at += length;
            step += 1;
        }
        assert_eq!(reader.rest(), 0);
        assert!(reader.byte().is_err());
        assert!(reader.skip(1).is_err());
    }
}
