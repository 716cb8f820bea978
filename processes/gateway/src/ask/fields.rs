//! The fields of one JSON object, taken one by one, so that each error names its field.

use std::collections::BTreeMap;

use policy::Denial;
use proto::Code;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Fields that have not been taken yet.
#[derive(Debug)]
pub(crate) struct Fields<'b> {
    path: String,
    left: BTreeMap<String, &'b RawValue>,
}

impl<'b> Fields<'b> {
    /// The fields of a body that [`super::json::check`] accepted.
    pub(crate) fn of_body(body: &'b [u8]) -> Result<Self, Denial> {
        let left = serde_json::from_slice(body)
            .map_err(|_| Denial::new(Code::InvalidRequest, "the body is not a JSON object"))?;
        Ok(Self { path: String::new(), left })
    }

    /// The fields of the object at `path`, which ends errors' names of them.
    pub(crate) fn of_object(object: &'b RawValue, path: &str) -> Result<Self, Denial> {
        let left = serde_json::from_str(object.get()).map_err(|_| wrong(path, "an object"))?;
        Ok(Self { path: format!("{path}."), left })
    }

    /// Takes a field as it stands. One that is `null` is as good as absent.
    pub(crate) fn raw(&mut self, name: &str) -> Option<&'b RawValue> {
        self.left.remove(name).filter(|value| value.get() != "null")
    }

    /// Takes a field.
    pub(crate) fn take<T: Deserialize<'b>>(
        &mut self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, Denial> {
        match self.raw(name) {
            None => Ok(None),
            Some(value) => match serde_json::from_str(value.get()) {
                Ok(value) => Ok(Some(value)),
                Err(_) => Err(self.wrong(name, expected)),
            },
        }
    }

    /// Takes a field that must be there.
    pub(crate) fn need<T: Deserialize<'b>>(&mut self, name: &str, expected: &str) -> Result<T, Denial> {
        self.take(name, expected)?.ok_or_else(|| {
            let path = self.path_of(name);
            Denial::new(Code::InvalidRequest, format!("`{path}` is missing")).of(path)
        })
    }

    /// Takes a number within bounds.
    pub(crate) fn number(
        &mut self,
        name: &str,
        default: f32,
        within: std::ops::RangeInclusive<f32>,
    ) -> Result<f32, Denial> {
        let expected = || format!("a number from {} to {}", within.start(), within.end());
        match self.take::<f32>(name, &expected())? {
            None => Ok(default),
            Some(value) if within.contains(&value) => Ok(value),
            Some(_) => Err(self.wrong(name, &expected())),
        }
    }

    /// Ends the object. What is left must be in `ignored`, or have the value that changes nothing.
    pub(crate) fn finish(self, ignored: &[&str], neutral: &[(&str, &str)]) -> Result<(), Denial> {
        for (name, value) in &self.left {
            let harmless = value.get() == "null"
                || ignored.contains(&name.as_str())
                || neutral.iter().any(|(field, same)| field == name && equal(value, same));
            if !harmless {
                return Err(self.unsupported(name));
            }
        }
        Ok(())
    }

    /// A field has another shape than it should.
    pub(crate) fn wrong(&self, name: &str, expected: &str) -> Denial {
        wrong(&self.path_of(name), expected)
    }

    /// A field asks for what this API does not do.
    pub(crate) fn unsupported(&self, name: &str) -> Denial {
        unsupported(&self.path_of(name))
    }

    fn path_of(&self, name: &str) -> String {
        // The client's own word, but it may end in a terminal.
        let shown = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_SHOWN);
        self.path.chars().chain(shown).collect()
    }
}

/// The value at `path` is not what it should be.
pub(crate) fn wrong(path: &str, expected: &str) -> Denial {
    Denial::new(Code::InvalidRequest, format!("`{path}` must be {expected}")).of(path)
}

/// The value at `path` asks for what this API does not do.
pub(crate) fn unsupported(path: &str) -> Denial {
    Denial::new(Code::UnsupportedParameter, format!("`{path}` is not supported, or not with this value"))
        .of(path)
}

/// Whether two texts are the same JSON value.
fn equal(value: &RawValue, other: &str) -> bool {
    match (serde_json::from_str::<Value>(value.get()), serde_json::from_str::<Value>(other)) {
        (Ok(value), Ok(other)) => value == other,
        _ => false,
    }
}

const NAME_CHARS_SHOWN: usize = 64;
