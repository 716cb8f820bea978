//! A check: what it looks for, how bad that is, and what to do about it. And the frame's own checks.

use proto::Code;
use proto::link::scan::{Confidence, Severity};

/// One thing to look for.
#[derive(Debug, Eq, PartialEq)]
pub struct Check {
    /// Its name for ever, such as `pickle.import`.
    pub id: &'static str,
    /// The code under which operators know its kind.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// How sure the check is.
    pub confidence: Confidence,
    /// What it means, in one or two sentences.
    pub explanation: &'static str,
    /// What the operator or the publisher can do.
    pub fix: &'static str,
}

/// The frame's own checks: what stands between the examiners.
pub(super) const FRAME: &[&Check] = &[
    &UNKNOWN,
    &MISMATCH,
    &MALFORMED,
    &UNSUPPORTED,
    &TRAILING,
    &CEILING,
    &UNREADABLE,
    &LINK,
    &SPECIAL,
    &NAME,
];

pub(super) const UNKNOWN: Check = Check {
    id: "kind.unknown",
    code: Code::ContentUnsafe,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "Neither its name nor its bytes say what the file is. What is not known to be harmless is refused.",
    fix: "remove the file, or publish it in a format that is supported",
};

pub(super) const MISMATCH: Check = Check {
    id: "kind.mismatch",
    code: Code::ContentUnsafe,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "The file's bytes are of another format than its name says. Tools that go by the one or by the other see different files.",
    fix: "give the file the name of what it is, and ask its publisher why it had another",
};

pub(super) const MALFORMED: Check = Check {
    id: "format.malformed",
    code: Code::FormatInvalid,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "The file breaks the rules of its format. Parsers differ in what they make of such files, and some run code before they notice.",
    fix: "fetch the file again; if it stays so, refuse it",
};

pub(super) const UNSUPPORTED: Check = Check {
    id: "format.unsupported",
    code: Code::FormatUnsupported,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "The file uses a part of its format that the scan does not read. What was not examined is refused.",
    fix: "store it uncompressed, or in a plainer variant of its format",
};

pub(super) const TRAILING: Check = Check {
    id: "format.trailing",
    code: Code::ContentUnsafe,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "Bytes follow after the format's end, which its readers never look at and others may.",
    fix: "cut the file at its end, and ask its publisher what they are for",
};

pub(super) const CEILING: Check = Check {
    id: "scan.ceiling",
    code: Code::ScanCeiling,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "Examining the file to its end would have passed a ceiling on time, depth, size or number. What was not examined is refused.",
    fix: "store it uncompressed or split it; the scan's guide lists the ceilings",
};

pub(super) const UNREADABLE: Check = Check {
    id: "scan.failed",
    code: Code::ScanFailed,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "The file could not be read to its end. What was not examined is refused.",
    fix: "make sure that nothing writes to it, and scan again",
};

pub(super) const LINK: Check = Check {
    id: "entry.link",
    code: Code::FileNotRegular,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "A symbolic link stands for a file that may be another one tomorrow. Nobody followed it.",
    fix: "copy the file to where the link is",
};

pub(super) const SPECIAL: Check = Check {
    id: "entry.special",
    code: Code::FileNotRegular,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "A device, a socket or a pipe has no place in a package.",
    fix: "remove it",
};

pub(super) const NAME: Check = Check {
    id: "entry.name",
    code: Code::PathInvalid,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "The name is no text, or absolute, or leads out of its directory: tools differ in what they make of it.",
    fix: "rename it",
};
