//! What a Llama-family model says of itself: a strict subset of `config.json`, or GGUF's metadata.
//!
//! Keys that would change the arithmetic and that the engine does not know are refused, never
//! ignored: a model that runs other than its publisher meant is worse than one that does not run.

mod gguf;
mod huggingface;

pub use gguf::gguf_tensor_name;
use proto::Code;

/// Ceilings on what a configuration may claim. A larger claim is refused before anything is
/// reserved for it.
pub mod ceiling {
    /// Most numbers in one token's hidden state.
    pub const HIDDEN_SIZE_MAX: u32 = 32_768;
    /// Most layers.
    pub const LAYERS_MAX: u32 = 512;
    /// Most attention heads.
    pub const HEADS_MAX: u32 = 512;
    /// Most numbers in one head.
    pub const HEAD_SIZE_MAX: u32 = 1024;
    /// Most numbers in a feed-forward layer.
    pub const FEED_FORWARD_MAX: u32 = 262_144;
    /// Most tokens in a vocabulary.
    pub const VOCABULARY_MAX: u32 = 1_048_576;
    /// Most tokens of context.
    pub const CONTEXT_MAX: u32 = 16_777_216;
    /// Most ids that end an answer.
    pub const END_TOKENS_MAX: usize = 16;
}

/// A Llama-family model's dimensions and constants, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaConfig {
    /// Numbers in one token's hidden state.
    pub hidden_size: u32,
    /// Layers.
    pub layers: u32,
    /// Attention heads.
    pub heads: u32,
    /// Heads of keys and values; divides `heads`.
    pub kv_heads: u32,
    /// Numbers in one head; even.
    pub head_size: u32,
    /// Numbers in a feed-forward layer.
    pub feed_forward: u32,
    /// Tokens in the vocabulary.
    pub vocabulary: u32,
    /// Tokens of context that the model was made for.
    pub context_tokens: u32,
    /// Base of the rotary position embedding.
    pub rope_theta: f64,
    /// How the rotary embedding is stretched.
    pub rope_scaling: RopeScaling,
    /// Added to the mean square before its root is taken.
    pub rms_norm_eps: f64,
    /// Whether the output layer is the embedding itself.
    pub tied_embeddings: bool,
    /// The token that begins a text, when the model has one.
    pub bos_token: Option<u32>,
    /// The tokens that end an answer.
    pub end_tokens: Vec<u32>,
}

/// How the rotary embedding is stretched beyond the context of the first training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// Every position is divided by the factor.
    Linear {
        /// The divisor, at least 1.
        factor: f64,
    },
    /// Llama 3's way: slow waves are stretched, fast ones kept, those between blended.
    Llama3 {
        /// The divisor of slow waves, at least 1.
        factor: f64,
        /// Below original context ÷ this many waves, a wave is slow.
        low_frequency_factor: f64,
        /// Above original context ÷ this many waves, a wave is fast; larger than the other.
        high_frequency_factor: f64,
        /// Tokens of context in the first training.
        original_context_tokens: u32,
    },
}

impl LlamaConfig {
    /// Checks every number against its ceiling and against the others.
    fn checked(self) -> Result<Self, ConfigError> {
        use ceiling::{
            CONTEXT_MAX, END_TOKENS_MAX, FEED_FORWARD_MAX, HEAD_SIZE_MAX, HEADS_MAX, HIDDEN_SIZE_MAX,
            LAYERS_MAX, VOCABULARY_MAX,
        };
        within("hidden_size", self.hidden_size, HIDDEN_SIZE_MAX)?;
        within("num_hidden_layers", self.layers, LAYERS_MAX)?;
        within("num_attention_heads", self.heads, HEADS_MAX)?;
        within("num_key_value_heads", self.kv_heads, self.heads)?;
        within("head_dim", self.head_size, HEAD_SIZE_MAX)?;
        within("intermediate_size", self.feed_forward, FEED_FORWARD_MAX)?;
        within("vocab_size", self.vocabulary, VOCABULARY_MAX)?;
        within("max_position_embeddings", self.context_tokens, CONTEXT_MAX)?;
        holds("num_key_value_heads", self.heads.is_multiple_of(self.kv_heads))?;
        holds("head_dim", self.head_size.is_multiple_of(2))?;
        holds("rope_theta", (1.0..=1e12).contains(&self.rope_theta))?;
        holds("rms_norm_eps", (1e-12..=1e-1).contains(&self.rms_norm_eps))?;
        holds("bos_token_id", self.bos_token.is_none_or(|id| id < self.vocabulary))?;
        holds("eos_token_id", self.end_tokens.len() <= END_TOKENS_MAX)?;
        holds("eos_token_id", self.end_tokens.iter().all(|&id| id < self.vocabulary))?;
        self.rope_scaling.check()?;
        Ok(self)
    }

