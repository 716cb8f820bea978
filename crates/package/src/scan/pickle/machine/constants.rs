//! Opcodes with an argument: numbers, texts, bytes, and places of the memo.

use super::super::opcode;
use super::super::value::Value;
use super::super::{acts, check};
use super::Machine;
use crate::scan::budget::{Fault, malformed};
use crate::scan::content::Content;

impl Machine<'_, '_> {
    /// Opcodes with an argument of a fixed length.
    pub(super) fn fixed(&mut self, opcode: u8, argument: u64) -> Result<(), Fault> {
        let place = usize::try_from(argument).unwrap_or(usize::MAX);
        match opcode {
            b'K' | b'M' => {
                let integer = self.pool.integer(argument.cast_signed())?;
                self.push(integer);
            }
            b'J' => {
                let bits = u32::try_from(argument).unwrap_or(0);
                self.push(Value::Int(bits.cast_signed()));
            }
            b'G' => self.push(Value::Plain),
            b'h' | b'j' => self.get(place)?,
            b'q' | b'r' => {
                let top = self.top()?;
                self.put(place, top)?;
            }
            opcode::PROTO if argument > 5 => {
                return malformed(format!("is of protocol {argument}, which there is not"));
            }
            opcode::FRAME if argument > self.reader.rest() => {
                return malformed("has a frame that goes on after its end");
            }
            opcode::PROTO | opcode::FRAME => {}
            _ => {
                self.find(&check::OPCODE, format!("uses extension code {argument}"), false);
                self.push(Value::Unknown);
            }
        }
        Ok(())
    }

    /// Opcodes with a length before their argument.
    pub(super) fn counted(&mut self, opcode: u8, count: u64) -> Result<(), Fault> {
        if self.reader.rest() < count {
            return Err(Fault::CUT);
        }
        let value = match opcode {
            opcode::LONG1 | opcode::LONG4 => self.long(count)?,
            // The last two are bytes to Python 2, and texts to Python 3 unless it is told otherwise.
            b'X' | opcode::SHORT_BINUNICODE | opcode::BINUNICODE8 | b'U' | b'T' => {
                self.payload(count, true)?
            }
            _ => self.payload(count, false)?,
        };
        self.push(value);
        Ok(())
    }

    /// An integer, little-endian, with a sign.
    fn long(&mut self, count: u64) -> Result<Value, Fault> {
        let length = usize::try_from(count).unwrap_or(usize::MAX);
        if length > 8 {
            self.reader.skip(count)?;
            return Ok(Value::Unknown);
        }
        let bytes = self.reader.take(length)?;
        let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
        let mut whole = if negative { [0xff; 8] } else { [0; 8] };
        for (into, byte) in whole.iter_mut().zip(&bytes) {
            *into = *byte;
        }
        self.pool.integer(i64::from_le_bytes(whole))
    }

    /// Text or bytes, which may be a pickle themselves.
    fn payload(&mut self, count: u64, is_text: bool) -> Result<Value, Fault> {
        let start = self.reader.position();
        let length = usize::try_from(count).unwrap_or(usize::MAX);
        let beginning = self.reader.ahead(length.min(BEGINNING_BYTES))?;
        let suspicious = may_be_pickle(beginning);
        let text =
            (is_text && length <= beginning.len()).then(|| std::str::from_utf8(beginning).ok()).flatten();
        let value = match text {
            Some(text) => self.pool.text(text)?,
            None if is_text => Value::LongText,
            None => Value::Bytes,
        };
        if suspicious {
            let content = self.reader.content().part(start, count)?;
            self.nested(content)?;
        }
        self.reader.skip(count)?;
        Ok(value)
    }

    /// Reports a pickle within this one that would be refused by itself.
    fn nested(&mut self, content: Content<'_>) -> Result<(), Fault> {
        if self.depth >= NESTED_MAX {
            return Err(Fault::Ceiling("pickles within one another"));
        }
        if let Some(inner) = acts(content, self.depth.saturating_add(1))? {
            let what = format!("contains a pickle that {} at {}", inner.what, inner.offset);
            self.find(&check::NESTED, what, true);
        }
        Ok(())
    }

    /// Opcodes with a line as their argument.
    pub(super) fn line(&mut self, opcode: u8, line: &[u8]) -> Result<(), Fault> {
        let Ok(text) = std::str::from_utf8(line) else {
            return match opcode {
                b'V' | b'S' => {
                    self.push(Value::LongText);
                    Ok(())
                }
                _ => malformed(format!("has a number that is none, at {}", self.at)),
            };
        };
        let number = text.trim_end_matches('L').trim();
        match opcode {
            b'F' => self.push(Value::Plain),
            b'I' if matches!(text, "00" | "01") => self.push(Value::Plain),
            b'I' | b'L' => {
                let integer = match number.parse::<i64>() {
                    Ok(integer) => self.pool.integer(integer)?,
                    Err(_) => Value::Unknown,
                };
                self.push(integer);
            }
            b'P' => {
                let reference = self.pool.text(text)?;
                self.persistent(reference);
            }
            b'V' => {
                let value = self.unescaped(text, "\\u", 4)?;
                self.push(value);
            }
            b'S' => {
                let quoted = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
                let Some(inner) = quoted('\'').or_else(|| quoted('"')) else {
                    return malformed(format!("has a text without quotes, at {}", self.at));
                };
                let inner = inner.to_owned();
                if may_be_pickle(inner.replace("\\n", "\n").as_bytes()) {
                    let plain = inner.replace("\\n", "\n").replace("\\'", "'").replace("\\x80", "\u{80}");
                    let bytes: Vec<u8> = plain.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
                    let budget = self.reader.content().budget();
                    self.nested(Content::new(&bytes, bytes.len() as u64, budget))?;
                }
                let value = self.unescaped(&inner, "\\x", 2)?;
                self.push(value);
            }
            _ => {
                let Ok(place) = number.parse::<usize>() else {
                    return malformed(format!("has a place of the memo that is none, at {}", self.at));
                };
                if opcode == b'g' {
                    return self.get(place);
                }
                let top = self.top()?;
                self.put(place, top)?;
            }
        }
        Ok(())
    }

    /// A text with its escapes taken out, where they are of that kind; otherwise one that nobody knows.
    fn unescaped(&mut self, text: &str, escape: &str, digits: usize) -> Result<Value, Fault> {
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(escape) {
            plain.push_str(before);
            let letter = behind
                .get(..digits)
                .and_then(|code| u32::from_str_radix(code, 16).ok())
                .and_then(char::from_u32);
            let (Some(letter), Some(behind)) = (letter, behind.get(digits..)) else {
                return Ok(Value::LongText);
            };
            plain.push(letter);
            rest = behind;
        }
        plain.push_str(rest);
        if plain.contains('\\') { Ok(Value::LongText) } else { self.pool.text(&plain) }
    }
}

/// Whether bytes begin as pickles do: with a protocol, or with an opcode of the first and a line.
fn may_be_pickle(beginning: &[u8]) -> bool {
    match beginning {
        [opcode::PROTO, version, ..] => *version <= 5,
        [b'c' | b'(' | b'i' | b'S' | b'V' | b'I' | b'N' | b']' | b'}' | b')' | b'X' | b'U' | b'\x8c', ..] => {
            beginning.len() > 6 && (beginning.contains(&b'\n') || beginning.contains(&opcode::STACK_GLOBAL))
        }
        _ => false,
    }
}

const BEGINNING_BYTES: usize = 1025;
/// Most pickles within one another.
const NESTED_MAX: u32 = 6;
