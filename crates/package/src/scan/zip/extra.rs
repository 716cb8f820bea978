//! Extra fields: what tools add to a member's header.

use super::check;
use crate::scan::run::Scan;
use crate::scan::subject::Subject;

/// The large sizes in a header's extra fields, in the order in which the small ones had no room.
#[derive(Debug, Default)]
pub(super) struct Large {
    values: Vec<u64>,
    taken: usize,
}

impl Large {
    /// The size that `small` stands for.
    pub(super) fn size(&mut self, small: u32) -> Option<u64> {
        if small != u32::MAX {
            return Some(u64::from(small));
        }
        let value = self.values.get(self.taken).copied();
        self.taken = self.taken.saturating_add(1);
        // Without the field it is what it says.
        if self.values.is_empty() { Some(u64::from(small)) } else { value }
    }
}

/// Reads a header's extra fields, and reports those that are not known to be harmless.
pub(super) fn read(scan: &mut Scan<'_>, subject: &Subject<'_>, at: u64, extra: &[u8]) -> Large {
    let mut large = Large::default();
    let mut rest = extra;
    let mut seen: Vec<u16> = Vec::new();
    while !rest.is_empty() {
        let Some(([id_low, id_high, length_low, length_high], behind)) = rest.split_first_chunk::<4>() else {
            // Aligning tools leave up to three zeros.
            if rest.iter().any(|byte| *byte != 0) {
                scan.find(&check::EXTRA, subject, Some(at), "has an extra field that is cut off", rest);
            }
            return large;
        };
        let id = u16::from_le_bytes([*id_low, *id_high]);
        let length = usize::from(u16::from_le_bytes([*length_low, *length_high]));
        let (Some(field), Some(behind)) = (behind.get(..length), behind.get(length..)) else {
            scan.find(&check::EXTRA, subject, Some(at), "has an extra field that is cut off", rest);
            return large;
        };
        if seen.contains(&id) {
            scan.find(&check::EXTRA, subject, Some(at), "has the same extra field twice", rest);
            return large;
        }
        seen.push(id);
        if id == LARGE_SIZES {
            let eight = |eight: &[u8]| eight.try_into().ok().map(u64::from_le_bytes);
            large.values = field.chunks_exact(8).filter_map(eight).collect();
        } else if !HARMLESS.contains(&id) {
            let what = format!("has an extra field of kind {id:#06x}, which is not known to be harmless");
            scan.find(&check::EXTRA, subject, Some(at), &what, field);
        } else if id == PADDING && field.iter().any(|byte| !matches!(byte, 0 | b'Z')) {
            scan.find(&check::EXTRA, subject, Some(at), "has padding that hides something", field);
        }
        rest = behind;
    }
    large
}

const LARGE_SIZES: u16 = 0x0001;
/// What `PyTorch` aligns tensors with.
const PADDING: u16 = 0x4246;
/// Times and owners, which nothing that loads a model looks at, and padding.
const HARMLESS: [u16; 6] = [PADDING, 0x5455, 0x7875, 0x5855, 0x000a, 0xd935];
