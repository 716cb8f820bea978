//! The directory at an archive's end.

use std::collections::BTreeSet;

use super::archive::{FLAG_DESCRIPTOR, Member};
use super::end::End;
use super::{check, extra};
use crate::scan::budget::{Fault, malformed};
use crate::scan::content::Reader;
use crate::scan::run::Scan;
use crate::scan::subject::Subject;

/// Reads the directory. Members that can be read all the same are given with what is wrong about them
/// reported.
pub(super) fn read(scan: &mut Scan<'_>, subject: &Subject<'_>, end: &End) -> Result<Vec<Member>, Fault> {
    let directory = subject.content.part(end.directory, end.directory_bytes)?;
    let mut reader = directory.reader();
    let mut members: Vec<Member> = Vec::new();
    let mut names = BTreeSet::new();
    while reader.rest() > 0 {
        scan.budget().worked(0)?;
        if members.len() as u64 >= scan.budget().ceilings().members_max {
            return Err(Fault::Ceiling("members"));
        }
        let at = end.directory.saturating_add(reader.position());
        let Some(member) = header(scan, subject, at, &mut reader)? else { continue };
        // Some file systems, and some tools, make one of names that differ in case only.
        if !names.insert(member.name.to_lowercase()) {
            let what = "has a name that another member has too";
            scan.find(
                &check::DUPLICATE,
                &subject.member(&member.name, "zip", directory),
                Some(at),
                what,
                &[],
            );
        }
        members.push(member);
    }
    if reader.position() == 0 && end.members == 0 {
        return Ok(members);
    }
    if members.len() as u64 != end.members && end.members != u64::from(u16::MAX) {
        let what = format!("has {} members that can be read, its end says {}", members.len(), end.members);
        scan.find(&check::DISAGREEMENT, subject, Some(end.directory), &what, &[]);
    }
    Ok(members)
}

/// Reads one header of the directory; gives nothing for a member that cannot be read.
fn header(
    scan: &mut Scan<'_>,
    subject: &Subject<'_>,
    at: u64,
    reader: &mut Reader<'_>,
) -> Result<Option<Member>, Fault> {
    let fixed: [u8; 46] = reader.array()?;
    if !fixed.starts_with(b"PK\x01\x02") {
        return malformed("has a directory that is broken");
    }
    let short = |at: usize| fixed.get(at..at.saturating_add(2)).map_or(0, little);
    let long = |at: usize| fixed.get(at..at.saturating_add(4)).map_or(0, little);
    let name = reader.take(usize::from(u16::try_from(short(28)).unwrap_or(0)))?;
    let extra = reader.take(usize::try_from(short(30)).unwrap_or(0))?;
    let comment = reader.take(usize::try_from(short(32)).unwrap_or(0))?;
    let shown = String::from_utf8_lossy(&name).into_owned();
    let inner = subject.member(&shown, "zip", reader.content());
    let mut large = extra::read(scan, &inner, at, &extra);
    if !comment.is_empty() {
        scan.find(&check::COMMENT, &inner, Some(at), "has a comment", &comment);
    }
    if let Some(rule) = wrong_name(&name) {
        scan.find(&check::NAME, &inner, Some(at), rule, &name);
    }
    let mode = long(38) >> 28;
    // Of the kinds of file that Unix knows: none said, a regular file, a directory.
    if !matches!(mode, 0 | 0o10 | 0o4) {
        scan.find(&check::LINK, &inner, Some(at), "is a link or a device", &[]);
    }
    let flags = u16::try_from(short(8)).unwrap_or(u16::MAX);
    if flags & FLAGS_ENCRYPTED != 0 {
        scan.find(&check::ENCRYPTED, &inner, Some(at), "is marked as encrypted", &[]);
    } else if flags & !FLAGS_KNOWN != 0 {
        let what = format!("has flags {flags:#06x}, of which some are not read here");
        scan.find(&check::METHOD, &inner, Some(at), &what, &[]);
    }
    let method = short(10);
    if !matches!(method, STORED | DEFLATED) {
        let what = format!("is compressed with method {method}, which is not read here");
        scan.find(&check::METHOD, &inner, Some(at), &what, &[]);
        return Ok(None);
    }
    let sizes = (large.size(long(24)), large.size(long(20)), large.size(long(42)));
    let (Some(bytes), Some(packed_bytes), Some(offset)) = sizes else {
        scan.find(&check::EXTRA, &inner, Some(at), "has no room for its sizes", &extra);
        return Ok(None);
    };
    if short(34) != 0 || (method == STORED && bytes != packed_bytes) || (shown.ends_with('/') && bytes != 0) {
        let what = "has sizes that contradict each other, or is said to be in another file";
        scan.find(&check::DISAGREEMENT, &inner, Some(at), what, &[]);
        return Ok(None);
    }
    let deflated = method == DEFLATED;
    Ok(Some(Member { name: shown, bytes, deflated, packed_bytes, crc: long(16), flags, offset }))
}

/// What is wrong about a member's name.
pub(crate) fn wrong_name(name: &[u8]) -> Option<&'static str> {
    let Ok(text) = std::str::from_utf8(name) else { return Some("has a name that is no text") };
    let path = text.strip_suffix('/').unwrap_or(text);
    let drive = path.get(1..2) == Some(":");
    if path.is_empty() || path.starts_with('/') || drive {
        return Some("has a name that is empty or absolute");
    }
    if path.contains('\\') || path.chars().any(|c| c.is_control() || hides(c)) {
        return Some("has a name with a backslash, or a character that does not show");
    }
    if path.split('/').any(|component| matches!(component, "" | "." | "..")) {
        return Some("has a name that leads out of its directory");
    }
    None
}

/// Characters that show nothing, or change the direction of what is around them.
fn hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn little(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |value, byte| (value << 8) | u32::from(*byte))
}

const STORED: u32 = 0;
const DEFLATED: u32 = 8;
const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// How well it was compressed, sizes behind the bytes, and a name in UTF-8.
const FLAGS_KNOWN: u16 = 1 << 1 | 1 << 2 | FLAG_DESCRIPTOR | 1 << 11;
