//! Text for people.

use super::budget::{Fault, malformed};
use super::check;
use super::examiner::{Examiner, Format, Looks};
use super::pickle;
use super::run::Scan;
use super::subject::Subject;

pub(super) const EXAMINER: Examiner = Examiner {
    checks: &[],
    looks: Looks::Format(Format {
        name: "text",
        extensions: &["txt", "md"],
        recognise: |_| false,
        by_name: true,
        examine,
    }),
};

fn examine(scan: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let mut reader = subject.content.reader();
    let mut left: Vec<u8> = Vec::new();
    while reader.rest() > 0 {
        let length = reader.ahead(PIECE_BYTES)?.len();
        left.extend(reader.take(length)?);
        // A character may go on in the next piece.
        let whole = match std::str::from_utf8(&left) {
            Ok(_) => left.len(),
            Err(error) if error.error_len().is_none() && reader.rest() > 0 => error.valid_up_to(),
            Err(_) => return malformed("is no text"),
        };
        let piece = left.get(..whole).unwrap_or_default();
        if piece.iter().any(|byte| byte.is_ascii_control() && !b"\n\r\t\x0c".contains(byte)) {
            return malformed("is text with control characters");
        }
        left.drain(..whole);
    }
    if let Some(acts) = pickle::acts(subject.content, 0)? {
        let what = format!("is a pickle that {}", acts.what);
        scan.find(&check::MISMATCH, subject, Some(acts.offset), &what, &[]);
    }
    Ok(reader.position())
}

const PIECE_BYTES: usize = 32 * 1024;
