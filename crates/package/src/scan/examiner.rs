//! An examiner: knows one format, or looks for one thing everywhere.

use proto::link::scan::Entry;

use super::budget::Fault;
use super::check::Check;
use super::run::Scan;
use super::subject::Subject;
use super::zip::Archive;

/// One file of checks. Registered with one line in `registry`.
pub(crate) struct Examiner {
    /// What its findings may be.
    pub(crate) checks: &'static [&'static Check],
    /// What it looks at.
    pub(crate) looks: Looks,
}

/// What an examiner looks at.
pub(crate) enum Looks {
    /// Files of one format. Exactly one of these examines each file.
    Format(Format),
    /// Every file and member, whatever its format, before the one above.
    Every(fn(&mut Scan<'_>, &Subject<'_>) -> Result<(), Fault>),
    /// Archives of one kind. The first that recognises an archive examines its members; one that nobody
    /// recognises has each member examined as if it were a file.
    Archive(Flavour),
    /// The directory as a whole, once.
    Listing(fn(&mut Scan<'_>, &[Entry]) -> Result<(), Fault>),
}

/// A format.
pub(crate) struct Format {
    /// Its name, as reports show it.
    pub(crate) name: &'static str,
    /// Extensions of its files, lower case.
    pub(crate) extensions: &'static [&'static str],
    /// Whether a file begins like this format. A format without a beginning of its own, such as text,
    /// says no, and is known by its extension.
    pub(crate) recognise: fn(&Head<'_>) -> bool,
    /// Whether a file of its extension need not be recognised.
    pub(crate) by_name: bool,
    /// Examines a file, and gives the number of bytes that it vouches for, from the first on: what
    /// follows is a finding.
    pub(crate) examine: fn(&mut Scan<'_>, &Subject<'_>) -> Result<u64, Fault>,
}

/// How a file begins.
#[derive(Debug)]
pub(crate) struct Head<'h> {
    /// Its last path component.
    pub(crate) name: &'h str,
    /// Its first bytes, at most [`HEAD_BYTES`].
    pub(crate) bytes: &'h [u8],
    /// All its bytes.
    pub(crate) length: u64,
}

/// How much of a file is looked at to recognise its format.
pub(crate) const HEAD_BYTES: usize = 1024;

/// A kind of ZIP archive.
pub(crate) struct Flavour {
    /// Its name, as reports show it.
    pub(crate) name: &'static str,
    /// Whether an archive with these members is one.
    pub(crate) recognise: fn(&Archive) -> bool,
    /// Examines the members: each has to be vouched for, `Archive::each` does it for those that need
    /// nothing special.
    pub(crate) examine: fn(&mut Scan<'_>, &Subject<'_>, &Archive) -> Result<(), Fault>,
}
