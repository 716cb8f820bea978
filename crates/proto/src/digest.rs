//! Digests of content.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A SHA-256 digest (FIPS 180-4). Holding one means the text it came from was well formed.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Wraps 32 bytes that a SHA-256 produced.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses `sha256:` followed by 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`DigestError`] when the algorithm, the length or a digit is wrong.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        Self::parse_hex(text.strip_prefix("sha256:").ok_or(DigestError::UnknownAlgorithm)?)
    }

    /// Parses 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// [`DigestError`] when the length or a digit is wrong.
    pub fn parse_hex(hex: &str) -> Result<Self, DigestError> {
        if hex.len() != 64 {
            return Err(DigestError::WrongLength { found: hex.len() });
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            if let [high, low] = pair {
                *byte = nibble(*high)? << 4 | nibble(*low)?;
            }
        }
        Ok(Self(bytes))
    }

    /// 64 lower-case hexadecimal digits, without the algorithm.
    pub fn hex(&self) -> String {
        to_hex(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An HMAC-SHA-256 of content that must not stand in the ledger itself: equal content can be
/// recognised by who holds the key, and guessed by nobody else.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct KeyedDigest(pub [u8; 32]);

impl KeyedDigest {
    /// 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        to_hex(&self.0)
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DigestError {
    /// Only `sha256:` is accepted.
    #[error("digest does not start with `sha256:`")]
    UnknownAlgorithm,
    /// A SHA-256 has 64 digits.
    #[error("digest has {found} digits, expected 64")]
    WrongLength {
        /// How many digits there were.
        found: usize,
    },
    /// Digits are `0-9a-f`; upper case is refused so that a digest has one spelling.
    #[error("digest has a character that is not a lower-case hexadecimal digit")]
    NotHex,
}

/// Lower-case hexadecimal of any bytes.
pub fn to_hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn nibble(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(DigestError::NotHex),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_spelling() {
        let text = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(Digest::parse(&text).unwrap().to_string(), text);
        assert_eq!(Digest::parse(&text.to_uppercase()), Err(DigestError::UnknownAlgorithm));
        assert_eq!(Digest::parse_hex(&"0A".repeat(32)), Err(DigestError::NotHex));
        assert_eq!(Digest::parse_hex("0a"), Err(DigestError::WrongLength { found: 2 }));
        assert_eq!(Digest::parse_hex(&"é".repeat(32)), Err(DigestError::NotHex));
    }
}
