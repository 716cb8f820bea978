//! A tokenizer from `tokenizer.json`, changed so that text cannot become a control token.

use serde_json::{Map, Value};
use tokenizers::Tokenizer;

use super::control::{Control, Controls};
use super::spelling::{Notation, Spelling};
use super::{Marks, Tokens, TokensError};

/// Builds the tokenizer that a file describes.
///
/// Control tokens are renamed everywhere, and rules that merge text into one are left out; what cuts
/// or pads prompts, or encodes at random, is turned off.
pub(super) fn build(mut file: Map<String, Value>, marks: Marks) -> Result<Tokens, TokensError> {
    let notation = notation(file.get("decoder")).ok_or(TokensError::Unsupported { what: "decoder" })?;
    let mut controls = Vec::new();
    match file.get_mut("added_tokens") {
        None | Some(Value::Null) => {}
        Some(Value::Array(tokens)) => {
            for token in tokens {
                controls.extend(take_control(token)?);
            }
        }
        Some(_) => return Err(TokensError::Malformed { what: "added_tokens" }),
    }
    let model = object(file.get_mut("model"), "model")?;
    let tokens = vocabulary(model)?;
    rename(model, &controls)?;
    model.insert("dropout".to_owned(), Value::Null);
    for key in ["truncation", "padding", "decoder"] {
        file.insert(key.to_owned(), Value::Null);
    }
    let added = file.get("added_tokens").cloned();
    let file =
        serde_json::to_vec(&Value::Object(file)).map_err(|error| TokensError::Library(Box::new(error)))?;
    let tokenizer = Tokenizer::from_bytes(file).map_err(TokensError::Library)?;
    let spelling = spell(notation, tokens, added.as_ref(), &controls, &tokenizer)?;
    let controls = Controls::new(controls).ok_or(TokensError::Unsupported { what: "added_tokens" })?;
    Ok(Tokens { tokenizer, controls, spelling, marks })
}

/// The names of the first and the last token, as `tokenizer_config.json` has them.
pub(super) fn marks(settings: Option<&[u8]>) -> Marks {
    let settings: Map<String, Value> =
        settings.and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default();
    let text = |key: &str| match settings.get(key)? {
        Value::String(text) => Some(text.clone()),
        token => token.get("content")?.as_str().map(str::to_owned),
    };
    Marks { begin: text("bos_token"), end: text("eos_token") }
}

/// Renames an added token and gives it back, when it controls the model.
///
/// Every special token does. Others do unless they begin with a letter, a digit or a space: words and
/// runs of spaces are text that the vocabulary lacked, `<tool_call>` is not.
fn take_control(token: &mut Value) -> Result<Option<Control>, TokensError> {
    let malformed = || TokensError::Malformed { what: "added_tokens" };
    let token = token.as_object_mut().ok_or_else(malformed)?;
    let text = token.get("content").and_then(Value::as_str).ok_or_else(malformed)?.to_owned();
    let id = token.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    let id = id.ok_or_else(malformed)?;
    let first = text.chars().next().ok_or_else(malformed)?;
    let like_text = first.is_alphanumeric() || first.is_whitespace() || first == '\u{2581}';
    let special = token.get("special") == Some(&Value::Bool(true));
    match (special, like_text) {
        (false, true) => Ok(None),
        // Hiding letters would hide them from the template too.
        (true, true) => Err(TokensError::Unsupported { what: "added_tokens" }),
        (_, false) => {
            token.insert("content".to_owned(), Value::String(Controls::name(id)));
            token.insert("special".to_owned(), Value::Bool(true));
            token.insert("normalized".to_owned(), Value::Bool(false));
            Ok(Some(Control { text, id }))
        }
    }
}

/// Every token's text by its id.
fn vocabulary(model: &Map<String, Value>) -> Result<Vec<Option<String>>, TokensError> {
    let malformed = || TokensError::Malformed { what: "model.vocab" };
    let mut tokens = Vec::new();
    for (text, id) in model.get("vocab").and_then(Value::as_object).ok_or_else(malformed)? {
        // `package` has bounded every id.
        let id = id.as_u64().and_then(|id| usize::try_from(id).ok()).ok_or_else(malformed)?;
        if id >= tokens.len() {
            tokens.resize(id + 1, None);
        }
        if tokens.get_mut(id).and_then(|token| token.replace(text.clone())).is_some() {
            return Err(malformed());
        }
    }
    Ok(tokens)
}

