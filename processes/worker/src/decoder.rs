//! The decoder of a Llama-family model: tokens of several sequences in, logits out.
//!
//! One step takes rows of any mixture: the next token of sequences that answer beside a piece of a
//! prompt that is still being read. Every matrix is walked over once for all of them. All that a step
//! needs is kept from one to the next.

mod attention;
mod cache;
mod exponential;
mod rope;

use package::config::LlamaConfig;

use self::attention::Attention;
use self::cache::Cache;
use self::exponential::{Gate, Norm};
pub use self::rope::Pairing;
use self::rope::Rope;
use crate::matrix::{Input, Matrix, MatrixError};

/// A model and the keys and values of its sequences.
#[derive(Debug)]
pub struct Decoder {
    shape: Shape,
    weights: Weights,
    rope: Rope,
    cache: Cache,
    attention: Attention,
    space: Space,
}

/// A model's tensors.
#[derive(Debug)]
pub struct Weights {
    /// One row for each token.
    pub embeddings: Matrix,
    /// One layer after the other.
    pub layers: Vec<Layer>,
    /// The last norm.
    pub norm: Vec<f32>,
    /// The output layer, unless it is the embeddings.
    pub head: Option<Matrix>,
}

/// One layer's tensors.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names are those of every Llama")]
pub struct Layer {
    pub attention_norm: Vec<f32>,
    pub query: Matrix,
    pub key: Matrix,
    pub value: Matrix,
    pub output: Matrix,
    pub feed_norm: Vec<f32>,
    pub gate: Matrix,
    pub up: Matrix,
    pub down: Matrix,
}

/// The next tokens of one sequence.
#[derive(Clone, Copy, Debug)]
pub struct Span<'t> {
    /// The slot of the cache that the sequence owns.
    pub slot: usize,
    /// How many tokens of the sequence are already in the cache.
    pub position: usize,
    /// The tokens; at least one.
    pub tokens: &'t [u32],
    /// Whether the logits after the last of them are wanted.
    pub wanted: bool,
}

/// The numbers that every step needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) hidden: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head: usize,
    pub(crate) feed: usize,
    pub(crate) vocabulary: usize,
    pub(crate) epsilon: f32,
}

/// What one step works in.
#[derive(Debug, Default)]
struct Space {
    states: Vec<f32>,
    normed: Input,
    mixed: Input,
    gated: Input,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    update: Vec<f32>,
    ups: Vec<f32>,
    logits: Vec<f32>,
}

impl Decoder {
    /// Makes a decoder with room for `slots` sequences of `context` tokens each; `None` when there is no
    /// memory for that.
    pub fn new(
        config: &LlamaConfig,
        weights: Weights,
        pairing: Pairing,
        slots: usize,
        context: usize,
    ) -> Option<Self> {
        let shape = Shape::of(config);
        Some(Self {
            shape,
            rope: Rope::new(config, pairing),
            cache: Cache::new(weights.layers.len(), slots, context, shape.kv_heads, shape.head)?,
            attention: Attention::default(),
            space: Space::default(),
            weights,
        })
    }

    /// How many logits there are for each span.
    pub fn vocabulary(&self) -> usize {
        self.shape.vocabulary
    }

    /// Takes the next tokens of some sequences. Gives the logits of those spans that want them, in
    /// their order.
    ///
    /// # Errors
    /// [`DecodeError`] when a token or a position is out of range, or the arithmetic fails.
    pub fn step(&mut self, spans: &[Span<'_>]) -> Result<&mut [f32], DecodeError> {
        let Self { shape, weights, rope, cache, attention, space } = self;
        let rows = spans.iter().map(|span| span.tokens.len()).sum();
        if spans.iter().any(|span| span.tokens.is_empty() || !cache.holds(span)) {
            return Err(DecodeError::Position);
        }
        space.embed(shape, weights, spans, rows)?;
        rope.turn_to(spans);
        for (index, layer) in weights.layers.iter().enumerate() {
            space.project(shape, layer, rows)?;
            rope.apply(&mut space.queries, shape.heads);
            rope.apply(&mut space.keys, shape.kv_heads);
            cache.put(index, spans, &space.keys, &space.values);
            let mixed = space.mixed.set(rows, shape.heads * shape.head);
            attention.mix(shape, cache, index, spans, &space.queries, mixed);
            space.update(shape, layer, rows)?;
        }
        space.conclude(shape, weights, spans)?;
        Ok(&mut space.logits)
    }
}

impl Shape {
    fn of(config: &LlamaConfig) -> Self {
        // The workspace targets 64-bit machines only; `u32` always fits.
        let size = |number: u32| number as usize;
        Self {
            hidden: size(config.hidden_size),
            heads: size(config.heads),
            kv_heads: size(config.kv_heads),
            head: size(config.head_size),
            feed: size(config.feed_forward),
            vocabulary: size(config.vocabulary),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a constant that the publisher gave in four bytes"
            )]
            epsilon: config.rms_norm_eps as f32,
        }
    }
}

