//! What a pickle would build, as far as one has to know it to say what would be called.

use std::collections::BTreeMap;

use crate::scan::budget::Fault;

/// One object. Small, because a stream may make millions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Value {
    /// `None`, a boolean or a float.
    Plain,
    /// An integer that fits.
    Int(i32),
    /// An integer that does not, in the pool.
    BigInt(u32),
    /// A text, in the pool.
    Text(u32),
    /// A text that is too long to be kept.
    LongText,
    /// Bytes.
    Bytes,
    /// Something that was imported.
    Global(u32),
    /// A tuple, in the pool.
    Tuple(u32),
    /// A list.
    List(u32),
    /// A dictionary.
    Dict(u32),
    /// A set.
    Set,
    /// What a call of that global gave.
    Object(u32),
    /// A type of array elements, in the pool.
    Dtype(u32),
    /// A tensor's storage.
    Storage,
    /// Something that nobody can know.
    Unknown,
    /// A place of the memo where nothing was put.
    Unset,
}

/// A type of array elements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Dtype {
    /// Whether elements are objects, or may be.
    pub(crate) objects: bool,
    /// Bytes of an element.
    pub(crate) bytes: u64,
}

/// Everything that values point to. Grows, never shrinks, has a ceiling.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    texts: String,
    spans: Vec<(u32, u32)>,
    integers: Vec<i64>,
    items: Vec<Value>,
    tuples: Vec<Tuple>,
    dtypes: Vec<Dtype>,
    globals: Vec<(String, String)>,
    known: BTreeMap<(String, String), u32>,
}

#[derive(Clone, Copy, Debug)]
struct Tuple {
    start: u32,
    kept: u32,
    length: u32,
    /// Objects in it, those within others counted as often as they are reached.
    weight: u32,
}

impl Pool {
    pub(super) fn text(&mut self, text: &str) -> Result<Value, Fault> {
        if text.len() > TEXT_BYTES_MAX {
            return Ok(Value::LongText);
        }
        // Without room the text is not known, and whatever depends on it is refused.
        if self.texts.len().saturating_add(text.len()) > TEXTS_BYTES_MAX || self.spans.len() >= TEXTS_MAX {
            return Ok(Value::LongText);
        }
        let place = index(self.spans.len())?;
        self.spans.push((index(self.texts.len())?, index(text.len())?));
        self.texts.push_str(text);
        Ok(Value::Text(place))
    }

    pub(super) fn text_of(&self, value: Value) -> Option<&str> {
        let Value::Text(place) = value else { return None };
        let (start, length) = *self.spans.get(place as usize)?;
        self.texts.get(start as usize..)?.get(..length as usize)
    }

    pub(super) fn integer(&mut self, integer: i64) -> Result<Value, Fault> {
        if let Ok(small) = i32::try_from(integer) {
            return Ok(Value::Int(small));
        }
        if self.integers.len() >= INTEGERS_MAX {
            return Ok(Value::Unknown);
        }
        let place = index(self.integers.len())?;
        self.integers.push(integer);
        Ok(Value::BigInt(place))
    }

    pub(super) fn integer_of(&self, value: Value) -> Option<i64> {
        match value {
            Value::Int(small) => Some(i64::from(small)),
            Value::BigInt(place) => self.integers.get(place as usize).copied(),
            _ => None,
        }
    }

    pub(super) fn tuple(&mut self, items: &[Value]) -> Result<Value, Fault> {
        let kept = items.get(..items.len().min(TUPLE_ITEMS_KEPT)).unwrap_or_default();
        if self.items.len().saturating_add(kept.len()) > ITEMS_MAX || self.tuples.len() >= TUPLES_MAX {
            return Err(Fault::Ceiling("objects of one pickle"));
        }
        let weight = items.iter().fold(1_u32, |sum, item| sum.saturating_add(self.weight(*item)));
        let tuple = Tuple {
            start: index(self.items.len())?,
            kept: index(kept.len())?,
            length: index(items.len())?,
            weight,
        };
        let place = index(self.tuples.len())?;
        self.items.extend_from_slice(kept);
        self.tuples.push(tuple);
        Ok(Value::Tuple(place))
    }

    /// A tuple's items; nothing for what is none, or one too long to be kept.
    pub(super) fn items_of(&self, value: Value) -> Option<&[Value]> {
        let Value::Tuple(place) = value else { return None };
        let tuple = self.tuples.get(place as usize)?;
        if tuple.kept != tuple.length {
            return None;
        }
        self.items.get(tuple.start as usize..)?.get(..tuple.kept as usize)
    }

    /// How many objects one has to visit to hash this one.
    pub(super) fn weight(&self, value: Value) -> u32 {
        let Value::Tuple(place) = value else { return 1 };
        self.tuples.get(place as usize).map_or(1, |tuple| tuple.weight)
    }

    /// Roughly how many bytes a copy takes.
    pub(super) fn bytes(&self) -> usize {
        self.texts.len().saturating_add(
            (self.items.len().saturating_add(self.tuples.len()).saturating_add(self.spans.len()))
                .saturating_mul(8),
        )
    }

    pub(super) fn dtype(&mut self, dtype: Dtype) -> Result<Value, Fault> {
        if self.dtypes.len() >= DTYPES_MAX {
            return Ok(Value::Unknown);
        }
        let place = index(self.dtypes.len())?;
        self.dtypes.push(dtype);
        Ok(Value::Dtype(place))
    }

    pub(super) fn dtype_of(&self, value: Value) -> Option<Dtype> {
        let Value::Dtype(place) = value else { return None };
        self.dtypes.get(place as usize).copied()
    }

    /// That type may hold objects after all.
    pub(super) fn spoil(&mut self, value: Value) {
        if let Value::Dtype(place) = value
            && let Some(dtype) = self.dtypes.get_mut(place as usize)
        {
            dtype.objects = true;
        }
    }

    pub(super) fn global(&mut self, module: &str, name: &str) -> Result<u32, Fault> {
        let key = (module.to_owned(), name.to_owned());
        if let Some(place) = self.known.get(&key) {
            return Ok(*place);
        }
        if self.globals.len() >= GLOBALS_MAX {
            return Err(Fault::Ceiling("imports of one pickle"));
        }
        let place = index(self.globals.len())?;
        self.globals.push(key.clone());
        self.known.insert(key, place);
        Ok(place)
    }

    pub(super) fn global_of(&self, place: u32) -> (&str, &str) {
        self.globals.get(place as usize).map_or(("", ""), |(module, name)| (module, name))
    }
}

fn index(length: usize) -> Result<u32, Fault> {
    u32::try_from(length).map_err(|_| Fault::Ceiling("objects of one pickle"))
}

/// Longest text that may be a name.
const TEXT_BYTES_MAX: usize = 1024;
const TEXTS_BYTES_MAX: usize = 8 << 20;
const TEXTS_MAX: usize = 500_000;
const INTEGERS_MAX: usize = 250_000;
const TUPLE_ITEMS_KEPT: usize = 32;
const ITEMS_MAX: usize = 1_500_000;
const TUPLES_MAX: usize = 500_000;
const DTYPES_MAX: usize = 65_536;
const GLOBALS_MAX: usize = 4096;