    /// The tensors that a model of these dimensions has, by their safetensors names, with their
    /// shapes outermost first. `lm_head.weight` is among them only when the embeddings are not tied.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let [hidden, vocabulary, feed] = [self.hidden_size, self.vocabulary, self.feed_forward].map(size);
        let query = size(self.heads) * size(self.head_size);
        let key = size(self.kv_heads) * size(self.head_size);
        let mut tensors = vec![
            ("model.embed_tokens.weight".to_owned(), vec![vocabulary, hidden]),
            ("model.norm.weight".to_owned(), vec![hidden]),
        ];
        if !self.tied_embeddings {
            tensors.push(("lm_head.weight".to_owned(), vec![vocabulary, hidden]));
        }
        for layer in 0..self.layers {
            for (name, shape) in [
                ("input_layernorm", vec![hidden]),
                ("post_attention_layernorm", vec![hidden]),
                ("self_attn.q_proj", vec![query, hidden]),
                ("self_attn.k_proj", vec![key, hidden]),
                ("self_attn.v_proj", vec![key, hidden]),
                ("self_attn.o_proj", vec![hidden, query]),
                ("mlp.gate_proj", vec![feed, hidden]),
                ("mlp.up_proj", vec![feed, hidden]),
                ("mlp.down_proj", vec![hidden, feed]),
            ] {
                tensors.push((format!("model.layers.{layer}.{name}.weight"), shape));
            }
        }
        tensors
    }
}

impl RopeScaling {
    fn check(&self) -> Result<(), ConfigError> {
        let factor_holds = |factor: f64| holds("rope_scaling.factor", (1.0..=1e6).contains(&factor));
        match *self {
            Self::None => Ok(()),
            Self::Linear { factor } => factor_holds(factor),
            Self::Llama3 {
                factor,
                low_frequency_factor: low,
                high_frequency_factor: high,
                original_context_tokens,
            } => {
                factor_holds(factor)?;
                holds("rope_scaling.low_freq_factor", (1e-3..=1e6).contains(&low))?;
                holds("rope_scaling.high_freq_factor", (1e-3..=1e6).contains(&high) && high > low)?;
                within(
                    "rope_scaling.original_max_position_embeddings",
                    original_context_tokens,
                    ceiling::CONTEXT_MAX,
                )
            }
        }
    }
}

/// Why a model's configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `config.json` is no JSON that we accept.
    #[error("`config.json` is not accepted")]
    Json(#[from] crate::json::JsonError),
    /// It has a key that we do not know: it may change the arithmetic.
    #[error("`config.json` has the key {key:?}, which is not supported")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A value is not there.
    #[error("configuration has no `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// A value has the wrong type, or is zero, too large, or at odds with another.
    #[error("configuration has a `{key}` that is not allowed")]
    Value {
        /// The key.
        key: &'static str,
    },
    /// A value is well formed and asks for something that the engine does not do.
    #[error("configuration has a `{key}` that is not supported")]
    Unsupported {
        /// The key.
        key: &'static str,
    },
}

impl ConfigError {
    /// The code under which operators know it.
    pub fn code(&self) -> Code {
        match self {
            Self::UnknownKey { .. } | Self::Unsupported { .. } => Code::FormatUnsupported,
            _ => Code::FormatInvalid,
        }
    }
}

fn within(key: &'static str, found: u32, max: u32) -> Result<(), ConfigError> {
    holds(key, (1..=max).contains(&found))
}

fn holds(key: &'static str, holds: bool) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError::Value { key }) }
}

fn size(number: u32) -> usize {
    // The workspace targets 64-bit machines only; `u32` always fits.
    number as usize
}
