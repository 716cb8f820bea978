//! The client's JSON as the template sees it, and JSON as Python writes it.

use std::io::{self, Write};

use minijinja::value::{Value, ValueKind};
use package::json::{self, JsonError, Limits};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::TemplateFault;
use crate::tokens::Controls;

/// Ceilings on the client's JSON.
const LIMITS: Limits = Limits { bytes_max: 8 * 1024 * 1024, depth_max: 32, values_max: 100_000 };

/// Reads an array, with every text in it changed by `hide`. Objects keep the order of their keys.
pub(super) fn list(
    text: &str,
    what: &'static str,
    hide: &dyn Fn(&str) -> String,
) -> Result<Value, TemplateFault> {
    let wrong = |source| TemplateFault::Json { what, source };
    let value: Value = json::parse(text.as_bytes(), &LIMITS).map_err(wrong)?;
    if value.kind() != ValueKind::Seq {
        let shape = serde::de::Error::custom("an array is expected");
        return Err(wrong(JsonError::Shape(shape)));
    }
    Ok(change(&value, hide))
}

/// Calls with their arguments as the objects that their texts describe; a text that describes none
/// stays as it is.
pub(super) fn with_arguments(calls: &Value, hide: &dyn Fn(&str) -> String, controls: &Controls) -> Value {
    let function = |call: &Value| {
        replace(call, "arguments", |arguments| {
            let text = controls.show(arguments.as_str()?);
            let object: Value = json::parse(text.as_bytes(), &LIMITS).ok()?;
            (object.kind() == ValueKind::Map).then(|| change(&object, hide))
        })
    };
    let call = |call: Value| {
        let inner = replace(&call, "function", |inner| Some(function(inner)));
        function(&inner)
    };
    calls.try_iter().map_or_else(|_| calls.clone(), |calls| calls.map(call).collect())
}

/// A map with the value of one key made anew, if there is one and `make` makes something of it.
fn replace(map: &Value, key: &str, make: impl Fn(&Value) -> Option<Value>) -> Value {
    if map.kind() != ValueKind::Map {
        return map.clone();
    }
    let keys = map.try_iter().into_iter().flatten();
    Value::from_pairs(keys.map(|found| {
        let value = map.get_item(&found).unwrap_or_default();
        let new = (found.as_str() == Some(key)).then(|| make(&value)).flatten();
        (found, new.unwrap_or(value))
    }))
}

/// The depth is bounded by the limits of the text that it was read from.
fn change(value: &Value, hide: &dyn Fn(&str) -> String) -> Value {
    match value.kind() {
        ValueKind::String => value.as_str().map(|text| Value::from(hide(text))).unwrap_or_default(),
        ValueKind::Seq => value.try_iter().into_iter().flatten().map(|item| change(&item, hide)).collect(),
        ValueKind::Map => Value::from_pairs(value.try_iter().into_iter().flatten().map(|key| {
            let item = value.get_item(&key).unwrap_or_default();
            (change(&key, hide), change(&item, hide))
        })),
        _ => value.clone(),
    }
}

/// Writes JSON as Python's `json.dumps` does, for which models were trained.
pub(super) fn write(value: &Value, indent: Option<usize>) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    match indent {
        None => value.serialize(&mut Serializer::with_formatter(&mut bytes, Spaced))?,
        Some(indent) => {
            let indent = " ".repeat(indent);
            let formatter = PrettyFormatter::with_indent(indent.as_bytes());
            value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))?;
        }
    }
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// One line, with a space behind each comma and colon.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { to.write_all(b", ") }
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_as_python_writes_it_and_keeps_its_order() {
        let value = list(r#"[{"b":1,"a":[true,null,"é<"]}]"#, "tools", &str::to_owned).unwrap();
        assert_eq!(write(&value, None).unwrap(), r#"[{"b": 1, "a": [true, null, "é<"]}]"#);
        assert_eq!(write(&value, Some(1)).unwrap().lines().nth(2), Some("  \"b\": 1,"));
    }

    #[test]
    fn every_text_is_hidden_keys_too() {
        let value = list(r#"[{"<k":"<v","n":["\u003c"]}]"#, "tools", &|text| text.replace('<', "_")).unwrap();
        assert_eq!(write(&value, None).unwrap(), r#"[{"_k": "_v", "n": ["_"]}]"#);
    }

    #[test]
    fn other_shapes_are_the_clients_fault() {
        for text in ["{}", "[", "[1,]", "[{\"a\":1,\"a\":2}]", "\"x\""] {
            let fault = list(text, "tools", &str::to_owned).unwrap_err();
            assert_eq!(fault.code(), proto::Code::InvalidRequest, "{text}");
        }
    }
}
