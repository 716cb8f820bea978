//! Attention: each row mixes the values of its sequence's tokens up to its own position.
//!
//! Keys and values are widened a tile of positions at a time and used for every row of the span and
//! every head that shares them. The softmax is kept running from tile to tile, so no row of scores is
//! ever as long as the context, and there is no mask to allocate.
#![expect(
    clippy::inline_always,
    reason = "the processor's wider instructions are used only in what is inlined where they are known"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "indices run below lengths fixed a few lines above; the checks would cost the loop its speed"
)]

use pulp::{Arch, Simd, WithSimd};

use super::cache::Cache;
use super::exponential::exponential;
use super::{Shape, Span};
use crate::matrix::{Half, Number, dots};
use crate::threads;

/// Positions in one tile.
const TILE: usize = 32;
/// Rows of a span that one part of work takes.
const ROWS: usize = 16;

/// What attention works in, kept from one step to the next.
#[derive(Debug, Default)]
pub(super) struct Attention {
    parts: Vec<Part>,
    space: Vec<f32>,
}

/// Some rows of one span and one head of keys and values.
#[derive(Clone, Copy, Debug)]
struct Part {
    span: usize,
    kv_head: usize,
    /// The first of its rows among all rows of the step.
    row: usize,
    /// The first of its rows in its sequence.
    position: usize,
    rows: usize,
}

impl Attention {
    /// Writes every row's mixture of values to `out`.
    pub(super) fn mix(
        &mut self,
        shape: &Shape,
        cache: &Cache,
        layer: usize,
        spans: &[Span<'_>],
        queries: &[f32],
        out: &mut [f32],
    ) {
        self.divide(shape, spans);
        let group = shape.heads / shape.kv_heads;
        let room = Room::of(ROWS.min(longest(spans)) * group, shape.head);
        self.space.resize(self.parts.len() * room.all(), 0.0);
        let parts = &self.parts;
        let seen = |part: &Part| part.rows * (part.position + part.rows);
        let products = parts.iter().map(seen).sum::<usize>() * 2 * group * shape.head;
        let step = parts.len().div_ceil(threads::parts(products)) * room.all();
        threads::fill(&mut self.space, step, |from, space| {
            for (part, space) in parts[from / room.all()..].iter().zip(space.chunks_exact_mut(room.all())) {
                let end = part.position + part.rows;
                let (keys, values) = cache.get(layer, spans[part.span].slot, part.kv_head, end);
                Arch::new().dispatch(Mix { shape, part, queries, keys, values, space: room.divide(space) });
            }
        });
        // Each part has its heads side by side; the rows have them among the other heads.
        let width = group * shape.head;
        for (part, space) in self.parts.iter().zip(self.space.chunks_exact(room.all())) {
            for (row, mixed) in space.chunks_exact(width).take(part.rows).enumerate() {
                let at = (part.row + row) * shape.heads * shape.head + part.kv_head * width;
                out[at..at + width].copy_from_slice(mixed);
            }
        }
    }

    fn divide(&mut self, shape: &Shape, spans: &[Span<'_>]) {
        self.parts.clear();
        let mut first = 0;
        for (span, Span { position, tokens, .. }) in spans.iter().enumerate() {
            for from in (0..tokens.len()).step_by(ROWS) {
                let rows = ROWS.min(tokens.len() - from);
                let (row, position) = (first + from, position + from);
                let heads = 0..shape.kv_heads;
                self.parts.extend(heads.map(|kv_head| Part { span, kv_head, row, position, rows }));
            }
            first += tokens.len();
        }
    }
}

fn longest(spans: &[Span<'_>]) -> usize {
    spans.iter().map(|span| span.tokens.len()).max().unwrap_or(0)
}

/// How one part's space is divided, for `count` queries of `head` numbers.
#[derive(Clone, Copy)]
struct Room {
    count: usize,
    head: usize,
}

struct Rooms<'s> {
    mixed: &'s mut [f32],
    queries: &'s mut [f32],
    scores: &'s mut [f32],
    largest: &'s mut [f32],
    sums: &'s mut [f32],
    tile: &'s mut [f32],
}

impl Room {
    fn of(count: usize, head: usize) -> Self {
        Self { count, head }
    }

    fn all(self) -> usize {
        self.count * (2 * self.head + TILE + 2) + TILE * self.head
    }

    fn divide(self, space: &mut [f32]) -> Rooms<'_> {
        let (mixed, space) = space.split_at_mut(self.count * self.head);
        let (queries, space) = space.split_at_mut(self.count * self.head);
        let (scores, space) = space.split_at_mut(self.count * TILE);
        let (largest, space) = space.split_at_mut(self.count);
        let (sums, tile) = space.split_at_mut(self.count);
        Rooms { mixed, queries, scores, largest, sums, tile }
    }
}

struct Mix<'m> {
    shape: &'m Shape,
    part: &'m Part,
    queries: &'m [f32],
    keys: &'m [u16],
    values: &'m [u16],
    space: Rooms<'m>,
}

impl WithSimd for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let group = self.shape.heads / self.shape.kv_heads;
        let count = self.part.rows * group;
        self.gather(group);
        self.space.mixed.fill(0.0);
        self.space.largest.fill(f32::NEG_INFINITY);
        self.space.sums.fill(0.0);
        let head = self.shape.head;
        let tiles = self.keys.chunks(TILE * head).zip(self.values.chunks(TILE * head));
        for (tile, (keys, values)) in tiles.enumerate() {
            let positions = keys.len() / head;
            let keys = Half::widen(keys, self.space.tile);
            score(simd, keys, self.space.queries, self.space.scores, head, count);
            for query in 0..count {
                // A row sees nothing behind its own position.
                let seen = self.part.position + query / group + 1;
                self.weigh(simd, query, positions.min(seen.saturating_sub(tile * TILE)));
            }
            let values = Half::widen(values, self.space.tile);
            blend(simd, values, self.space.scores, self.space.mixed, head, count);
        }
        for (mixed, sum) in self.space.mixed.chunks_exact_mut(head).zip(&*self.space.sums).take(count) {
            for number in mixed {
                *number /= sum;
            }
        }
    }
}

