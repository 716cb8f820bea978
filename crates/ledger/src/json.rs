//! A writer of JSON objects whose fields come in the order of the schema, or not at all.

use std::fmt::Write as _;

use proto::digest::to_hex;

use crate::schema::{Class, Field};

/// Writes one object.
pub(crate) struct Object<'a> {
    text: &'a mut String,
    schema: std::slice::Iter<'static, Field>,
    first: bool,
    conforms: bool,
}

impl<'a> Object<'a> {
    /// Opens an object whose fields are those of `schema` that may be recorded.
    pub(crate) fn open(text: &'a mut String, schema: &'static [Field]) -> Self {
        text.push('{');
        Self { text, schema: schema.iter(), first: true, conforms: true }
    }

    /// Closes the object and tells whether it had exactly the schema's fields.
    pub(crate) fn close(mut self) -> bool {
        self.text.push('}');
        self.conforms && self.schema.all(|field| field.class == Class::Never)
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        if self.key(name) {
            string(self.text, value);
        }
    }

    pub(crate) fn optional_text(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, "null"),
        }
    }

    pub(crate) fn number(&mut self, name: &str, value: impl Into<i128>) {
        self.raw(name, &value.into().to_string());
    }

    pub(crate) fn optional_number(&mut self, name: &str, value: Option<u64>) {
        match value {
            Some(value) => self.number(name, value),
            None => self.raw(name, "null"),
        }
    }

    pub(crate) fn flag(&mut self, name: &str, value: bool) {
        self.raw(name, if value { "true" } else { "false" });
    }

    pub(crate) fn hex(&mut self, name: &str, bytes: &[u8]) {
        self.text(name, &to_hex(bytes));
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        if self.key(name) {
            self.text.push_str(json);
        }
    }

    fn key(&mut self, name: &str) -> bool {
        let next = self.schema.find(|field| field.class != Class::Never);
        if next.is_none_or(|field| field.name != name) {
            self.conforms = false;
            return false;
        }
        if !self.first {
            self.text.push(',');
        }
        self.first = false;
        string(self.text, name);
        self.text.push(':');
        true
    }
}

/// Writes a string with RFC 8259's escapes. What needs none is copied in one piece.
pub(crate) fn string(text: &mut String, value: &str) {
    text.push('"');
    let mut rest = value;
    while let Some((at, special)) = rest.char_indices().find(|(_, character)| is_special(*character)) {
        text.push_str(rest.get(..at).unwrap_or_default());
        escape(text, special);
        rest = rest.get(at + special.len_utf8()..).unwrap_or_default();
    }
    text.push_str(rest);
    text.push('"');
}

/// Also C1 controls and line separators: a record is shown on terminals.
const fn is_special(character: char) -> bool {
    matches!(character, '\0'..='\u{1f}' | '"' | '\\' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}')
}

fn escape(text: &mut String, special: char) {
    match special {
        '"' => text.push_str("\\\""),
        '\\' => text.push_str("\\\\"),
        '\n' => text.push_str("\\n"),
        '\r' => text.push_str("\\r"),
        '\t' => text.push_str("\\t"),
        // Writing to a String cannot fail; all of these are below U+10000.
        other => {
            let _ = write!(text, "\\u{:04x}", u32::from(other));
        }
    }
}
