//! What is wrong with archives.

use proto::Code;
use proto::link::scan::{Confidence, Severity};

use crate::scan::check::Check;

pub(super) const ALL: &[&Check] =
    &[&STRUCTURE, &DISAGREEMENT, &DUPLICATE, &NAME, &LINK, &ENCRYPTED, &METHOD, &CHECKSUM, &COMMENT, &EXTRA];

const fn check(
    id: &'static str,
    code: Code,
    severity: Severity,
    explanation: &'static str,
    fix: &'static str,
) -> Check {
    Check { id, code, severity, confidence: Confidence::High, explanation, fix }
}

pub(super) const STRUCTURE: Check = check(
    "zip.structure",
    Code::ContentUnsafe,
    Severity::High,
    "Bytes of the archive belong to no member, or to two. What readers do not agree on can hide a member from a scanner.",
    "pack the archive anew with an ordinary tool",
);

pub(super) const DISAGREEMENT: Check = check(
    "zip.disagreement",
    Code::ContentUnsafe,
    Severity::High,
    "The archive's directory and the header before a member's bytes say different things. Tools that go by the one or by the other see different files.",
    "pack the archive anew with an ordinary tool",
);

pub(super) const DUPLICATE: Check = check(
    "zip.duplicate",
    Code::ContentUnsafe,
    Severity::High,
    "Two members have the same name. Some tools take the first, others the last.",
    "pack the archive anew with one member of each name",
);

pub(super) const NAME: Check = check(
    "zip.name",
    Code::PathInvalid,
    Severity::High,
    "A member's name leads out of the directory it is unpacked to, or means different things to different tools.",
    "refuse the archive",
);

pub(super) const LINK: Check = check(
    "zip.link",
    Code::FileNotRegular,
    Severity::High,
    "A member is a symbolic link or a device, through which unpacking can write or read elsewhere.",
    "refuse the archive",
);

pub(super) const ENCRYPTED: Check = check(
    "zip.encrypted",
    Code::FormatUnsupported,
    Severity::High,
    "A member is marked as encrypted. Some loaders ignore the mark and read it all the same, which hides it from scanners that do not.",
    "publish it unencrypted",
);

pub(super) const METHOD: Check = check(
    "zip.method",
    Code::FormatUnsupported,
    Severity::High,
    "A member is compressed in another way than deflate, or uses a feature that is not read here. What was not examined is refused.",
    "pack the archive stored or deflated",
);

pub(super) const CHECKSUM: Check = check(
    "zip.checksum",
    Code::FormatInvalid,
    Severity::High,
    "A member's bytes are not those its checksum was made of. Strict tools stop there and lenient loaders go on.",
    "fetch the file again; if it stays so, refuse it",
);

pub(super) const COMMENT: Check = check(
    "zip.comment",
    Code::ContentUnsafe,
    Severity::Medium,
    "The archive has a comment, where a second directory or other content can hide.",
    "pack the archive anew without a comment",
);

pub(super) const EXTRA: Check = check(
    "zip.extra",
    Code::ContentUnsafe,
    Severity::Medium,
    "A member has an extra field that is malformed, or that some tools obey and others do not, such as a second name.",
    "pack the archive anew with an ordinary tool",
);
