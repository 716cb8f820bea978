//! `config.json` as Hugging Face's transformers writes it for Llama.

use serde_json::{Map, Value};

use super::{ConfigError, LlamaConfig, RopeScaling};
use crate::json::{self, Limits};

const LIMITS: Limits = Limits { bytes_max: 256 * 1024, depth_max: 8, values_max: 4096 };

/// Keys that change nothing of the arithmetic of inference.
const WITHOUT_EFFECT: &[&str] = &[
    "_name_or_path",
    "architectures",
    "attention_dropout",
    "dtype",
    "initializer_range",
    "pad_token_id",
    "torch_dtype",
    "transformers_version",
    "use_cache",
];

/// Keys that are read below.
const READ: &[&str] = &[
    "attention_bias",
    "bos_token_id",
    "eos_token_id",
    "head_dim",
    "hidden_act",
    "hidden_size",
    "intermediate_size",
    "max_position_embeddings",
    "mlp_bias",
    "model_type",
    "num_attention_heads",
    "num_hidden_layers",
    "num_key_value_heads",
    "pretraining_tp",
    "rms_norm_eps",
    "rope_parameters",
    "rope_scaling",
    "rope_theta",
    "tie_word_embeddings",
    "vocab_size",
];

impl LlamaConfig {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong.
    pub fn from_json(text: &[u8]) -> Result<Self, ConfigError> {
        let map: Map<String, Value> = json::parse(text, &LIMITS)?;
        let known = |key: &str| READ.contains(&key) || WITHOUT_EFFECT.contains(&key);
        if let Some(key) = map.keys().find(|key| !known(key)) {
            return Err(ConfigError::UnknownKey { key: key.chars().take(64).collect() });
        }
        only(&map, "model_type", &Value::from("llama"), true)?;
        only(&map, "hidden_act", &Value::from("silu"), false)?;
        only(&map, "attention_bias", &Value::from(false), false)?;
        only(&map, "mlp_bias", &Value::from(false), false)?;
        only(&map, "pretraining_tp", &Value::from(1), false)?;
        let heads = whole(&map, "num_attention_heads")?;
        let hidden_size = whole(&map, "hidden_size")?;
        let head_size = match optional(&map, "head_dim") {
            Some(_) => whole(&map, "head_dim")?,
            None if heads > 0 && hidden_size % heads == 0 => hidden_size / heads,
            None => return Err(ConfigError::Value { key: "num_attention_heads" }),
        };
        let (rope_theta, rope_scaling) = rope(&map)?;
        Self {
            hidden_size,
            layers: whole(&map, "num_hidden_layers")?,
            heads,
            kv_heads: optional(&map, "num_key_value_heads")
                .map_or(Ok(heads), |_| whole(&map, "num_key_value_heads"))?,
            head_size,
            feed_forward: whole(&map, "intermediate_size")?,
            vocabulary: whole(&map, "vocab_size")?,
            context_tokens: whole(&map, "max_position_embeddings")?,
            rope_theta,
            rope_scaling,
            rms_norm_eps: number(&map, "rms_norm_eps")?,
            tied_embeddings: truth(&map, "tie_word_embeddings")?,
            bos_token: optional(&map, "bos_token_id").map(|_| whole(&map, "bos_token_id")).transpose()?,
            end_tokens: end_tokens(&map)?,
        }
        .checked()
    }

    /// Takes the tokens that end an answer from `generation_config.json` too. Its other keys are the
    /// publisher's taste in sampling, which the caller of the API decides.
    ///
    /// # Errors
    /// [`ConfigError`] for the first thing that is wrong.
    pub fn with_generation(mut self, text: &[u8]) -> Result<Self, ConfigError> {
        let map: Map<String, Value> = json::parse(text, &LIMITS)?;
        for id in end_tokens(&map)? {
            if !self.end_tokens.contains(&id) {
                self.end_tokens.push(id);
            }
        }
        self.checked()
    }
}

