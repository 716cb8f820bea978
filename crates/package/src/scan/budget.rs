//! What one scan may use, counted over everything in it; and why examining something ends early.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io;

/// Ceilings of one scan. Memory follows from them: buffers are bounded by what they are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ceilings {
    /// Most archives and compressed files within one another.
    pub depth_max: u32,
    /// Most members of all archives together.
    pub members_max: u64,
    /// Most bytes that come out of compressed ones, all together.
    pub expanded_bytes_max: u64,
    /// Most bytes that come out of one compressed byte, beyond the first 32 MiB.
    pub expansion_max: u64,
}

/// What one scan has used.
pub struct Budget<'c> {
    ceilings: Ceilings,
    late: &'c dyn Fn() -> bool,
    members: Cell<u64>,
    expanded_bytes: Cell<u64>,
    unasked_bytes: Cell<u64>,
}

impl<'c> Budget<'c> {
    /// A budget of which nothing is used. `late` says whether the time is over.
    pub fn new(ceilings: Ceilings, late: &'c dyn Fn() -> bool) -> Self {
        let (members, expanded_bytes, unasked_bytes) = (Cell::new(0), Cell::new(0), Cell::new(0));
        Self { ceilings, late, members, expanded_bytes, unasked_bytes }
    }

    /// The ceilings.
    pub const fn ceilings(&self) -> Ceilings {
        self.ceilings
    }

    /// Members of archives so far.
    pub fn members(&self) -> u64 {
        self.members.get()
    }

    /// Bytes that came out of compressed ones so far.
    pub fn expanded_bytes(&self) -> u64 {
        self.expanded_bytes.get()
    }

    /// Counts a member of an archive.
    pub(crate) fn member(&self) -> Result<(), Fault> {
        self.members.set(self.members.get().saturating_add(1));
        if self.members.get() > self.ceilings.members_max { Err(Fault::Ceiling("members")) } else { Ok(()) }
    }

    /// Counts bytes that came out of compressed ones.
    pub(crate) fn expanded(&self, bytes: u64) -> Result<(), Fault> {
        self.expanded_bytes.set(self.expanded_bytes.get().saturating_add(bytes));
        if self.expanded_bytes.get() > self.ceilings.expanded_bytes_max {
            return Err(Fault::Ceiling("bytes out of compressed ones"));
        }
        self.worked(bytes)
    }

    /// Counts work, such as bytes that were read, and looks at the clock now and then.
    pub(crate) fn worked(&self, bytes: u64) -> Result<(), Fault> {
        let unasked = self.unasked_bytes.get().saturating_add(bytes).saturating_add(WORK_PER_CALL);
        if unasked < WORK_PER_LOOK {
            self.unasked_bytes.set(unasked);
            return Ok(());
        }
        self.unasked_bytes.set(0);
        if (self.late)() { Err(Fault::Ceiling("time")) } else { Ok(()) }
    }
}

impl fmt::Debug for Budget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("ceilings", &self.ceilings).finish_non_exhaustive()
    }
}

/// Why examining something ended before its end. The frame makes a finding of it.
#[derive(Debug)]
pub enum Fault {
    /// It cannot be read.
    Read(io::Error),
    /// A ceiling was met; what was counted.
    Ceiling(&'static str),
    /// It breaks a rule of its format; which.
    Malformed(Cow<'static, str>),
    /// It uses a part of its format that is not read; which.
    Unsupported(Cow<'static, str>),
}

impl Fault {
    /// It ends where its format goes on.
    pub(crate) const CUT: Self = Self::Malformed(Cow::Borrowed("ends where its format goes on"));
}

/// A rule of a format is broken. To be returned as an error.
pub(crate) fn malformed<T>(rule: impl Into<Cow<'static, str>>) -> Result<T, Fault> {
    Err(Fault::Malformed(rule.into()))
}

/// A part of a format is not read. To be returned as an error.
pub(crate) fn unsupported<T>(part: impl Into<Cow<'static, str>>) -> Result<T, Fault> {
    Err(Fault::Unsupported(part.into()))
}

/// What every call costs beside its bytes, so that many small ones are seen too.
const WORK_PER_CALL: u64 = 64;
const WORK_PER_LOOK: u64 = 4 << 20;
