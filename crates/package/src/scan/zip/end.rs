//! Where an archive's directory is, by the records at its end.

use super::check;
use crate::scan::budget::{Fault, malformed};
use crate::scan::content::Content;
use crate::scan::run::Scan;
use crate::scan::subject::Subject;

/// Where the directory is.
#[derive(Debug)]
pub(super) struct End {
    pub(super) directory: u64,
    pub(super) directory_bytes: u64,
    pub(super) members: u64,
    /// Where the archive ends.
    pub(super) after: u64,
}

/// Finds the end record as most tools do, the last that is one, and checks all that it says.
pub(super) fn find(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<End, Fault> {
    let content = subject.content;
    let length = usize::try_from(content.length()).map_or(SEARCH_BYTES, |all| all.min(SEARCH_BYTES));
    let tail_at = content.length().saturating_sub(length as u64);
    let mut tail = vec![0; length];
    content.read_at(tail_at, &mut tail)?;
    let is_end = |at: &usize| {
        let comment = short(&tail, at.saturating_add(20)).map(usize::from);
        comment.is_some_and(|comment| at.saturating_add(22).saturating_add(comment) <= tail.len())
    };
    let mut ends = positions(&tail, END).filter(is_end);
    let Some(last) = ends.next_back() else { return malformed("is a ZIP archive without an end") };
    if ends.next_back().is_some() {
        scan.find(&check::STRUCTURE, subject, Some(tail_at), "has more than one end record", &[]);
    }
    let at = tail_at.saturating_add(last as u64);
    let record = tail.get(last..).unwrap_or_default();
    let comment = u64::from(short(record, 20).unwrap_or(0));
    if comment > 0 {
        let text = record.get(22..).unwrap_or_default();
        scan.find(&check::COMMENT, subject, Some(at.saturating_add(22)), "has a comment", text);
    }
    let small = Small::read(record)?;
    let after = at.saturating_add(22).saturating_add(comment);
    let (end, directory_end) = match large(content, at)? {
        None => {
            let members = u64::from(small.members);
            let (directory, bytes) = (u64::from(small.directory), u64::from(small.directory_bytes));
            (End { directory, directory_bytes: bytes, members, after }, at)
        }
        Some((end, at)) => {
            if !small.agrees(&end) {
                let what = "has two end records that disagree";
                scan.find(&check::DISAGREEMENT, subject, Some(at), what, &[]);
            }
            (End { after, ..end }, at)
        }
    };
    if end.directory.checked_add(end.directory_bytes) != Some(directory_end) {
        let what = "has bytes before its beginning, or between its directory and its end";
        scan.find(&check::STRUCTURE, subject, Some(end.directory), what, &[]);
    }
    Ok(end)
}

/// The end record that every archive has.
struct Small {
    members: u16,
    directory_bytes: u32,
    directory: u32,
}

impl Small {
    fn read(record: &[u8]) -> Result<Self, Fault> {
        let [disk, directory_disk, here, members] = [4, 6, 8, 10].map(|at| short(record, at).unwrap_or(0));
        let single = |disk: u16| disk == 0 || disk == u16::MAX;
        if !single(disk) || !single(directory_disk) || here != members {
            return malformed("is a part of an archive that goes over several files");
        }
        let long = |at: usize| record.get(at..at.saturating_add(4)).and_then(|four| four.try_into().ok());
        let [bytes, directory] = [12, 16].map(|at| long(at).map_or(0, u32::from_le_bytes));
        Ok(Self { members, directory_bytes: bytes, directory })
    }

    fn agrees(&self, end: &End) -> bool {
        let fits = |small: u64, most: u64, large: u64| small == large || (small == most && large >= most);
        // Writers of large archives may leave every field to the large record.
        fits(self.members.into(), u16::MAX.into(), end.members)
            && (self.directory_bytes == u32::MAX || u64::from(self.directory_bytes) == end.directory_bytes)
            && (self.directory == u32::MAX || u64::from(self.directory) == end.directory)
            || (self.members == u16::MAX && self.directory == u32::MAX)
    }
}

/// The end record of large archives and where it stands, if the small one at `at` has one before it.
fn large(content: Content<'_>, at: u64) -> Result<Option<(End, u64)>, Fault> {
    let Some(locator_at) = at.checked_sub(20) else { return Ok(None) };
    let locator: [u8; 20] = content.array(locator_at)?;
    if !locator.starts_with(LOCATOR) {
        return Ok(None);
    }
    let long = |bytes: &[u8], at: usize| {
        let eight = bytes.get(at..at.saturating_add(8)).and_then(|eight| eight.try_into().ok());
        eight.map_or(0, u64::from_le_bytes)
    };
    let record_at = long(&locator, 8);
    let Ok(record) = content.array::<56>(record_at) else {
        return malformed("has an end that points nowhere");
    };
    let ends_at = record_at.saturating_add(12).saturating_add(long(&record, 4));
    if !record.starts_with(LARGE_END) || ends_at != locator_at || long(&record, 4) != 44 {
        return malformed("has an end record for large archives that is broken");
    }
    if long(&record, 24) != long(&record, 32) || record.get(16..24) != Some(&[0; 8]) {
        return malformed("is a part of an archive that goes over several files");
    }
    let end = End {
        directory: long(&record, 48),
        directory_bytes: long(&record, 40),
        members: long(&record, 32),
        after: 0,
    };
    Ok(Some((end, record_at)))
}

fn positions<'t>(tail: &'t [u8], signature: &'t [u8]) -> impl DoubleEndedIterator<Item = usize> + 't {
    tail.windows(signature.len())
        .enumerate()
        .filter(move |(_, window)| *window == signature)
        .map(|(at, _)| at)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    two.try_into().ok().map(u16::from_le_bytes)
}

const END: &[u8] = b"PK\x05\x06";
const LOCATOR: &[u8] = b"PK\x06\x07";
const LARGE_END: &[u8] = b"PK\x06\x06";
/// The end record and the longest comment.
const SEARCH_BYTES: usize = 22 + 65_535;
