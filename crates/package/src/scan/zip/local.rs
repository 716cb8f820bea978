//! The headers before the members' bytes: they must say what the directory says, and leave no gap.

use super::archive::Member;
use super::end::End;
use super::{check, extra};
use crate::scan::budget::Fault;
use crate::scan::content::Content;
use crate::scan::run::Scan;
use crate::scan::subject::Subject;

/// Finds each member's bytes. Gives the members in the directory's order whose bytes are there; what is
/// wrong is reported.
pub(super) fn place(
    scan: &mut Scan<'_>,
    subject: &Subject<'_>,
    end: &End,
    mut members: Vec<Member>,
) -> Vec<Member> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    let offset = |place: &usize| members.get(*place).map_or(0, |member| member.offset);
    order.sort_by_key(offset);
    let mut expected = 0;
    let mut lost = Vec::new();
    for (turn, place) in order.iter().enumerate() {
        let next = order.get(turn.saturating_add(1)).map_or(end.directory, offset_of(&members));
        let Some(member) = members.get_mut(*place) else { continue };
        let inner = subject.member(&member.name, "zip", subject.content);
        if member.offset != expected {
            let kind = if member.offset > expected {
                "bytes before it that belong to nobody"
            } else {
                "bytes of another"
            };
            scan.find(&check::STRUCTURE, &inner, Some(member.offset), &format!("has {kind}"), &[]);
        }
        match header(scan, &inner, member, next) {
            Ok((start, after)) => {
                member.offset = start;
                expected = after;
            }
            Err(fault) => {
                scan.fault(&inner, &fault);
                lost.push(*place);
                expected = next;
            }
        }
    }
    if expected != end.directory {
        let what = "has bytes between its last member and its directory";
        scan.find(&check::STRUCTURE, subject, Some(expected), what, &[]);
    }
    let mut place = 0_usize;
    members.retain(|_| {
        place = place.saturating_add(1);
        !lost.contains(&place.saturating_sub(1))
    });
    members
}

fn offset_of(members: &[Member]) -> impl Fn(&usize) -> u64 {
    |place| members.get(*place).map_or(0, |member| member.offset)
}

/// Compares a member's own header with the directory's, and gives where its bytes start and where it
/// ends. `next` is where what follows begins.
fn header(scan: &mut Scan<'_>, inner: &Subject<'_>, member: &Member, next: u64) -> Result<(u64, u64), Fault> {
    let content = inner.content;
    let at = member.offset;
    let fixed: [u8; 30] = content.array(at)?;
    let short = |at: usize| {
        let two = fixed.get(at..at.saturating_add(2)).and_then(|two| two.try_into().ok());
        two.map_or(0, u16::from_le_bytes)
    };
    let long = |at: usize| {
        let four = fixed.get(at..at.saturating_add(4)).and_then(|four| four.try_into().ok());
        four.map_or(0, u32::from_le_bytes)
    };
    if !fixed.starts_with(b"PK\x03\x04") {
        return Err(Fault::Malformed("has no header where the directory says".into()));
    }
    let name_at = at.saturating_add(30);
    let (name_bytes, extra_bytes) = (usize::from(short(26)), usize::from(short(28)));
    let mut name = vec![0; name_bytes];
    content.read_at(name_at, &mut name)?;
    let extra_at = name_at.saturating_add(name_bytes as u64);
    let mut extra = vec![0; extra_bytes];
    content.read_at(extra_at, &mut extra)?;
    let mut large = extra::read(scan, inner, extra_at, &extra);
    let sizes = [large.size(long(22)), large.size(long(18))];
    let same_sizes = sizes == [Some(member.bytes), Some(member.packed_bytes)] && long(14) == member.crc;
    let left_open = member.has_descriptor() && sizes == [Some(0), Some(0)] && long(14) == 0;
    let method = if member.deflated { 8 } else { 0 };
    // Beside the mark of its name's encoding, which Python's writer gives in one of the two only.
    let same_flags = (short(6) ^ member.flags) & !FLAG_UTF8 == 0;
    let rule = if name != member.name.as_bytes() {
        "has another name in its own header than in the directory"
    } else if !same_flags || short(8) != method {
        "has other flags or another method in its own header than in the directory"
    } else if !same_sizes && !left_open {
        "has another size or checksum in its own header than in the directory"
    } else {
        ""
    };
    if !rule.is_empty() {
        scan.find(&check::DISAGREEMENT, inner, Some(at), rule, &name);
    }
    let start = extra_at.saturating_add(extra_bytes as u64);
    let data_end = start.saturating_add(member.packed_bytes);
    content.part(start, member.packed_bytes)?;
    if !member.has_descriptor() {
        return Ok((start, data_end));
    }
    if let Some(after) = descriptor(content, data_end, member, next)? {
        return Ok((start, after));
    }
    let what = "has other sizes or another checksum behind its bytes than in the directory";
    scan.find(&check::DISAGREEMENT, inner, Some(data_end), what, &[]);
    Ok((start, next))
}

/// Where the record of sizes behind a member's bytes ends, if it is there and right. Its four forms can
/// only be told apart by what they say and by what follows.
fn descriptor(content: Content<'_>, at: u64, member: &Member, next: u64) -> Result<Option<u64>, Fault> {
    let length = usize::try_from(next.saturating_sub(at)).unwrap_or(usize::MAX);
    let mut right: Vec<u8> = Vec::with_capacity(24);
    let signed = matches!(length, 16 | 24);
    if signed {
        right.extend_from_slice(b"PK\x07\x08");
    }
    right.extend_from_slice(&member.crc.to_le_bytes());
    for size in [member.packed_bytes, member.bytes] {
        match (length, u32::try_from(size)) {
            (20 | 24, _) => right.extend_from_slice(&size.to_le_bytes()),
            (12 | 16, Ok(size)) => right.extend_from_slice(&size.to_le_bytes()),
            _ => return Ok(None),
        }
    }
    let mut found = vec![0; right.len()];
    content.read_at(at, &mut found)?;
    Ok((found == right).then(|| at.saturating_add(right.len() as u64)))
}

const FLAG_UTF8: u16 = 1 << 11;
