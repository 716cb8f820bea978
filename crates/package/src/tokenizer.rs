//! `tokenizer.json`: bounded, and its ids within the vocabulary, before its own library reads it.

use std::fmt;

use proto::Code;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::config::ceiling::VOCABULARY_MAX;
use crate::json::{self, JsonError, Limits};

/// Most bytes of a tokenizer.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Ceilings on its JSON: a merge has two values of its own in newer files.
pub const LIMITS: Limits = Limits { bytes_max: BYTES_MAX, depth_max: 16, values_max: 8_000_000 };

/// What a tokenizer says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tokenizer {
    /// One more than its largest id.
    pub tokens: u32,
}

impl Tokenizer {
    /// Checks a whole `tokenizer.json`.
    ///
    /// # Errors
    /// [`TokenizerError`] for the first thing that is wrong.
    pub fn check(text: &[u8]) -> Result<Self, TokenizerError> {
        let file: File = json::parse(text, &LIMITS)?;
        if file.model.kind.as_deref() != Some("BPE") {
            return Err(TokenizerError::Kind);
        }
        let largest = file.model.vocab.0.max(file.added_tokens.0);
        Ok(Self { tokens: largest.map_or(0, |id| id + 1) })
    }
}

/// Why a tokenizer is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// It is no JSON that we accept, or of another shape.
    #[error("`tokenizer.json` is not accepted")]
    Json(#[from] JsonError),
    /// It is not a byte-pair encoding.
    #[error("tokenizer is of a kind other than BPE, which is not supported")]
    Kind,
    /// It has ids that the model has no embedding for.
    #[error("tokenizer has ids up to {found}, the model has {vocabulary} tokens")]
    Vocabulary {
        /// One more than its largest id.
        found: u32,
        /// Tokens of the model.
        vocabulary: u32,
    },
}

impl TokenizerError {
    /// The code under which operators know it.
    pub const fn code(&self) -> Code {
        match self {
            Self::Kind => Code::FormatUnsupported,
            _ => Code::FormatInvalid,
        }
    }
}

#[derive(Deserialize)]
struct File {
    model: Model,
    #[serde(default)]
    added_tokens: AddedTokens,
}

#[derive(Deserialize)]
struct Model {
    #[serde(rename = "type")]
    kind: Option<String>,
    vocab: Vocabulary,
}

/// The largest id in a map from token to id. Other kinds of model have a list here: nothing then.
struct Vocabulary(Option<u32>);

/// The largest id in the list of added tokens.
#[derive(Default)]
struct AddedTokens(Option<u32>);

#[derive(Deserialize)]
struct AddedToken {
    id: u32,
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(VocabularyVisitor)
    }
}

struct VocabularyVisitor;

impl<'de> Visitor<'de> for VocabularyVisitor {
    type Value = Vocabulary;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of token ids")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Vocabulary, A::Error> {
        let mut largest = None;
        while let Some((IgnoredAny, id)) = entries.next_entry::<IgnoredAny, u32>()? {
            largest = largest.max(Some(within::<A::Error>(id)?));
        }
        Ok(Vocabulary(largest))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vocabulary, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Vocabulary(None))
    }
}

impl<'de> Deserialize<'de> for AddedTokens {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(AddedTokensVisitor)
    }
}

struct AddedTokensVisitor;

impl<'de> Visitor<'de> for AddedTokensVisitor {
    type Value = AddedTokens;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of added tokens")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<AddedTokens, A::Error> {
        let mut largest = None;
        while let Some(AddedToken { id }) = items.next_element()? {
            largest = largest.max(Some(within::<A::Error>(id)?));
        }
        Ok(AddedTokens(largest))
    }
}

fn within<E: serde::de::Error>(id: u32) -> Result<u32, E> {
    if id < VOCABULARY_MAX { Ok(id) } else { Err(E::custom("a token's id is over its ceiling")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_id_counts_added_tokens_too() {
        let text = br#"{"added_tokens":[{"id":7,"content":"x"}],"model":{"type":"BPE","vocab":{"a":0,"b":3},"merges":[]}}"#;
        assert_eq!(Tokenizer::check(text).unwrap().tokens, 8);
    }

    #[test]
    fn what_is_no_bpe_or_has_ids_out_of_range_is_refused() {
        let unigram = br#"{"model":{"type":"Unigram","vocab":[["a",0.0]]}}"#;
        assert!(matches!(Tokenizer::check(unigram), Err(TokenizerError::Kind)));
        for text in [
            r#"{"model":{"type":"BPE","vocab":{"a":1048576}}}"#,
            r#"{"model":{"type":"BPE","vocab":{"a":-1}}}"#,
            r#"{"model":{"type":"BPE","vocab":{"a":1,"a":2}}}"#,
            r#"{"model":[]}"#,
            "[]",
        ] {
            assert!(matches!(Tokenizer::check(text.as_bytes()), Err(TokenizerError::Json(_))), "{text}");
        }
    }
}
