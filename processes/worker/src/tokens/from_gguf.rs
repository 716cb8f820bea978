//! The `tokenizer.json` that a GGUF file's metadata amounts to.

use std::collections::HashMap;

use package::gguf::{Array, GgufIndex, Value as Metadata, ValueKind};
use serde_json::{Map, Value, json};

use super::{Marks, TokensError};

/// Writes the file, and says which tokens begin and end a text.
pub(super) fn file(index: &GgufIndex<'_>) -> Result<(Map<String, Value>, Marks), TokensError> {
    let tokens: Vec<&str> = array(index, TOKENS, ValueKind::Text)?.texts().collect();
    let kinds = kinds(index, tokens.len())?;
    let model = text(index, "tokenizer.ggml.model")?;
    let mut file = match model {
        "gpt2" => byte_level(index, &tokens)?,
        "llama" => sentence_piece(index, &tokens, &kinds)?,
        _ => return Err(TokensError::Unsupported { what: "tokenizer.ggml.model" }),
    };
    let added = tokens.iter().zip(&kinds).enumerate().filter(|(_, (_, kind))| kind.is_added());
    let added: Vec<Value> = added
        .map(|(id, (text, kind))| {
            json!({
                "id": id, "content": text, "special": *kind != Kind::UserDefined, "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false,
            })
        })
        .collect();
    file.insert("added_tokens".to_owned(), Value::Array(added));
    let named = |key| token(index, key).and_then(|id| tokens.get(id as usize)).map(|&text| text.to_owned());
    let marks = Marks { begin: named(BEGIN), end: named("tokenizer.ggml.eos_token_id") };
    let adds_begin = index.get("tokenizer.ggml.add_bos_token").and_then(Metadata::as_bool);
    let usual = model == "llama" || index.get(PRE).and_then(Metadata::as_text) == Some("llama-bpe");
    if adds_begin.unwrap_or(usual)
        && let (Some(id), Some(text)) = (token(index, BEGIN), &marks.begin)
    {
        file.insert("post_processor".to_owned(), beginning_with(id, text));
    }
    Ok((file, marks))
}

/// A byte-level encoding, whose merges the file lists. How it cuts a text into words stands only in
/// the name of its pre-tokenizer.
fn byte_level(index: &GgufIndex<'_>, tokens: &[&str]) -> Result<Map<String, Value>, TokensError> {
    let (cut, ignore_merges) = match text(index, PRE)? {
        "gpt-2" => (Vec::new(), false),
        "smollm" => (vec![json!({"type": "Digits", "individual_digits": true})], false),
        "qwen2" => (vec![cut_by(QWEN2)], false),
        "llama-bpe" => (vec![cut_by(LLAMA3)], true),
        _ => return Err(TokensError::Unsupported { what: PRE }),
    };
    // The patterns of the last two are the whole cut; the others leave it to GPT-2's own.
    let own = !matches!(text(index, PRE)?, "qwen2" | "llama-bpe");
    let level =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": own});
    let merges: Vec<&str> = array(index, "tokenizer.ggml.merges", ValueKind::Text)?.texts().collect();
    Ok(object(json!({
        "version": "1.0",
        "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": cut.into_iter().chain([level]).collect::<Vec<_>>()},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {
            "type": "BPE", "unk_token": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": ignore_merges, "vocab": vocabulary(tokens), "merges": merges,
        },
    })))
}

