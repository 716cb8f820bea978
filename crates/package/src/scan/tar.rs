//! Tar: one header after another, nothing between and nothing behind.

mod header;

use std::collections::BTreeSet;

use proto::Code;
use proto::link::scan::{Confidence, Severity};

use super::budget::{Fault, malformed, unsupported};
use super::check::Check;
use super::examiner::{Examiner, Format, Looks};
use super::pickle;
use super::run::Scan;
use super::subject::Subject;
use super::zip;
use header::{Header, Kind};

pub(super) const EXAMINER: Examiner = Examiner {
    checks: &[&NAME, &LINK, &DUPLICATE],
    looks: Looks::Format(Format {
        name: "tar",
        extensions: &["tar", "nemo", "pt", "pth", "bin", "ckpt"],
        recognise: |head| Header::parse(head.bytes.get(..BLOCK).unwrap_or_default()).is_some(),
        by_name: false,
        examine,
    }),
};

const NAME: Check = Check {
    id: "tar.name",
    code: Code::PathInvalid,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "A member's name leads out of the directory it is unpacked to, or means different things to different tools.",
    fix: "refuse the archive",
};

const LINK: Check = Check {
    id: "tar.link",
    code: Code::FileNotRegular,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "A member is a link or a device, through which unpacking can write or read elsewhere.",
    fix: "refuse the archive",
};

const DUPLICATE: Check = Check {
    id: "tar.duplicate",
    code: Code::ContentUnsafe,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "Two members have the same name. Some tools take the first, others the last.",
    fix: "pack the archive anew with one member of each name",
};

fn examine(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let content = subject.content;
    let legacy = is_legacy(subject)?;
    let mut names = BTreeSet::new();
    let (mut at, mut long_name) = (0, None);
    loop {
        let block: [u8; BLOCK] = content.array(at)?;
        if block == [0; BLOCK] {
            return end(subject, at);
        }
        scan.budget().worked(BLOCK as u64)?;
        let Some(header) = Header::parse(&block) else {
            return malformed(format!("has a broken header at {at}"));
        };
        let start = at.saturating_add(BLOCK as u64);
        let body = content.part(start, header.bytes)?;
        let name = match header.kind {
            Kind::LongName => {
                long_name = Some(header::long_name(&body.whole(NAME_BYTES_MAX)?));
                String::new()
            }
            Kind::Attributes => {
                if let Some(path) = header::attributes(&body.whole(ATTRIBUTES_BYTES_MAX)?)? {
                    long_name = Some(path);
                }
                String::new()
            }
            _ => long_name.take().unwrap_or_else(|| header.name.clone()),
        };
        let inner = subject.member(&name, "tar", body);
        match header.kind {
            Kind::LongName | Kind::Attributes => {}
            Kind::Link => scan.find(&LINK, &inner, Some(at), "is a link or a device", &block),
            Kind::Other(kind) => {
                return unsupported(format!("has a member of kind {kind:#04x}, which is not read here"));
            }
            Kind::Directory => check_name(scan, &inner, at, &name),
            Kind::File => {
                check_name(scan, &inner, at, &name);
                if !names.insert(name.to_lowercase()) || names.len() > NAMES_MAX {
                    scan.find(&DUPLICATE, &inner, Some(at), "has a name that another member has too", &[]);
                }
                match name.trim_start_matches("./") {
                    "pickle" | "sys_info" | "tensors" | "storages" if legacy => {
                        pickle::legacy_member(scan, &inner);
                    }
                    _ => scan.member(&inner),
                }
            }
        }
        at = start.saturating_add(header.bytes.div_ceil(BLOCK as u64).saturating_mul(BLOCK as u64));
        padding(subject, start.saturating_add(header.bytes), at)?;
    }
}

fn check_name(scan: &mut Scan<'_>, inner: &Subject<'_>, at: u64, name: &str) {
    // `tar` itself writes names from the current directory on.
    let name = name.strip_prefix("./").unwrap_or(name);
    if !name.is_empty()
        && let Some(rule) = zip::wrong_name(name.as_bytes())
    {
        scan.find(&NAME, inner, Some(at), rule, name.as_bytes());
    }
}

/// Whether it is what the first PyTorch wrote.
fn is_legacy(subject: &Subject<'_>) -> Result<bool, Fault> {
    let first: [u8; BLOCK] = subject.content.array(0)?;
    Ok(Header::parse(&first).is_some_and(|header| {
        matches!(header.name.trim_start_matches("./"), "pickle" | "sys_info" | "tensors" | "storages")
    }))
}

/// After two blocks of zeros there are only zeros, up to a full record.
fn end(subject: &Subject<'_>, at: u64) -> Result<u64, Fault> {
    let length = subject.content.length();
    let record = at.saturating_add(2 * BLOCK as u64).div_ceil(RECORD_BYTES).saturating_mul(RECORD_BYTES);
    let end = record.min(length);
    if end < at.saturating_add(2 * BLOCK as u64) {
        return malformed("ends without two empty blocks");
    }
    // Bytes before the record's end that are no zeros are for the caller to report as trailing.
    Ok(match padding(subject, at, end) {
        Ok(()) => end,
        Err(Fault::Malformed(_)) => at.saturating_add(2 * BLOCK as u64),
        Err(fault) => return Err(fault),
    })
}

fn padding(subject: &Subject<'_>, from: u64, to: u64) -> Result<(), Fault> {
    let mut padding = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX)];
    subject.content.read_at(from, &mut padding)?;
    if padding.iter().all(|byte| *byte == 0) {
        Ok(())
    } else {
        malformed(format!("has padding that hides something, at {from}"))
    }
}

const BLOCK: usize = 512;
const RECORD_BYTES: u64 = 10_240;
const NAME_BYTES_MAX: usize = 4096;
const ATTRIBUTES_BYTES_MAX: usize = 64 * 1024;
const NAMES_MAX: usize = 100_000;
