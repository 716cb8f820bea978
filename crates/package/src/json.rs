//! JSON from strangers: bounded in size, depth and count, and with no key twice.
//!
//! Two readers that disagree on which of two equal keys counts would disagree on what a package is,
//! so such a text is refused by everybody.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Ceilings on one JSON text.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes of text.
    pub bytes_max: usize,
    /// Most arrays and objects within each other, at most 100.
    pub depth_max: u32,
    /// Most values, keys not counted.
    pub values_max: u32,
}

/// Reads a whole text as `T`, after [`check`].
///
/// # Errors
/// As [`check`], and [`JsonError::Shape`] when the text is no `T`.
pub fn parse<T: DeserializeOwned>(text: &[u8], limits: &Limits) -> Result<T, JsonError> {
    check(text, limits)?;
    serde_json::from_slice(text).map_err(JsonError::Shape)
}

/// Checks a whole text against its ceilings and for keys that stand twice in one object, keeping
/// nothing of it but the keys of the objects that are open.
///
/// # Errors
/// [`JsonError`] for the first thing that is wrong.
pub fn check(text: &[u8], limits: &Limits) -> Result<(), JsonError> {
    if text.len() > limits.bytes_max {
        return Err(JsonError::TooLarge { found: text.len(), bytes_max: limits.bytes_max });
    }
    let budget = Budget { values_left: Cell::new(limits.values_max), fault: RefCell::new(None) };
    let mut reader = serde_json::Deserializer::from_slice(text);
    Element { budget: &budget, depth_left: limits.depth_max.min(DEPTH_MAX) }
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| budget.fault.take().unwrap_or(JsonError::Malformed(error)))
}

/// Why a JSON text is refused.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It has more bytes than its ceiling.
    #[error("JSON text has {found} bytes, at most {bytes_max} are allowed")]
    TooLarge {
        /// Bytes of the text.
        found: usize,
        /// The ceiling.
        bytes_max: usize,
    },
    /// Arrays and objects stand too deep within each other.
    #[error("JSON text nests too deep")]
    TooDeep,
    /// It has more values than its ceiling.
    #[error("JSON text has too many values")]
    TooMany,
    /// An object has a key twice.
    #[error("JSON object has the key {key:?} twice")]
    DuplicateKey {
        /// The key, shortened.
        key: String,
    },
    /// It is no JSON.
    #[error("text is not well-formed JSON")]
    Malformed(#[source] serde_json::Error),
    /// It is JSON of another shape.
    #[error("JSON text does not have the expected shape")]
    Shape(#[source] serde_json::Error),
}

impl JsonError {
    /// Whether a ceiling was passed, and not the text wrong.
    pub fn is_ceiling(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooDeep | Self::TooMany)
    }
}

// Below serde_json's own ceiling of 128, so that ours is the one that is reported.
const DEPTH_MAX: u32 = 100;

struct Budget {
    values_left: Cell<u32>,
    fault: RefCell<Option<JsonError>>,
}

impl Budget {
    /// Keeps the typed reason beside the text error that serde carries.
    fn refuse<T, E: serde::de::Error>(&self, reason: JsonError) -> Result<T, E> {
        let text = reason.to_string();
        self.fault.replace(Some(reason));
        Err(E::custom(text))
    }
}

/// Reads one value and keeps nothing of it.
#[derive(Clone, Copy)]
struct Element<'b> {
    budget: &'b Budget,
    depth_left: u32,
}

impl Element<'_> {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => self.budget.refuse(JsonError::TooDeep),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        match self.budget.values_left.get().checked_sub(1) {
            Some(left) => self.budget.values_left.set(left),
            None => return self.budget.refuse(JsonError::TooMany),
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut keys = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if keys.contains(&key) {
                let key = key.chars().take(KEY_CHARS_SHOWN).collect();
                return self.budget.refuse(JsonError::DuplicateKey { key });
            }
            keys.insert(key);
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}

const KEY_CHARS_SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes_max: 1024, depth_max: 4, values_max: 32 };

    fn refusal(text: &str) -> String {
        format!("{:?}", check(text.as_bytes(), &LIMITS).unwrap_err())
    }

    #[test]
    fn well_formed_text_within_its_ceilings_is_accepted() {
        check(br#"{"a":[1,-2,3.5,"x",null,true,{"a":{}}],"b":"\u00e9"}"#, &LIMITS).unwrap();
    }

    #[test]
    fn a_key_that_stands_twice_is_refused_at_any_depth_and_in_any_spelling() {
        assert!(refusal(r#"{"a":1,"a":2}"#).starts_with("DuplicateKey"));
        assert!(refusal(r#"[{"b":{"a":1,"\u0061":2}}]"#).starts_with("DuplicateKey"));
        check(br#"{"a":{"a":1},"b":{"a":1}}"#, &LIMITS).unwrap();
    }

    #[test]
    fn every_ceiling_holds() {
        assert!(refusal(&" ".repeat(1025)).starts_with("TooLarge"));
        assert!(refusal("[[[[[]]]]]").starts_with("TooDeep"));
        assert!(refusal(&format!("[{}1]", "1,".repeat(40))).starts_with("TooMany"));
        let deep = Limits { bytes_max: 1 << 20, depth_max: u32::MAX, values_max: u32::MAX };
        assert!(matches!(check("[".repeat(100_000).as_bytes(), &deep), Err(JsonError::TooDeep)));
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        for text in
            ["", "{", "[1,]", "{\"a\"}", "nul", "1 2", "\"\u{1}\"", "\u{feff}{}", "{1:2}", "1e999", "NaN"]
        {
            assert!(refusal(text).starts_with("Malformed"), "{text:?}");
        }
        assert!(matches!(check(b"\"\xff\"", &LIMITS), Err(JsonError::Malformed(_))));
    }
}
