//! From a package's files to a model that can answer, through `package`'s strict readers alone.

mod gguf;
mod safetensors;

use std::path::Path;
use std::sync::Arc;

use package::config::{ConfigError, LlamaConfig};
use package::{Format, Rejection};
use proto::Code;
use proto::code::Failure;
use proto::limits::EngineLimits;

use crate::decoder::{Decoder, Layer, Pairing, Weights};
use crate::folder::Folder;
use crate::matrix::{Matrix, MatrixError};
use crate::prompt::{Template, TemplateFault};
use crate::tokens::{Tokens, TokensError};

/// A loaded model.
#[derive(Debug)]
pub struct Model {
    /// Its arithmetic.
    pub decoder: Decoder,
    /// What its tokens mean, for more than one thread.
    pub words: Arc<Words>,
}

/// What a model's tokens mean.
#[derive(Debug)]
pub struct Words {
    /// Text to tokens and back.
    pub tokens: Tokens,
    /// How it wants a conversation, when its package says so.
    pub template: Option<Template>,
    /// The tokens that end an answer.
    pub ends: Vec<u32>,
    /// Tokens that one sequence may have.
    pub context: usize,
}

/// What a package's files say, before the decoder is built of it.
struct Found {
    config: LlamaConfig,
    weights: Weights,
    pairing: Pairing,
    tokens: Tokens,
    template: Option<Template>,
}

impl Model {
    /// Loads the package at `root`.
    ///
    /// # Errors
    /// [`LoadError`] for the first thing that is wrong.
    pub fn load(root: &Path, limits: &EngineLimits) -> Result<Self, LoadError> {
        let slots = limits.slots as usize;
        if !(1..=SLOTS_MAX).contains(&slots) || limits.context_tokens_max == 0 {
            return Err(LoadError::Limits);
        }
        Matrix::settle().map_err(LoadError::Kernels)?;
        let folder = Folder::open(root)?;
        let Found { config, weights, pairing, tokens, template } = match folder.format() {
            Format::Safetensors => safetensors::load(&folder)?,
            Format::Gguf => gguf::load(&folder)?,
        };
        let context = config.context_tokens.min(limits.context_tokens_max) as usize;
        let decoder = Decoder::new(&config, weights, pairing, slots, context).ok_or(LoadError::Memory)?;
        Ok(Self { decoder, words: Arc::new(Words { tokens, template, ends: config.end_tokens, context }) })
    }
}

/// Most slots: each is reserved in full.
const SLOTS_MAX: usize = 256;

/// Finds a model's tensors by their safetensors names.
trait Shelf {
    /// A matrix of these dimensions.
    fn matrix(&mut self, name: &str, rows: usize, width: usize) -> Result<Matrix, LoadError>;
    /// A vector of that length.
    fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, LoadError>;
}

/// Takes every tensor that a configuration asks for.
fn weights(config: &LlamaConfig, shelf: &mut dyn Shelf) -> Result<Weights, LoadError> {
    let mut names = config.tensors().into_iter().collect::<std::collections::BTreeMap<_, _>>();
    let mut take = Take { names: &mut names, shelf };
    Ok(Weights {
        embeddings: take.matrix("model.embed_tokens")?,
        layers: (0..config.layers).map(|layer| take.layer(layer)).collect::<Result<_, _>>()?,
        norm: take.vector("model.norm")?,
        head: if config.tied_embeddings { None } else { Some(take.matrix("lm_head")?) },
    })
}

struct Take<'t> {
    names: &'t mut std::collections::BTreeMap<String, Vec<usize>>,
    shelf: &'t mut dyn Shelf,
}

impl Take<'_> {
    fn layer(&mut self, layer: u32) -> Result<Layer, LoadError> {
        let name = |part: &str| format!("model.layers.{layer}.{part}");
        Ok(Layer {
            attention_norm: self.vector(&name("input_layernorm"))?,
            query: self.matrix(&name("self_attn.q_proj"))?,
            key: self.matrix(&name("self_attn.k_proj"))?,
            value: self.matrix(&name("self_attn.v_proj"))?,
            output: self.matrix(&name("self_attn.o_proj"))?,
            feed_norm: self.vector(&name("post_attention_layernorm"))?,
            gate: self.matrix(&name("mlp.gate_proj"))?,
            up: self.matrix(&name("mlp.up_proj"))?,
            down: self.matrix(&name("mlp.down_proj"))?,
        })
    }

    fn matrix(&mut self, part: &str) -> Result<Matrix, LoadError> {
        let name = format!("{part}.weight");
        match self.names.remove(&name).as_deref() {
            Some(&[rows, width]) => self.shelf.matrix(&name, rows, width),
            _ => Err(Rejection::TensorMissing { name }.into()),
        }
    }

    fn vector(&mut self, part: &str) -> Result<Vec<f32>, LoadError> {
        let name = format!("{part}.weight");
        match self.names.remove(&name).as_deref() {
            Some(&[length]) => self.shelf.vector(&name, length),
            _ => Err(Rejection::TensorMissing { name }.into()),
        }
    }
}

/// Why a package cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file of it is refused.
    #[error("package is refused")]
    Rejected(#[from] Rejection),
    /// Its tokenizer is refused.
    #[error("tokenizer is refused")]
    Tokens(#[from] TokensError),
    /// Its chat template is refused.
    #[error("chat template is refused")]
    Template(#[from] TemplateFault),
    /// A tensor has not the bytes that its type and dimensions say.
    #[error("tensor {name:?} is refused")]
    Tensor {
        /// The tensor.
        name: String,
        /// Why.
        source: MatrixError,
    },
    /// The supervisor's limits leave room for no sequence, or for too many.
    #[error("limits are out of range")]
    Limits,
    /// Keys and values of that many sequences of that length have no room.
    #[error("there is no memory for keys and values: give the model fewer slots or less context")]
    Memory,
    /// The arithmetic library fails at nothing.
    #[error("the arithmetic library does not work here")]
    Kernels(#[source] MatrixError),
    /// The threads of arithmetic could not be started.
    #[error("failed to start the threads of arithmetic")]
    Threads(#[source] std::io::Error),
}

impl LoadError {
    /// The code under which operators know it.
    pub fn code(&self) -> Code {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Tokens(error) => error.code(),
            Self::Template(_) | Self::Tensor { .. } => Code::FormatInvalid,
            Self::Limits | Self::Memory => Code::ConfigInvalid,
            Self::Threads(_) | Self::Kernels(_) => Code::HostIo,
        }
    }

    /// The failure as it is told to the supervisor: the whole chain of causes in one bounded line.
    pub fn failure(&self) -> Failure {
        Failure::new(self.code(), crate::message::of(self))
    }
}

impl From<ConfigError> for LoadError {
    fn from(error: ConfigError) -> Self {
        Rejection::from(error).into()
    }
}

/// A vector's numbers: a matrix of one row.
fn vector(
    name: &str,
    length: usize,
    stored: crate::matrix::Stored,
    bytes: &[u8],
) -> Result<Vec<f32>, LoadError> {
    let mut numbers = vec![0.0; length];
    Matrix::new(1, length, stored, bytes)
        .and_then(|matrix| matrix.row(0, &mut numbers))
        .map_err(|source| LoadError::Tensor { name: name.to_owned(), source })?;
    Ok(numbers)
}
