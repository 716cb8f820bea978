//! `POST /v1/completions`.

use policy::Denial;
use proto::link::engine::Prompt;
use serde_json::value::RawValue;

use super::Parsed;
use super::fields::{Fields, unsupported, wrong};
use super::{json, sampling};
use crate::writer::Form;

/// Parses a request to continue a text.
pub(crate) fn parse(body: &[u8]) -> Result<Parsed, Denial> {
    json::check(body)?;
    let mut fields = Fields::of_body(body)?;
    let model = fields.need("model", "a text")?;
    let prompt = prompt(fields.need("prompt", "a text")?)?;
    let sampling = sampling::take(&mut fields)?;
    let output_tokens = fields.take("max_tokens", "a whole number")?.unwrap_or(OUTPUT_TOKENS_DEFAULT);
    let stream = fields.take("stream", "true or false")?.unwrap_or(false);
    let include_usage = super::chat::include_usage(&mut fields, stream)?;
    fields.finish(super::chat::IGNORED, NEUTRAL)?;
    Ok(Parsed {
        model,
        prompt: Prompt::Text(prompt),
        sampling,
        output_tokens: Some(output_tokens),
        stream,
        include_usage,
        form: Form::Text,
    })
}

/// One text, or an array of one. Several would be several answers; numbers would be tokens, whose
/// meaning is the package's secret.
fn prompt(prompt: &RawValue) -> Result<String, Denial> {
    if !prompt.get().starts_with('[') {
        return serde_json::from_str(prompt.get()).map_err(|_| wrong("prompt", "a text"));
    }
    match serde_json::from_str::<[String; 1]>(prompt.get()) {
        Ok([text]) => Ok(text),
        Err(_) => Err(unsupported("prompt")),
    }
}

/// What `OpenAI` documents for requests that do not say it.
const OUTPUT_TOKENS_DEFAULT: u32 = 16;

/// Fields that are not supported, each with the value that asks for nothing.
const NEUTRAL: &[(&str, &str)] = &[
    ("n", "1"),
    ("best_of", "1"),
    ("echo", "false"),
    ("suffix", "\"\""),
    ("logit_bias", "{}"),
    ("store", "false"),
];
