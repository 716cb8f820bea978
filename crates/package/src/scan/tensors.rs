//! Formats that hold nothing but tensors: safetensors and GGUF, by the readers that also load them.

use super::budget::{Fault, malformed};
use super::examiner::{Examiner, Format, Looks};
use super::run::Scan;
use super::subject::Subject;
use crate::gguf::{self, GgufError, GgufIndex};
use crate::safetensors::{self, SafetensorsIndex};

pub(super) const SAFETENSORS: Examiner = Examiner {
    checks: &[],
    looks: Looks::Format(Format {
        name: "safetensors",
        extensions: &["safetensors"],
        recognise: |head| match head.bytes.split_first_chunk::<8>() {
            Some((length, [b'{', ..])) => u64::from_le_bytes(*length) <= head.length,
            _ => false,
        },
        by_name: false,
        examine: examine_safetensors,
    }),
};

pub(super) const GGUF: Examiner = Examiner {
    checks: &[],
    looks: Looks::Format(Format {
        name: "gguf",
        extensions: &["gguf"],
        recognise: |head| head.bytes.starts_with(b"GGUF"),
        by_name: false,
        examine: examine_gguf,
    }),
};

fn examine_safetensors(_: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let content = subject.content;
    let wrong = |error: safetensors::SafetensorsError| Fault::Malformed(error.to_string().into());
    let end = safetensors::header_end(&content.array::<8>(0)?).map_err(wrong)?;
    let beginning = content.part(0, end as u64)?.whole(end)?;
    SafetensorsIndex::parse_header(&beginning, content.length()).map_err(wrong)?;
    Ok(content.length())
}

fn examine_gguf(_: &mut Scan<'_>, subject: &Subject<'_>) -> Result<u64, Fault> {
    let content = subject.content;
    let wrong = |error: GgufError| Fault::Malformed(error.to_string().into());
    let mut length = FIRST_BYTES;
    let beginning = loop {
        let beginning = content.beginning(length)?;
        let cut = matches!(GgufIndex::parse_header(&beginning, content.length()), Err(GgufError::Truncated));
        if !cut || beginning.len() < length || length > gguf::HEADER_BYTES_MAX {
            break beginning;
        }
        length = length.saturating_mul(4);
    };
    let (_, gaps) = GgufIndex::parse_header(&beginning, content.length()).map_err(wrong)?;
    for gap in gaps {
        let mut padding = vec![0; gap.len()];
        content.read_at(gap.start as u64, &mut padding)?;
        if gguf::padding_is_zero(&padding).is_err() {
            return malformed(format!("has padding that hides something, at {}", gap.start));
        }
    }
    Ok(content.length())
}

const FIRST_BYTES: usize = 1024 * 1024;
