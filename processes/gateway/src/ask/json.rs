//! JSON from strangers: bounded in depth, and with no key twice.
//!
//! Two readers that disagree on which of two equal keys counts would disagree on what was asked, so such
//! a text is refused. Its size is bounded before it comes here.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;

use policy::Denial;
use proto::Code;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Checks a whole text, keeping nothing of it but the keys of the objects that are open.
///
/// # Errors
/// [`Code::InvalidRequest`] for the first thing that is wrong.
pub(crate) fn check(text: &[u8]) -> Result<(), Denial> {
    let fault = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(text);
    Element { fault: &fault, depth_left: DEPTH_MAX }
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| {
            let why = fault.get().unwrap_or("is not JSON");
            // No word of the library's own: it may quote the text.
            let message = format!("the body {why} (line {}, column {})", error.line(), error.column());
            Denial::new(Code::InvalidRequest, message)
        })
}

/// Reads one value and keeps nothing of it.
#[derive(Clone, Copy)]
struct Element<'f> {
    fault: &'f Cell<Option<&'static str>>,
    depth_left: u32,
}

impl Element<'_> {
    fn refuse<T, E: serde::de::Error>(self, why: &'static str) -> Result<T, E> {
        self.fault.set(Some(why));
        Err(E::custom(why))
    }

    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => self.refuse("nests too deep"),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
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
            if !keys.insert(key) {
                return self.refuse("has a key twice in one object");
            }
            entries.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// Most arrays and objects within each other: tools' schemas nest, nothing sensible goes this deep.
/// Below the JSON library's own ceiling of 128, so that this one is reported.
const DEPTH_MAX: u32 = 64;