impl Space {
    fn embed(
        &mut self,
        shape: &Shape,
        weights: &Weights,
        spans: &[Span<'_>],
        rows: usize,
    ) -> Result<(), DecodeError> {
        self.states.resize(rows * shape.hidden, 0.0);
        let tokens = spans.iter().flat_map(|span| span.tokens);
        for (state, &token) in self.states.chunks_exact_mut(shape.hidden).zip(tokens) {
            weights.embeddings.row(token as usize, state)?;
        }
        Ok(())
    }

    /// The queries, keys and values of every row.
    fn project(&mut self, shape: &Shape, layer: &Layer, rows: usize) -> Result<(), DecodeError> {
        Norm { states: &self.states, weights: &layer.attention_norm, epsilon: shape.epsilon }
            .write(self.normed.set(rows, shape.hidden));
        for (matrix, out) in [
            (&layer.query, &mut self.queries),
            (&layer.key, &mut self.keys),
            (&layer.value, &mut self.values),
        ] {
            out.resize(rows * matrix.rows(), 0.0);
            matrix.apply(&mut self.normed, out)?;
        }
        Ok(())
    }

    /// Adds to every row what attention and the feed-forward layer make of it.
    fn update(&mut self, shape: &Shape, layer: &Layer, rows: usize) -> Result<(), DecodeError> {
        self.update.resize(rows * shape.hidden, 0.0);
        layer.output.apply(&mut self.mixed, &mut self.update)?;
        add(&mut self.states, &self.update);
        Norm { states: &self.states, weights: &layer.feed_norm, epsilon: shape.epsilon }
            .write(self.normed.set(rows, shape.hidden));
        self.ups.resize(rows * shape.feed, 0.0);
        layer.up.apply(&mut self.normed, &mut self.ups)?;
        let gated = self.gated.set(rows, shape.feed);
        layer.gate.apply(&mut self.normed, gated)?;
        Gate { gates: gated, ups: &self.ups }.close();
        layer.down.apply(&mut self.gated, &mut self.update)?;
        add(&mut self.states, &self.update);
        Ok(())
    }

    /// The logits after the last token of each span that wants them.
    fn conclude(&mut self, shape: &Shape, weights: &Weights, spans: &[Span<'_>]) -> Result<(), DecodeError> {
        let wanted = spans.iter().filter(|span| span.wanted).count();
        self.logits.resize(wanted * shape.vocabulary, 0.0);
        if wanted == 0 {
            return Ok(());
        }
        let mut normed = self.normed.set(wanted, shape.hidden).chunks_exact_mut(shape.hidden);
        let mut end = 0;
        for span in spans {
            end += span.tokens.len();
            let last = self.states.chunks_exact(shape.hidden).nth(end - 1);
            if span.wanted
                && let (Some(last), Some(normed)) = (last, normed.next())
            {
                Norm { states: last, weights: &weights.norm, epsilon: shape.epsilon }.write(normed);
            }
        }
        let head = weights.head.as_ref().unwrap_or(&weights.embeddings);
        head.apply(&mut self.normed, &mut self.logits)?;
        Ok(())
    }
}

/// Why a step cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A sequence has more tokens than its slot, or there is no such slot, or nothing to take.
    #[error("a sequence is outside the cache")]
    Position,
    /// A token is not in the vocabulary, or the arithmetic failed.
    #[error("the arithmetic failed")]
    Matrix(#[from] MatrixError),
}

fn add(to: &mut [f32], from: &[f32]) {
    for (sum, number) in to.iter_mut().zip(from) {
        *sum += number;
    }
}
