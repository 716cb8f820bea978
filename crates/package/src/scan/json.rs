//! JSON: bounded, unambiguous, and nothing else in the file.

use super::budget::{Fault, malformed};
use super::examiner::{Examiner, Format, Looks};
use super::run::Scan;
use super::subject::Subject;
use crate::json::{self, Limits};

pub(super) const EXAMINER: Examiner = Examiner {
    checks: &[],
    looks: Looks::Format(Format {
        name: "json",
        extensions: &["json"],
        recognise: |_| false,
        by_name: true,
        examine,
    }),
};

fn examine(_: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let text = subject.content.whole(LIMITS.bytes_max)?;
    match json::check(&text, &LIMITS) {
        Ok(()) => Ok(subject.content.length()),
        Err(error) => malformed(format!("is no JSON that everybody reads alike: {error}")),
    }
}

/// The largest are tokenizers.
const LIMITS: Limits = Limits { bytes_max: 40 << 20, depth_max: 64, values_max: 4_000_000 };