/// Gives control tokens their private names in the model, and takes out the merges that make one.
fn rename(model: &mut Map<String, Value>, controls: &[Control]) -> Result<(), TokensError> {
    let names: std::collections::BTreeMap<&str, u32> =
        controls.iter().map(|control| (control.text.as_str(), control.id)).collect();
    let vocab = object(model.get_mut("vocab"), "model.vocab")?;
    for Control { text, id } in controls {
        match vocab.remove(text) {
            Some(found) if found.as_u64() != Some(u64::from(*id)) => return Err(TokensError::AddedToken),
            Some(found) => {
                vocab.insert(Controls::name(*id), found);
            }
            None => {}
        }
    }
    if let Some(Value::String(unknown)) = model.get_mut("unk_token")
        && let Some(&id) = names.get(unknown.as_str())
    {
        *unknown = Controls::name(id);
    }
    let makes_none = |merge: &Value| {
        let parts = match merge {
            Value::String(both) => both.split_once(' '),
            Value::Array(both) => match both.as_slice() {
                [one, other] => one.as_str().zip(other.as_str()),
                _ => None,
            },
            _ => None,
        };
        // The library refuses a merge of any other shape.
        parts.is_none_or(|(one, other)| {
            let made = [one, other].concat();
            ![one, other, made.as_str()].into_iter().any(|text| names.contains_key(text))
        })
    };
    match model.get_mut("merges") {
        Some(Value::Array(merges)) => merges.retain(makes_none),
        _ => return Err(TokensError::Malformed { what: "model.merges" }),
    }
    Ok(())
}

/// Spells every token, and checks that added tokens have the ids that the file says.
fn spell(
    notation: Notation,
    mut tokens: Vec<Option<String>>,
    added: Option<&Value>,
    controls: &[Control],
    tokenizer: &Tokenizer,
) -> Result<Spelling, TokensError> {
    for token in added.and_then(Value::as_array).into_iter().flatten() {
        let text = token.get("content").and_then(Value::as_str).unwrap_or_default();
        let id = token.get("id").and_then(Value::as_u64).and_then(|id| usize::try_from(id).ok());
        let id = id.ok_or(TokensError::Malformed { what: "added_tokens" })?;
        if tokenizer.token_to_id(text).map(|found| found as usize) != Some(id) {
            return Err(TokensError::AddedToken);
        }
        if id >= tokens.len() {
            tokens.resize(id + 1, None);
        }
        if let Some(place) = tokens.get_mut(id) {
            *place = Some(text.to_owned());
        }
    }
    for control in controls {
        if let Some(place) = tokens.get_mut(control.id as usize) {
            *place = None;
        }
    }
    Ok(Spelling::new(notation, &tokens))
}

/// How the vocabulary notes down bytes, by what undoes it.
fn notation(decoder: Option<&Value>) -> Option<Notation> {
    let kind = |decoder: &Value, kind: &str| decoder.get("type").and_then(Value::as_str) == Some(kind);
    let decoder = decoder?;
    let steps = if kind(decoder, "Sequence") {
        decoder.get("decoders")?.as_array()?.iter().collect()
    } else {
        vec![decoder]
    };
    let has = |name: &str| steps.iter().any(|step| kind(step, name));
    if has("ByteLevel") {
        Some(Notation::ByteLevel)
    } else if has("ByteFallback") || has("Metaspace") {
        Some(Notation::SentencePiece { strip_first_space: has("Strip") || has("Metaspace") })
    } else {
        None
    }
}

fn object<'v>(
    value: Option<&'v mut Value>,
    what: &'static str,
) -> Result<&'v mut Map<String, Value>, TokensError> {
    value.and_then(Value::as_object_mut).ok_or(TokensError::Malformed { what })
}
