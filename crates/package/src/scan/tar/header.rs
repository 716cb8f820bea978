//! A tar header.

use super::super::budget::{Fault, malformed};

/// One header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) kind: Kind,
}

/// What follows a header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    File,
    Directory,
    Link,
    /// The next member's name.
    LongName,
    /// The next member's attributes.
    Attributes,
    Other(u8),
}

impl Header {
    /// Reads a block; nothing when its checksum is not right.
    pub(super) fn parse(block: &[u8]) -> Option<Self> {
        let said = octal(block.get(148..156)?)?;
        let sum = block.iter().enumerate().fold(0_u64, |sum, (at, byte)| {
            sum.saturating_add(u64::from(if (148..156).contains(&at) { b' ' } else { *byte }))
        });
        if said != sum || block.first() == Some(&0) {
            return None;
        }
        let kind = match *block.get(156)? {
            b'0' | 0 | b'7' => Kind::File,
            b'5' => Kind::Directory,
            b'1' | b'2' | b'3' | b'4' | b'6' => Kind::Link,
            b'L' => Kind::LongName,
            b'x' | b'g' => Kind::Attributes,
            other => Kind::Other(other),
        };
        let bytes = if kind == Kind::Directory { 0 } else { number(block.get(124..136)?)? };
        let name = text(block.get(..100)?);
        let prefix =
            if block.get(257..263) == Some(b"ustar\0") { text(block.get(345..500)?) } else { String::new() };
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        Some(Self { name, bytes, kind })
    }
}

/// A name up to its first zero.
pub(super) fn long_name(body: &[u8]) -> String {
    text(body)
}

/// The next member's path, if its attributes have one. Attributes that move its bytes are refused.
pub(super) fn attributes(body: &[u8]) -> Result<Option<String>, Fault> {
    let mut path = None;
    let mut rest = body;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ');
        let digits = space.and_then(|space| std::str::from_utf8(rest.get(..space)?).ok());
        let length = digits.and_then(|digits| digits.parse::<usize>().ok());
        let record = length.zip(space).and_then(|(length, space)| rest.get(space.checked_add(1)?..length));
        let Some((record, length)) = record.and_then(|record| record.strip_suffix(b"\n")).zip(length) else {
            return malformed("has attributes that are broken");
        };
        let Some((key, value)) = std::str::from_utf8(record).ok().and_then(|record| record.split_once('='))
        else {
            return malformed("has attributes that are no text");
        };
        match key {
            "path" => path = Some(value.to_owned()),
            "size" | "linkpath" | "hdrcharset" => {
                return malformed(format!("has the attribute {key}, which is refused"));
            }
            key if key.starts_with("GNU.sparse") => return malformed("is sparse, which is refused"),
            _ => {}
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(path)
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(field.get(..end).unwrap_or_default()).into_owned()
}

/// Octal digits, or a binary number whose first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((0x80, rest)) => {
            rest.iter().try_fold(0_u64, |number, byte| number.checked_mul(256)?.checked_add(u64::from(*byte)))
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}
