//! `POST /v1/chat/completions`.

use policy::Denial;
use proto::Code;
use proto::link::engine::Prompt;
use serde_json::value::RawValue;

use super::fields::Fields;
use super::{Parsed, json, message, sampling, tools};
use crate::tool_text::ToolText;
use crate::writer::Form;

/// Parses a request to continue a conversation.
pub(crate) fn parse(body: &[u8]) -> Result<Parsed, Denial> {
    json::check(body)?;
    let mut fields = Fields::of_body(body)?;
    let model = fields.need("model", "a text")?;
    let messages: Vec<&RawValue> = fields.need("messages", "an array of messages")?;
    let messages = messages
        .iter()
        .enumerate()
        .map(|(index, message)| message::parse(message, &format!("messages[{index}]")))
        .collect::<Result<_, _>>()?;
    let offered = tools::take(&mut fields)?;
    let sampling = sampling::take(&mut fields)?;
    let output_tokens = output_tokens(&mut fields)?;
    let stream = fields.take("stream", "true or false")?.unwrap_or(false);
    let include_usage = include_usage(&mut fields, stream)?;
    fields.finish(IGNORED, NEUTRAL)?;
    let (tools, form) = match offered {
        Some(offered) => (Some(offered.json), Form::Chat(Some(ToolText::new(offered.names)))),
        None => (None, Form::Chat(None)),
    };
    Ok(Parsed {
        model,
        prompt: Prompt::Chat { messages, tools },
        sampling,
        output_tokens,
        stream,
        include_usage,
        form,
    })
}

/// The newer name or the older one.
fn output_tokens(fields: &mut Fields<'_>) -> Result<Option<u32>, Denial> {
    let newer = fields.take("max_completion_tokens", "a whole number")?;
    let older = fields.take("max_tokens", "a whole number")?;
    match (newer, older) {
        (Some(newer), Some(older)) if newer != older => {
            Err(Denial::new(Code::InvalidRequest, "`max_tokens` and `max_completion_tokens` differ")
                .of("max_tokens"))
        }
        (newer, older) => Ok(newer.or(older)),
    }
}

/// Whether a stream ends with the token counts.
pub(super) fn include_usage(fields: &mut Fields<'_>, stream: bool) -> Result<bool, Denial> {
    let Some(options) = fields.raw("stream_options") else { return Ok(false) };
    if !stream {
        return Err(Denial::new(Code::InvalidRequest, "`stream_options` is for streams").of("stream_options"));
    }
    let mut options = Fields::of_object(options, "stream_options")?;
    let include_usage = options.take("include_usage", "true or false")?.unwrap_or(false);
    // Padding against who watches sizes of encrypted packets: this listener does not encrypt.
    options.finish(&["include_obfuscation"], &[])?;
    Ok(include_usage)
}

/// Fields about the request that do not change its answer.
pub(super) const IGNORED: &[&str] = &[
    "user",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "service_tier",
    // A guess at the answer, to be faster where it is right.
    "prediction",
];

/// Fields that are not supported, each with the value that asks for nothing.
const NEUTRAL: &[(&str, &str)] = &[
    ("n", "1"),
    ("logprobs", "false"),
    ("top_logprobs", "0"),
    ("logit_bias", "{}"),
    ("response_format", "{\"type\":\"text\"}"),
    ("modalities", "[\"text\"]"),
    ("parallel_tool_calls", "true"),
    ("reasoning_effort", "\"none\""),
    ("functions", "[]"),
    ("function_call", "\"none\""),
    ("store", "false"),
];
