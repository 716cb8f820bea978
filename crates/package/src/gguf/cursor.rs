//! A place in a GGUF file, moved only over bytes that are there.

use super::{GgufError, NAME_BYTES_MAX};

#[derive(Clone)]
pub(super) struct Cursor<'f> {
    /// The part of the file that may be header.
    rest: &'f [u8],
    offset: usize,
    /// Whether the file goes on behind `rest`: then its end is a ceiling, and not the file's.
    capped: bool,
}

impl<'f> Cursor<'f> {
    pub(super) fn new(file: &'f [u8], bytes_max: usize) -> Self {
        let capped = file.len() > bytes_max;
        Self { rest: file.get(..bytes_max).unwrap_or(file), offset: 0, capped }
    }

    pub(super) const fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<&'f [u8], GgufError> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(if self.capped { GgufError::HeaderTooLarge } else { GgufError::Truncated });
        };
        self.rest = rest;
        self.offset += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        self.bytes(N)?.try_into().map_err(|_| GgufError::Truncated)
    }

    pub(super) fn u8(&mut self) -> Result<u8, GgufError> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16, GgufError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, GgufError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, GgufError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A text of any length that the file has.
    pub(super) fn text(&mut self) -> Result<&'f str, GgufError> {
        let length = usize::try_from(self.u64()?).map_err(|_| GgufError::Truncated)?;
        std::str::from_utf8(self.bytes(length)?).map_err(|_| GgufError::NotUtf8)
    }

    /// A key or a tensor's name.
    pub(super) fn name(&mut self) -> Result<&'f str, GgufError> {
        let name = self.text()?;
        if (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control) {
            Ok(name)
        } else {
            Err(GgufError::Name)
        }
    }
}
