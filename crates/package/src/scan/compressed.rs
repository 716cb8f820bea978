//! Files compressed as a whole: gzip and zlib are opened, the others are named.

use proto::Code;
use proto::link::scan::{Confidence, Severity};

use super::budget::{Fault, malformed};
use super::check::Check;
use super::content::Content;
use super::examiner::{Examiner, Format, Looks};
use super::inflate::{Form, Inflated};
use super::run::Scan;
use super::subject::Subject;

pub(super) const GZIP: Examiner = Examiner {
    checks: &[&CHECKSUM],
    looks: Looks::Format(Format {
        name: "gzip",
        extensions: &["gz", "tgz", "joblib", "pkl", "pickle", "z", "gzip"],
        recognise: |head| head.bytes.starts_with(b"\x1f\x8b"),
        by_name: false,
        examine: gzip,
    }),
};

pub(super) const ZLIB: Examiner = Examiner {
    checks: &[],
    looks: Looks::Format(Format {
        name: "zlib",
        extensions: &["z", "zlib", "joblib", "pkl", "pickle", "gz"],
        recognise: |head| matches!(head.bytes, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..]),
        by_name: false,
        examine: zlib,
    }),
};

const CHECKSUM: Check = Check {
    id: "gzip.checksum",
    code: Code::FormatInvalid,
    severity: Severity::High,
    confidence: Confidence::High,
    explanation: "What comes out of a gzip file is not what its checksum or its size was made of.",
    fix: "fetch the file again; if it stays so, refuse it",
};

/// One member after another, as `gzip` itself reads them.
fn gzip(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let content = subject.content;
    let start = gzip_header(content)?;
    let packed = content.part(start, content.length().saturating_sub(start))?;
    let inflated = Inflated::new(packed, Form::Raw);
    let measured = inflated.measure()?;
    let end = start.saturating_add(measured.packed_bytes);
    let crc = u32::from_le_bytes(content.array(end)?);
    let size = u32::from_le_bytes(content.array(end.saturating_add(4))?);
    if crc != measured.crc || u64::from(size) != measured.bytes & u64::from(u32::MAX) {
        scan.find(&CHECKSUM, subject, Some(end), "has another checksum or size than it says", &[]);
    }
    inner(scan, subject, "gzip", &inflated, measured.bytes);
    Ok(end.saturating_add(8))
}

/// Where the compressed bytes start.
fn gzip_header(content: Content<'_>) -> Result<u64, Fault> {
    let mut reader = content.reader();
    let [_, _, method, flags, ..]: [u8; 10] = reader.array()?;
    if method != 8 || flags & 0xe0 != 0 {
        return malformed("is gzip with a method or flags that there are not");
    }
    if flags & 4 != 0 {
        let length = u16::from_le_bytes(reader.array()?);
        reader.skip(u64::from(length))?;
    }
    for flag in [8, 16] {
        let mut left = if flags & flag == 0 { 0 } else { NAME_BYTES_MAX };
        while left > 0 {
            left = match reader.byte()? {
                0 => 0,
                _ if left == 1 => return malformed("is gzip with a name or a comment that is too long"),
                _ => left.saturating_sub(1),
            };
        }
    }
    if flags & 2 != 0 {
        reader.skip(2)?;
    }
    Ok(reader.position())
}

fn zlib(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let inflated = Inflated::new(subject.content, Form::Zlib);
    let measured = inflated.measure()?;
    inner(scan, subject, "zlib", &inflated, measured.bytes);
    Ok(measured.packed_bytes)
}

/// Examines what came out, under the name without the extension that says how it was compressed.
fn inner(
    scan: &mut Scan<'_>,
    subject: &Subject<'_>,
    within: &'static str,
    inflated: &Inflated<'_>,
    bytes: u64,
) {
    let name = subject.name();
    let name = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.eq_ignore_ascii_case("tgz") => format!("{stem}.tar"),
        Some((stem, extension))
            if ["gz", "z", "zlib", "gzip"].contains(&extension.to_ascii_lowercase().as_str()) =>
        {
            stem.to_owned()
        }
        _ => name.to_owned(),
    };
    let content = Content::new(inflated, bytes, scan.budget());
    scan.member(&subject.member(&name, within, content));
}

const NAME_BYTES_MAX: u32 = 1024;
