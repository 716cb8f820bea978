//! What a scan of an unsigned package is told and tells: shared by both links it travels over.

use serde::{Deserialize, Serialize};

use crate::Code;

/// Most entries of one scanned directory.
pub const ENTRIES_MAX: usize = 32_768;

/// Most bytes of all entries' paths.
pub const PATHS_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Most findings that a report lists; the others are counted.
pub const FINDINGS_MAX: usize = 4096;

/// Most bytes of all findings' texts.
pub const FINDINGS_BYTES_MAX: usize = 2 * 1024 * 1024;

/// One thing in a scanned directory.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Path below the directory, `/` between components; bytes that are no text are replaced.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What stands in a directory. Directories themselves are not listed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A regular file of that many bytes.
    File {
        /// Its size when the directory was read.
        bytes: u64,
    },
    /// A symbolic link. Nobody follows it.
    Link,
    /// A device, a socket or a pipe. Nobody opens it.
    Special,
    /// A name that is no text. Nobody opens it.
    Unnamed,
}

/// What an inspector found in a directory or a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Entries that were looked at.
    pub entries: u64,
    /// Members of archives that were looked at.
    pub members: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes that came out of compressed ones.
    pub expanded_bytes: u64,
    /// Formats that were recognised, and how many of each, members included.
    pub formats: Vec<(String, u64)>,
    /// What was found, in the order of the entries.
    pub findings: Vec<Finding>,
    /// Findings that the list has no room for.
    pub more: u64,
}

impl ScanReport {
    /// Whether a package with these findings is refused.
    pub fn refuses(&self) -> bool {
        self.more > 0 || self.findings.iter().any(Finding::refuses)
    }
}

/// One thing that a check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which check, such as `pickle.import`.
    pub check: String,
    /// The code under which operators know its kind.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// How sure the check is.
    pub confidence: Confidence,
    /// The entry.
    pub path: String,
    /// The member of the entry, and of that one, from the outside in.
    pub members: Vec<String>,
    /// Where in the innermost of them.
    pub offset: Option<u64>,
    /// What was found, in one sentence, lower case, bounded and printable.
    pub what: String,
    /// The bytes that show it, bounded and printable; empty where there is nothing to show.
    pub evidence: String,
}

impl Finding {
    /// Whether this finding alone refuses a package.
    pub fn refuses(&self) -> bool {
        self.severity >= Severity::Medium
    }
}

/// How bad a finding is. From [`Severity::Medium`] on it refuses the package.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Not as it should be; harms nobody by itself.
    Low,
    /// Not known to be harmless.
    Medium,
    /// Harms whoever loads it with usual tools, or hides something.
    High,
    /// Runs code of its author.
    Critical,
}

/// How sure a check is of what it says.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// A guess from a pattern.
    Low,
    /// Likely.
    Medium,
    /// A fact of the bytes.
    High,
}