/// `rope_theta` and `rope_scaling` beside each other, or `rope_parameters` with both in it.
fn rope(map: &Map<String, Value>) -> Result<(f64, RopeScaling), ConfigError> {
    const KEY: &str = "rope_parameters";
    let theta = |map: &Map<String, Value>| {
        optional(map, "rope_theta").map_or(Ok(ROPE_THETA_DEFAULT), |_| number(map, "rope_theta"))
    };
    let scaling = |key, value: &Value| {
        value.as_object().ok_or(ConfigError::Value { key }).and_then(|map| scaling(key, map))
    };
    match (optional(map, KEY), optional(map, "rope_scaling")) {
        (Some(_), Some(_)) => Err(ConfigError::Value { key: KEY }),
        (Some(value), None) => {
            // Two places for one number: they could disagree.
            if optional(map, "rope_theta").is_some() {
                return Err(ConfigError::Value { key: KEY });
            }
            let inner = value.as_object().ok_or(ConfigError::Value { key: KEY })?;
            Ok((theta(inner)?, scaling(KEY, value)?))
        }
        (None, Some(value)) => {
            // Here the base has its own place, beside.
            let misplaced = value.get("rope_theta").is_some();
            if misplaced {
                Err(ConfigError::Value { key: "rope_scaling" })
            } else {
                Ok((theta(map)?, scaling("rope_scaling", value)?))
            }
        }
        (None, None) => Ok((theta(map)?, RopeScaling::None)),
    }
}

fn scaling(key: &'static str, map: &Map<String, Value>) -> Result<RopeScaling, ConfigError> {
    let allowed = |extra: &[&str]| {
        let known = |name: &str| matches!(name, "rope_type" | "type" | "rope_theta") || extra.contains(&name);
        if map.keys().all(|name| known(name)) { Ok(()) } else { Err(ConfigError::Unsupported { key }) }
    };
    let kind = match (map.get("rope_type"), map.get("type")) {
        (Some(one), Some(other)) if one != other => return Err(ConfigError::Value { key }),
        (Some(kind), _) | (None, Some(kind)) => kind.as_str().ok_or(ConfigError::Value { key })?,
        (None, None) => return Err(ConfigError::Missing { key: "rope_type" }),
    };
    match kind {
        "default" => allowed(&[]).map(|()| RopeScaling::None),
        "linear" => {
            allowed(&["factor"])?;
            Ok(RopeScaling::Linear { factor: number(map, "factor")? })
        }
        "llama3" => {
            allowed(&["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"])?;
            Ok(RopeScaling::Llama3 {
                factor: number(map, "factor")?,
                low_frequency_factor: number(map, "low_freq_factor")?,
                high_frequency_factor: number(map, "high_freq_factor")?,
                original_context_tokens: whole(map, "original_max_position_embeddings")?,
            })
        }
        _ => Err(ConfigError::Unsupported { key }),
    }
}

fn end_tokens(map: &Map<String, Value>) -> Result<Vec<u32>, ConfigError> {
    const KEY: &str = "eos_token_id";
    let id = |value: &Value| {
        value.as_u64().and_then(|id| u32::try_from(id).ok()).ok_or(ConfigError::Value { key: KEY })
    };
    match optional(map, KEY) {
        None => Ok(Vec::new()),
        Some(Value::Array(ids)) => ids.iter().map(id).collect(),
        Some(value) => Ok(vec![id(value)?]),
    }
}

/// The value, unless it is absent or null.
fn optional<'m>(map: &'m Map<String, Value>, key: &str) -> Option<&'m Value> {
    map.get(key).filter(|value| !value.is_null())
}

fn only(
    map: &Map<String, Value>,
    key: &'static str,
    allowed: &Value,
    required: bool,
) -> Result<(), ConfigError> {
    match map.get(key) {
        None if required => Err(ConfigError::Missing { key }),
        Some(found) if found != allowed => Err(ConfigError::Unsupported { key }),
        _ => Ok(()),
    }
}

fn whole(map: &Map<String, Value>, key: &'static str) -> Result<u32, ConfigError> {
    let value = map.get(key).ok_or(ConfigError::Missing { key })?;
    value.as_u64().and_then(|value| u32::try_from(value).ok()).ok_or(ConfigError::Value { key })
}

fn number(map: &Map<String, Value>, key: &'static str) -> Result<f64, ConfigError> {
    map.get(key).ok_or(ConfigError::Missing { key })?.as_f64().ok_or(ConfigError::Value { key })
}

fn truth(map: &Map<String, Value>, key: &'static str) -> Result<bool, ConfigError> {
    // Left out, transformers takes it as false for Llama.
    map.get(key).map_or(Ok(false), |value| value.as_bool().ok_or(ConfigError::Value { key }))
}

/// What transformers takes when it is left out.
const ROPE_THETA_DEFAULT: f64 = 10_000.0;