/// A `SentencePiece` encoding, whose merges follow from the scores of its tokens.
fn sentence_piece(
    index: &GgufIndex<'_>,
    tokens: &[&str],
    kinds: &[Kind],
) -> Result<Map<String, Value>, TokensError> {
    let scores: Vec<f64> =
        array(index, SCORES, ValueKind::F32)?.iter().filter_map(|score| score.as_f64()).collect();
    if scores.len() != tokens.len() {
        return Err(TokensError::Malformed { what: SCORES });
    }
    let unknown = kinds.iter().position(|kind| *kind == Kind::Unknown).and_then(|id| tokens.get(id));
    let space = index.get("tokenizer.ggml.add_space_prefix").and_then(Metadata::as_bool).unwrap_or(true);
    let replace =
        |from: &str, to: &str| json!({"type": "Replace", "pattern": {"String": from}, "content": to});
    let prefix = space.then(|| json!({"type": "Prepend", "prepend": "\u{2581}"}));
    let strip = space.then(|| json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    let steps = [replace("\u{2581}", " "), json!({"type": "ByteFallback"}), json!({"type": "Fuse"})];
    Ok(object(json!({
        "version": "1.0",
        "normalizer": {
            "type": "Sequence",
            "normalizers": prefix.into_iter().chain([replace(" ", "\u{2581}")]).collect::<Vec<_>>(),
        },
        "pre_tokenizer": null,
        "post_processor": null,
        "decoder": {"type": "Sequence", "decoders": steps.into_iter().chain(strip).collect::<Vec<_>>()},
        "model": {
            "type": "BPE", "unk_token": unknown, "fuse_unk": true, "byte_fallback": true,
            "ignore_merges": false, "vocab": vocabulary(tokens), "merges": merges(tokens, &scores),
        },
    })))
}

/// Every way to put a token together of two others, best token first.
fn merges<'t>(tokens: &[&'t str], scores: &[f64]) -> Vec<(&'t str, &'t str)> {
    let ids: HashMap<&str, usize> = tokens.iter().enumerate().map(|(id, &token)| (token, id)).collect();
    let mut merges = Vec::new();
    for (token, &score) in tokens.iter().zip(scores) {
        // Longer tokens exist only in hostile files: their halves would be quadratic work.
        if token.len() > TOKEN_BYTES_MAX {
            continue;
        }
        for (at, _) in token.char_indices().skip(1) {
            let (one, other) = token.split_at(at);
            if let (Some(&first), Some(&second)) = (ids.get(one), ids.get(other)) {
                merges.push((score, first, second, (one, other)));
            }
        }
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    merges.into_iter().map(|(.., both)| both).collect()
}

/// What a token is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Normal,
    Unknown,
    Control,
    UserDefined,
}

impl Kind {
    fn is_added(self) -> bool {
        self != Self::Normal
    }
}

fn kinds(index: &GgufIndex<'_>, count: usize) -> Result<Vec<Kind>, TokensError> {
    let kinds: Vec<Kind> = array(index, KINDS, ValueKind::I32)?
        .iter()
        .map(|kind| match kind.as_u64() {
            Some(2) => Kind::Unknown,
            Some(3) => Kind::Control,
            Some(4) => Kind::UserDefined,
            _ => Kind::Normal,
        })
        .collect();
    if kinds.len() == count { Ok(kinds) } else { Err(TokensError::Malformed { what: KINDS }) }
}

fn vocabulary(tokens: &[&str]) -> Map<String, Value> {
    tokens.iter().enumerate().map(|(id, &token)| (token.to_owned(), Value::from(id))).collect()
}

fn cut_by(pattern: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
}

fn beginning_with(id: u32, text: &str) -> Value {
    json!({
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": text, "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {text: {"id": text, "ids": [id], "tokens": [text]}},
    })
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

fn token(index: &GgufIndex<'_>, key: &str) -> Option<u32> {
    index.get(key)?.as_u64().and_then(|id| u32::try_from(id).ok())
}

fn text<'f>(index: &GgufIndex<'f>, key: &'static str) -> Result<&'f str, TokensError> {
    index.get(key).and_then(Metadata::as_text).ok_or(TokensError::Malformed { what: key })
}

fn array<'f>(index: &GgufIndex<'f>, key: &'static str, kind: ValueKind) -> Result<Array<'f>, TokensError> {
    let array = index.get(key).and_then(Metadata::as_array).filter(|array| array.kind() == kind);
    array.ok_or(TokensError::Malformed { what: key })
}

const TOKENS: &str = "tokenizer.ggml.tokens";
const KINDS: &str = "tokenizer.ggml.token_type";
const SCORES: &str = "tokenizer.ggml.scores";
const PRE: &str = "tokenizer.ggml.pre";
const BEGIN: &str = "tokenizer.ggml.bos_token_id";
/// Most bytes of a token that is put together of others.
const TOKEN_BYTES_MAX: usize = 256;
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
