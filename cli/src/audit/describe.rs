//! A record in one line.

use ledger::Entry;
use ledger::schema::{self, Class};
use serde_json::{Map, Value};

use crate::audit::time::utc;
use crate::output::{Output, Paint};
use crate::text::harmless;

/// One field of an event, ready to be shown.
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    pub(crate) text: String,
}

/// The fields of a record's event, in the schema's order; `null` ones are left out.
pub(crate) fn fields(entry: &Entry) -> Vec<Shown> {
    let data: Map<String, Value> = serde_json::from_str(&entry.data).unwrap_or_default();
    let known = schema::event(&entry.event).map_or(&[][..], |event| event.fields);
    let shown = known.iter().filter_map(|field| {
        let value = data.get(field.name).filter(|value| !value.is_null())?;
        Some(Shown { name: field.name, class: field.class, text: text(value) })
    });
    shown.collect()
}

/// Time, place, producer, event, and the event's fields.
pub(crate) fn line(entry: &Entry, output: Output) -> String {
    let fields = fields(entry).into_iter().filter(|field| !field.text.is_empty()).map(|field| {
        let is_digest = field.class == Class::Hmac || field.text.starts_with("sha256:");
        let text = if is_digest { shortened(&field.text) } else { field.text };
        format!(" {}={text}", field.name)
    });
    let fields: String = fields.collect();
    let time = output.paint(&utc(entry.time_us), Paint::Faint);
    let event = output.paint(&format!("{:16}", harmless(&entry.event)), paint(entry));
    format!("{time} {:>6} {:10} {event}{fields}", entry.index, harmless(&entry.producer))
}

fn paint(entry: &Entry) -> Paint {
    match entry.event.as_str() {
        "attempt_denied" | "link_violated" | "ledger_fault" => Paint::Bad,
        "request_denied" => Paint::Warning,
        _ if fields(entry).iter().any(|field| matches!(field.name, "refused" | "failed" | "blame")) => {
            Paint::Warning
        }
        _ => Paint::Strong,
    }
}

/// A value as people read it, on one line.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => harmless(text).replace(['\n', '\t'], " "),
        Value::Array(controls) => held(controls),
        other => harmless(&other.to_string()),
    }
}

/// Controls: how many are enforced, and which are not.
fn held(controls: &[Value]) -> String {
    let word =
        |control: &Value, name: &str| harmless(control.get(name).and_then(Value::as_str).unwrap_or("?"));
    let (enforced, others): (Vec<_>, Vec<_>) =
        controls.iter().partition(|control| word(control, "status") == "enforced");
    let missing: Vec<String> = others
        .into_iter()
        .map(|control| format!(",{}:{}", word(control, "control"), word(control, "status")))
        .collect();
    format!("{}-enforced{}", enforced.len(), missing.concat())
}

fn shortened(digest: &str) -> String {
    let shown = if digest.starts_with("sha256:") { 19 } else { 12 };
    digest.get(..shown).map_or_else(|| digest.to_owned(), |start| format!("{start}…"))
}