impl Mix<'_> {
    /// Copies the part's queries together and scales them.
    #[inline(always)]
    fn gather(&mut self, group: usize) {
        let Shape { heads, head, .. } = *self.shape;
        let scale = 1.0 / (head as f32).sqrt();
        for (row, queries) in
            self.space.queries.chunks_exact_mut(group * head).take(self.part.rows).enumerate()
        {
            let from = (self.part.row + row) * heads * head + self.part.kv_head * group * head;
            for (query, number) in queries.iter_mut().zip(&self.queries[from..]) {
                *query = number * scale;
            }
        }
    }

    /// Turns the scores of one query into weights relative to the largest so far, and brings what was
    /// mixed before to the same scale. Scores from `seen` on become weights of zero.
    #[inline(always)]
    fn weigh<S: Simd>(&mut self, simd: S, query: usize, seen: usize) {
        let scores = &mut self.space.scores[query * TILE..][..TILE];
        scores[seen..].fill(f32::NEG_INFINITY);
        let before = self.space.largest[query];
        let (vectors, _) = S::as_simd_f32s(scores);
        let mut largest = simd.splat_f32s(before);
        for &score in vectors {
            largest = simd.max_f32s(largest, score);
        }
        let largest = simd.reduce_max_f32s(largest);
        for score in &mut scores[..seen] {
            *score = exponential(*score - largest);
        }
        scores[seen..].fill(0.0);
        let (vectors, _) = S::as_simd_f32s(scores);
        let mut sum = simd.splat_f32s(0.0);
        for &score in vectors {
            sum = simd.add_f32s(sum, score);
        }
        let sum = simd.reduce_sum_f32s(sum);
        if largest > before {
            let scale = exponential(before - largest);
            self.space.sums[query] *= scale;
            let head = self.shape.head;
            let mixed = &mut self.space.mixed[query * head..][..head];
            for number in mixed {
                *number *= scale;
            }
            self.space.largest[query] = largest;
        }
        self.space.sums[query] += sum;
    }
}

/// Every query times every key of a tile.
#[inline(always)]
fn score<S: Simd>(simd: S, keys: &[f32], queries: &[f32], scores: &mut [f32], head: usize, count: usize) {
    const KEYS: usize = 4;
    let positions = keys.len() / head;
    for index in 0..count {
        let query = &queries[index * head..][..head];
        let scores = &mut scores[index * TILE..][..positions];
        let mut position = 0;
        while position + KEYS <= positions {
            let mut some: [&[f32]; KEYS] = [&[]; KEYS];
            for (key, number) in some.iter_mut().zip(position..) {
                *key = &keys[number * head..][..head];
            }
            let products = dots(simd, some, [query]);
            for (score, [product]) in scores[position..].iter_mut().zip(products) {
                *score = product;
            }
            position += KEYS;
        }
        for (score, position) in scores[position..].iter_mut().zip(position..) {
            [[*score]] = dots(simd, [&keys[position * head..][..head]], [query]);
        }
    }
}

/// Adds to every query's mixture the values of a tile by their weights.
#[inline(always)]
fn blend<S: Simd>(simd: S, values: &[f32], weights: &[f32], mixed: &mut [f32], head: usize, count: usize) {
    const WIDE: usize = 4;
    let positions = values.len() / head;
    for (mixed, weights) in mixed.chunks_exact_mut(head).zip(weights.chunks_exact(TILE)).take(count) {
        let weights = &weights[..positions];
        let (vectors, rest) = S::as_mut_simd_f32s(mixed);
        let at = head - rest.len();
        let mut first = 0;
        while first + WIDE <= vectors.len() {
            columns::<S, WIDE>(simd, values, weights, &mut vectors[first..], first, head);
            first += WIDE;
        }
        for first in first..vectors.len() {
            columns::<S, 1>(simd, values, weights, &mut vectors[first..], first, head);
        }
        for (offset, number) in rest.iter_mut().enumerate() {
            let column = values.iter().skip(at + offset).step_by(head);
            *number += column.zip(weights).map(|(value, weight)| value * weight).sum::<f32>();
        }
    }
}

/// `W` vectors of one mixture, kept in registers over all positions of a tile.
#[inline(always)]
fn columns<S: Simd, const W: usize>(
    simd: S,
    values: &[f32],
    weights: &[f32],
    mixed: &mut [S::f32s],
    first: usize,
    head: usize,
) {
    let mut sums = [simd.splat_f32s(0.0); W];
    for (sum, &mixed) in sums.iter_mut().zip(&*mixed) {
        *sum = mixed;
    }
    for (row, &weight) in values.chunks_exact(head).zip(weights) {
        let row = &S::as_simd_f32s(row).0[first..][..W];
        let weight = simd.splat_f32s(weight);
        for (sum, &value) in sums.iter_mut().zip(row) {
            *sum = simd.mul_add_e_f32s(value, weight, *sum);
        }
    }
    for (mixed, sum) in mixed.iter_mut().zip(sums) {
        *mixed = sum;
    }
}
