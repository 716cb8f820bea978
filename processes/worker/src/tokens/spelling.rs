//! What each token writes, in bytes: a character may be spread over several tokens.

/// The bytes of every token. Control tokens write nothing.
#[derive(Debug)]
pub struct Spelling {
    bytes: Vec<u8>,
    /// Where each token's bytes end; they begin where the one before it ends.
    ends: Vec<usize>,
    longest: usize,
    /// Whether an answer's first space belongs to the notation and not to the text.
    strip_first_space: bool,
}

/// How a vocabulary notes down the bytes of its tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Notation {
    /// A printable character for each byte: GPT-2's way.
    ByteLevel,
    /// Text with `▁` for spaces, and `<0x0A>` for single bytes: `SentencePiece`'s way.
    SentencePiece {
        /// Whether a first space is added to texts, and taken from answers.
        strip_first_space: bool,
    },
}

impl Spelling {
    /// Spells every token of a vocabulary. `None` stands for tokens that write nothing.
    pub(super) fn new(notation: Notation, tokens: &[Option<String>]) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(tokens.len()));
        let mut longest = 1;
        for token in tokens {
            let from = bytes.len();
            if let Some(token) = token {
                notation.spell(token, &mut bytes);
            }
            longest = longest.max(bytes.len() - from);
            ends.push(bytes.len());
        }
        let strip_first_space = notation == Notation::SentencePiece { strip_first_space: true };
        Self { bytes, ends, longest, strip_first_space }
    }

    /// The bytes that a token writes.
    pub fn of(&self, token: u32) -> &[u8] {
        let token = token as usize;
        let end = self.ends.get(token).copied().unwrap_or(0);
        let from = token.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.bytes.get(from..end).unwrap_or_default()
    }

    /// Most bytes that one token writes.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Whether an answer's first space belongs to the notation and not to the text.
    pub fn strip_first_space(&self) -> bool {
        self.strip_first_space
    }
}

impl Notation {
    fn spell(self, token: &str, into: &mut Vec<u8>) {
        match self {
            Self::ByteLevel => {
                let bytes: Option<Vec<u8>> = token.chars().map(byte).collect();
                // Added tokens are not in that alphabet: they are what they are.
                into.extend(bytes.unwrap_or_else(|| token.as_bytes().to_vec()));
            }
            Self::SentencePiece { .. } => match single_byte(token) {
                Some(byte) => into.push(byte),
                None => into.extend(token.replace('\u{2581}', " ").bytes()),
            },
        }
    }
}

/// The byte that a character of GPT-2's alphabet stands for: printable Latin-1 stands for itself, the
/// other 68 bytes follow in order from U+0100.
fn byte(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => u8::try_from(code).ok(),
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7f).ok(),
        0x143 => Some(0xad),
        _ => None,
    }
}

fn single_byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_character() {
        let mut bytes: Vec<u8> = (0..=0x143).filter_map(char::from_u32).filter_map(byte).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        assert_eq!(
            (byte('Ġ'), byte('Ċ'), byte('a'), byte('中')),
            (Some(b' '), Some(b'\n'), Some(b'a'), None)
        );
    }

    #[test]
    fn tokens_are_spelled_by_their_notation() {
        let tokens = ["Ġé", "é", "中"].map(|token| Some(token.to_owned()));
        let spelling = Spelling::new(Notation::ByteLevel, &tokens);
        assert_eq!([0, 1, 2, 3].map(|id| spelling.of(id)), [&b" \xe9"[..], b"\xe9", "中".as_bytes(), b""]);
        let tokens = [Some("▁a▁".to_owned()), None, Some("<0x0A>".to_owned()), Some("<0x0>".to_owned())];
        let spelling = Spelling::new(Notation::SentencePiece { strip_first_space: true }, &tokens);
        assert_eq!([0, 1, 2, 3].map(|id| spelling.of(id)), [&b" a "[..], b"", b"\n", b"<0x0>"]);
        assert_eq!(spelling.longest(), 5);
    }
}
