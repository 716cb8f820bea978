//! An archive's members, and how to look into them.

use super::check;
use crate::scan::budget::Fault;
use crate::scan::content::Content;
use crate::scan::inflate::{Form, Inflated};
use crate::scan::run::Scan;
use crate::scan::subject::Subject;

/// The members of an archive whose bytes are where the directory says.
#[derive(Debug)]
pub(crate) struct Archive {
    /// In the directory's order.
    pub(crate) members: Vec<Member>,
}

/// A file in an archive.
#[derive(Debug)]
pub(crate) struct Member {
    /// Its path in the archive.
    pub(crate) name: String,
    /// Its bytes, decompressed.
    pub(crate) bytes: u64,
    /// Whether it is deflated; otherwise it is stored.
    pub(crate) deflated: bool,
    pub(super) packed_bytes: u64,
    pub(super) crc: u32,
    pub(super) flags: u16,
    /// Where its local header stands; from `local` on, where its bytes do.
    pub(super) offset: u64,
}

impl Member {
    pub(super) fn has_descriptor(&self) -> bool {
        self.flags & FLAG_DESCRIPTOR != 0
    }

    pub(crate) fn is_directory(&self) -> bool {
        self.name.ends_with('/')
    }
}

impl Archive {
    /// Examines every member that `which` wants as if it were a file.
    pub(crate) fn each(
        &self,
        scan: &mut Scan<'_>,
        subject: &Subject<'_>,
        within: &'static str,
        which: impl Fn(&Member) -> bool,
    ) {
        for member in self.members.iter().filter(|member| !member.is_directory() && which(member)) {
            Self::with(scan, subject, within, member, |scan, inner| {
                scan.inner(inner);
                Ok(())
            });
        }
    }

    /// Checks a member's checksum, then has `look` look at it. What goes wrong is a finding.
    pub(crate) fn with(
        scan: &mut Scan<'_>,
        subject: &Subject<'_>,
        within: &'static str,
        member: &Member,
        look: impl FnOnce(&mut Scan<'_>, &Subject<'_>) -> Result<(), Fault>,
    ) {
        if let Err(fault) = scan.budget().member() {
            return scan.fault(subject, &fault);
        }
        let packed = match subject.content.part(member.offset, member.packed_bytes) {
            Ok(packed) => packed,
            Err(fault) => return scan.fault(subject, &fault),
        };
        let inner = subject.member(&member.name, within, packed);
        let looked = if member.deflated {
            inflated(scan, &inner, member, look)
        } else {
            checksum(packed).and_then(|crc| {
                if crc != member.crc {
                    scan.find(
                        &check::CHECKSUM,
                        &inner,
                        None,
                        "has another checksum than its archive says",
                        &[],
                    );
                }
                look(scan, &inner)
            })
        };
        if let Err(fault) = looked {
            scan.fault(&inner, &fault);
        }
    }
}

fn inflated(
    scan: &mut Scan<'_>,
    packed: &Subject<'_>,
    member: &Member,
    look: impl FnOnce(&mut Scan<'_>, &Subject<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let inflated = Inflated::new(packed.content, Form::Raw);
    let measured = inflated.measure()?;
    let inner = Subject {
        content: Content::new(&inflated, measured.bytes, scan.budget()),
        members: packed.members.clone(),
        ..*packed
    };
    if measured.bytes != member.bytes || measured.packed_bytes != member.packed_bytes {
        let what = format!("inflates to {} bytes, the archive says {}", measured.bytes, member.bytes);
        scan.find(&check::DISAGREEMENT, &inner, None, &what, &[]);
    } else if measured.crc != member.crc {
        scan.find(&check::CHECKSUM, &inner, None, "has another checksum than its archive says", &[]);
    }
    look(scan, &inner)
}

fn checksum(content: Content<'_>) -> Result<u32, Fault> {
    let mut crc = crc32fast::Hasher::new();
    let mut piece =
        vec![0; usize::try_from(content.length()).map_or(PIECE_BYTES, |all| all.min(PIECE_BYTES))];
    let mut at = 0;
    while at < content.length() {
        let length = usize::try_from(content.length() - at).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        let piece = piece.get_mut(..length).unwrap_or_default();
        content.read_at(at, piece)?;
        crc.update(piece);
        at = at.saturating_add(length as u64);
    }
    Ok(crc.finalize())
}

/// Sizes and checksum stand behind the bytes.
pub(super) const FLAG_DESCRIPTOR: u16 = 1 << 3;
const PIECE_BYTES: usize = 128 * 1024;
