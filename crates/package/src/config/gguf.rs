//! A Llama configuration from GGUF metadata.

use super::{ConfigError, LlamaConfig, RopeScaling};
use crate::gguf::{GgufIndex, Value};

/// Every `llama.*` key that is understood. Another one may change the arithmetic.
const KNOWN: &[&str] = &[
    "llama.attention.head_count",
    "llama.attention.head_count_kv",
    "llama.attention.key_length",
    "llama.attention.layer_norm_rms_epsilon",
    "llama.attention.value_length",
    "llama.block_count",
    "llama.context_length",
    "llama.embedding_length",
    "llama.feed_forward_length",
    "llama.rope.dimension_count",
    "llama.rope.freq_base",
    "llama.rope.scaling.factor",
    "llama.rope.scaling.type",
    "llama.vocab_size",
];

impl LlamaConfig {
    /// Reads the metadata of a GGUF file of the architecture `llama`.
    ///
    /// Whether the embeddings are tied is not in the metadata: it is whether `output.weight` exists.
    /// GGUF has no key for Llama 3's scaling: it stores the tensor `rope_freqs.weight`, which the
    /// caller finds in the index.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong.
    pub fn from_gguf(index: &GgufIndex<'_>) -> Result<Self, ConfigError> {
        match index.get("general.architecture").map(Value::as_text) {
            None => return Err(ConfigError::Missing { key: "general.architecture" }),
            Some(Some("llama")) => {}
            Some(_) => return Err(ConfigError::Unsupported { key: "general.architecture" }),
        }
        let family = |key: &str| key.starts_with("llama.");
        if let Some(key) = index.metadata.keys().find(|key| family(key) && !KNOWN.contains(key)) {
            return Err(ConfigError::UnknownKey { key: (*key).to_owned() });
        }
        let heads = whole(index, "llama.attention.head_count")?;
        let hidden_size = whole(index, "llama.embedding_length")?;
        let head_size = match optional(index, "llama.attention.key_length")? {
            Some(size) => size,
            None if heads > 0 && hidden_size % heads == 0 => hidden_size / heads,
            None => return Err(ConfigError::Value { key: "llama.attention.head_count" }),
        };
        for key in ["llama.attention.value_length", "llama.rope.dimension_count"] {
            if optional(index, key)?.is_some_and(|size| size != head_size) {
                return Err(ConfigError::Unsupported { key });
            }
        }
        let vocabulary = vocabulary(index)?;
        if optional(index, "llama.vocab_size")?.is_some_and(|found| found != vocabulary) {
            return Err(ConfigError::Value { key: "llama.vocab_size" });
        }
        Self {
            hidden_size,
            layers: whole(index, "llama.block_count")?,
            heads,
            kv_heads: optional(index, "llama.attention.head_count_kv")?.unwrap_or(heads),
            head_size,
            feed_forward: whole(index, "llama.feed_forward_length")?,
            vocabulary,
            context_tokens: whole(index, "llama.context_length")?,
            rope_theta: number(index, "llama.rope.freq_base")?.unwrap_or(10_000.0),
            rope_scaling: scaling(index)?,
            rms_norm_eps: number(index, "llama.attention.layer_norm_rms_epsilon")?
                .ok_or(ConfigError::Missing { key: "llama.attention.layer_norm_rms_epsilon" })?,
            tied_embeddings: index.tensor("output.weight").is_none(),
            bos_token: optional(index, "tokenizer.ggml.bos_token_id")?,
            end_tokens: end_tokens(index)?,
        }
        .checked()
    }
}

/// A tensor's name in GGUF for its name in safetensors.
pub fn gguf_tensor_name(name: &str) -> Option<String> {
    let plain = match name {
        "model.embed_tokens.weight" => "token_embd.weight",
        "model.norm.weight" => "output_norm.weight",
        "lm_head.weight" => "output.weight",
        _ => {
            let (layer, part) = name.strip_prefix("model.layers.")?.split_once('.')?;
            let part = match part {
                "input_layernorm.weight" => "attn_norm",
                "post_attention_layernorm.weight" => "ffn_norm",
                "self_attn.q_proj.weight" => "attn_q",
                "self_attn.k_proj.weight" => "attn_k",
                "self_attn.v_proj.weight" => "attn_v",
                "self_attn.o_proj.weight" => "attn_output",
                "mlp.gate_proj.weight" => "ffn_gate",
                "mlp.up_proj.weight" => "ffn_up",
                "mlp.down_proj.weight" => "ffn_down",
                _ => return None,
            };
            return Some(format!("blk.{layer}.{part}.weight"));
        }
    };
    Some(plain.to_owned())
}

fn vocabulary(index: &GgufIndex<'_>) -> Result<u32, ConfigError> {
    const KEY: &str = "tokenizer.ggml.tokens";
    let tokens = index.get(KEY).ok_or(ConfigError::Missing { key: KEY })?;
    let tokens = tokens.as_array().ok_or(ConfigError::Value { key: KEY })?;
    u32::try_from(tokens.len()).map_err(|_| ConfigError::Value { key: KEY })
}

fn scaling(index: &GgufIndex<'_>) -> Result<RopeScaling, ConfigError> {
    const KEY: &str = "llama.rope.scaling.type";
    match index.get(KEY).map(Value::as_text) {
        None | Some(Some("none")) => Ok(RopeScaling::None),
        Some(Some("linear")) => {
            let key = "llama.rope.scaling.factor";
            Ok(RopeScaling::Linear { factor: number(index, key)?.ok_or(ConfigError::Missing { key })? })
        }
        Some(_) => Err(ConfigError::Unsupported { key: KEY }),
    }
}

fn end_tokens(index: &GgufIndex<'_>) -> Result<Vec<u32>, ConfigError> {
    let mut ids = Vec::new();
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"] {
        if let Some(id) = optional(index, key)?
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn whole(index: &GgufIndex<'_>, key: &'static str) -> Result<u32, ConfigError> {
    optional(index, key)?.ok_or(ConfigError::Missing { key })
}

fn optional(index: &GgufIndex<'_>, key: &'static str) -> Result<Option<u32>, ConfigError> {
    let Some(value) = index.get(key) else { return Ok(None) };
    let number = value.as_u64().and_then(|value| u32::try_from(value).ok());
    number.map(Some).ok_or(ConfigError::Value { key })
}

fn number(index: &GgufIndex<'_>, key: &'static str) -> Result<Option<f64>, ConfigError> {
    let Some(value) = index.get(key) else { return Ok(None) };
    value.as_f64().map(Some).ok_or(ConfigError::Value { key })
}
