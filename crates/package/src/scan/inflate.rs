//! Deflated bytes, read as if they stood there inflated: forwards at no cost, backwards by starting over.

use std::cell::RefCell;
use std::fmt;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::budget::{Fault, malformed};
use super::content::{Bytes, Content, Reader};

/// What is deflated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// A stream without a beginning or a checksum, as in ZIP and gzip.
    Raw,
    /// A stream within zlib's beginning and checksum.
    Zlib,
}

/// Deflated bytes.
pub(crate) struct Inflated<'c> {
    packed: Content<'c>,
    form: Form,
    state: RefCell<State<'c>>,
}

/// What a whole pass over deflated bytes found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Bytes that came out.
    pub(crate) bytes: u64,
    /// Bytes that went in; what follows is not part of the stream.
    pub(crate) packed_bytes: u64,
    /// CRC-32 of what came out.
    pub(crate) crc: u32,
}

struct State<'c> {
    inflater: Box<InflateState>,
    packed: Reader<'c>,
    /// Bytes that came out so far.
    at: u64,
    ended: bool,
}

impl<'c> State<'c> {
    fn new(packed: Content<'c>, form: Form) -> Self {
        let format = match form {
            Form::Raw => DataFormat::Raw,
            Form::Zlib => DataFormat::Zlib,
        };
        Self { inflater: InflateState::new_boxed(format), packed: packed.reader(), at: 0, ended: false }
    }

    /// Fills `into` as far as there is something, and gives how far.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, Fault> {
        let mut filled = 0;
        while filled < into.len() && !self.ended {
            let input = self.packed.ahead(INPUT_BYTES)?;
            let output = into.get_mut(filled..).unwrap_or_default();
            let step = inflate(&mut self.inflater, input, output, MZFlush::None);
            self.packed.skip(step.bytes_consumed as u64)?;
            filled = filled.saturating_add(step.bytes_written);
            self.at = self.at.saturating_add(step.bytes_written as u64);
            match step.status {
                Ok(MZStatus::StreamEnd) => self.ended = true,
                Ok(_) if step.bytes_consumed > 0 || step.bytes_written > 0 => {}
                Err(MZError::Buf) | Ok(_) => return malformed("has a compressed stream that is cut off"),
                Err(_) => return malformed("has a compressed stream that is broken"),
            }
            let budget = self.packed.content().budget();
            budget.expanded(step.bytes_written as u64)?;
            let most = self.packed.position().saturating_mul(budget.ceilings().expansion_max);
            if self.at > EXPANDED_FREE_BYTES.saturating_add(most) {
                return Err(Fault::Ceiling("expansion: a decompression bomb"));
            }
        }
        Ok(filled)
    }
}

impl<'c> Inflated<'c> {
    pub(crate) fn new(packed: Content<'c>, form: Form) -> Self {
        Self { packed, form, state: RefCell::new(State::new(packed, form)) }
    }

    /// Inflates everything once.
    pub(crate) fn measure(&self) -> Result<Measured, Fault> {
        let mut state = State::new(self.packed, self.form);
        let mut crc = crc32fast::Hasher::new();
        let mut piece = vec![0; PIECE_BYTES];
        while !state.ended {
            let filled = state.fill(&mut piece)?;
            crc.update(piece.get(..filled).unwrap_or_default());
        }
        Ok(Measured { bytes: state.at, packed_bytes: state.packed.position(), crc: crc.finalize() })
    }
}

impl Bytes for Inflated<'_> {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), Fault> {
        let mut state = self.state.borrow_mut();
        if offset < state.at {
            *state = State::new(self.packed, self.form);
        }
        let mut over = Vec::new();
        while state.at < offset {
            let most = usize::try_from(offset - state.at).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            over.resize(most, 0);
            if state.fill(&mut over)? == 0 {
                return Err(Fault::CUT);
            }
        }
        if state.fill(into)? == into.len() { Ok(()) } else { Err(Fault::CUT) }
    }
}

impl fmt::Debug for Inflated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflated")
            .field("packed", &self.packed)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

const INPUT_BYTES: usize = 16 * 1024;
const PIECE_BYTES: usize = 32 * 1024;
/// What may come out of however little: everybody compresses zeros now and then.
const EXPANDED_FREE_BYTES: u64 = 32 << 20;
