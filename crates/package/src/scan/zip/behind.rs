//! An archive behind something else: tools that look for its end find it, those that look at the
//! beginning do not.

use super::check;
use crate::scan::budget::Fault;
use crate::scan::run::Scan;
use crate::scan::subject::Subject;

/// Looks at the end of a file that does not begin like an archive. In members nobody looks for one.
pub(super) fn look(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<(), Fault> {
    let content = subject.content;
    let Some(at) = content.length().checked_sub(END_BYTES) else { return Ok(()) };
    let end: [u8; 22] = content.array(at)?;
    if !subject.members.is_empty() || !end.starts_with(b"PK\x05\x06") || content.array::<2>(0)? == *b"PK" {
        return Ok(());
    }
    let bytes = end.get(12..16).and_then(|four| four.try_into().ok()).map_or(0, u32::from_le_bytes);
    let Some(directory) = at.checked_sub(u64::from(bytes)) else { return Ok(()) };
    if bytes > 0 && content.array::<4>(directory)? == *b"PK\x01\x02" {
        let what = "has a ZIP archive behind something else";
        scan.find(&check::STRUCTURE, subject, Some(directory), what, &end);
    }
    Ok(())
}

const END_BYTES: u64 = 22;
