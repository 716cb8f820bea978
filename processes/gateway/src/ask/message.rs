//! One message of a conversation.

use policy::Denial;
use proto::link::engine::{Message, Role};
use serde_json::value::RawValue;

use super::fields::{Fields, unsupported, wrong};

/// Parses the message at `path`.
pub(crate) fn parse(message: &RawValue, path: &str) -> Result<Message, Denial> {
    let mut fields = Fields::of_object(message, path)?;
    let role = match fields.need::<String>("role", "a text")?.as_str() {
        // The newer name of the same thing.
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        "function" => return Err(fields.unsupported("role")),
        _ => return Err(fields.wrong("role", "one of system, developer, user, assistant, tool")),
    };
    let content = content(fields.raw("content"), &format!("{path}.content"))?;
    let tool_calls = match fields.raw("tool_calls") {
        Some(calls) if role == Role::Assistant => earlier_calls(calls, &format!("{path}.tool_calls"))?,
        Some(_) => return Err(fields.unsupported("tool_calls")),
        None => None,
    };
    let tool_call_id: Option<String> = fields.take("tool_call_id", "a text")?;
    let name: Option<String> = fields.take("name", "a text")?;
    for (field, text) in [("tool_call_id", &tool_call_id), ("name", &name)] {
        if text.as_ref().is_some_and(|text| text.len() > NAME_BYTES_MAX) {
            return Err(fields.wrong(field, &format!("at most {NAME_BYTES_MAX} bytes")));
        }
    }
    if content.is_none() && tool_calls.is_none() {
        return Err(fields.wrong("content", "there"));
    }
    // What the API itself adds to an answer, and gets back with the conversation.
    fields.finish(&["refusal", "annotations"], &[])?;
    Ok(Message { role, content: content.unwrap_or_default(), tool_calls, tool_call_id, name })
}

/// A text, or parts that are texts.
fn content(content: Option<&RawValue>, path: &str) -> Result<Option<String>, Denial> {
    let Some(content) = content else { return Ok(None) };
    if !content.get().starts_with('[') {
        return serde_json::from_str(content.get())
            .map(Some)
            .map_err(|_| wrong(path, "a text or an array of parts"));
    }
    let parts: Vec<&RawValue> =
        serde_json::from_str(content.get()).map_err(|_| wrong(path, "an array of parts"))?;
    let mut texts: Vec<String> = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let path = format!("{path}[{index}]");
        let mut part = Fields::of_object(part, &path)?;
        if part.need::<String>("type", "a text")? != "text" {
            return Err(unsupported(&path));
        }
        texts.push(part.need("text", "a text")?);
        part.finish(&[], &[])?;
    }
    Ok(Some(texts.join("\n")))
}

/// Calls that the model made earlier, checked and kept as the client wrote them.
fn earlier_calls(calls: &RawValue, path: &str) -> Result<Option<String>, Denial> {
    let list: Vec<&RawValue> =
        serde_json::from_str(calls.get()).map_err(|_| wrong(path, "an array of tool calls"))?;
    for (index, call) in list.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let mut call = Fields::of_object(call, &path)?;
        call.need::<String>("id", "a text")?;
        if call.take::<String>("type", "a text")?.is_some_and(|kind| kind != "function") {
            return Err(call.unsupported("type"));
        }
        let mut function =
            Fields::of_object(call.need("function", "an object")?, &format!("{path}.function"))?;
        function.need::<String>("name", "a text")?;
        function.need::<String>("arguments", "a text")?;
        function.finish(&[], &[])?;
        // Where a client put a stream together it keeps the places.
        call.finish(&["index"], &[])?;
    }
    Ok((!list.is_empty()).then(|| calls.get().to_owned()))
}

const NAME_BYTES_MAX: usize = 128;
