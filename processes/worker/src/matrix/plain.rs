//! Rows of plain numbers: four bytes, or two that are widened a few at a time next to their use.
#![expect(
    clippy::inline_always,
    reason = "the processor's wider instructions are used only in what is inlined where they are known"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "indices run below lengths fixed a few lines above; the checks would cost the loop its speed"
)]

use std::fmt::Debug;

use pulp::{Arch, Simd, WithSimd};

use super::{Input, part};
use crate::threads;

/// Rows of weights that are multiplied together, so that each input is loaded once for all of them.
pub(super) const TILE_ROWS: usize = 4;
/// Rows of input that are multiplied together, so that each weight is loaded once for all of them.
const TILE_INPUTS: usize = 3;
/// Numbers of a row that are widened at a time: four rows of them fit the nearest cache.
const STEP: usize = 512;

/// A type of plain number.
pub(crate) trait Number: Debug + Send + Sync + 'static {
    /// How it is kept.
    type Kept: Copy + Debug + Send + Sync;
    /// Bytes of one.
    const BYTES: usize;
    /// Reads one from its bytes.
    fn read(bytes: &[u8]) -> Self::Kept;
    /// Gives a row as four-byte numbers, written to `space` unless they already are.
    fn widen<'r>(row: &'r [Self::Kept], space: &'r mut [f32]) -> &'r [f32];
}

/// Four bytes.
#[derive(Debug)]
pub(crate) struct Single;
/// IEEE half precision.
#[derive(Debug)]
pub(crate) struct Half;
/// The upper half of four bytes.
#[derive(Debug)]
pub(crate) struct Brain;

impl Number for Single {
    type Kept = f32;
    const BYTES: usize = 4;

    fn read(bytes: &[u8]) -> f32 {
        bytes.first_chunk().map_or(0.0, |bytes| f32::from_le_bytes(*bytes))
    }

    #[inline(always)]
    fn widen<'r>(row: &'r [f32], _space: &'r mut [f32]) -> &'r [f32] {
        row
    }
}

impl Number for Half {
    type Kept = u16;
    const BYTES: usize = 2;

    fn read(bytes: &[u8]) -> u16 {
        bytes.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes))
    }

    #[inline(always)]
    fn widen<'r>(row: &'r [u16], space: &'r mut [f32]) -> &'r [f32] {
        // Moves sign, exponent and fraction to their places in four bytes and corrects the exponent by
        // a multiplication, which is right for small denormal numbers too. Infinite becomes 65,536.
        const CORRECTION: f32 = f32::from_bits(0x7780_0000); // 2^112
        for (wide, &narrow) in space.iter_mut().zip(row) {
            let bits = i32::from(narrow.cast_signed()) << 13;
            *wide = f32::from_bits(bits.cast_unsigned() & 0x8fff_e000) * CORRECTION;
        }
        &space[..row.len()]
    }
}

impl Number for Brain {
    type Kept = u16;
    const BYTES: usize = 2;

    fn read(bytes: &[u8]) -> u16 {
        Half::read(bytes)
    }

    #[inline(always)]
    fn widen<'r>(row: &'r [u16], space: &'r mut [f32]) -> &'r [f32] {
        for (wide, &narrow) in space.iter_mut().zip(row) {
            *wide = f32::from_bits(u32::from(narrow) << 16);
        }
        &space[..row.len()]
    }
}

/// Weights of one type, row after row.
#[derive(Debug)]
pub(super) struct Plain<N: Number>(Vec<N::Kept>);

impl<N: Number> Plain<N> {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(bytes.chunks_exact(N::BYTES).map(N::read).collect())
    }

    pub(super) fn apply(&self, rows: usize, input: &mut Input, out: &mut [f32]) {
        let (count, width) = (input.rows(), input.width());
        let (inputs, product) = input.plain(rows);
        threads::fill(product, part(rows, width, count) * count, |from, out| {
            let from = from / count;
            let weights = &self.0[from * width..(from + out.len() / count) * width];
            Arch::new().dispatch(Product::<N> { weights, inputs, width, out });
        });
        input.turn(out);
    }

    pub(super) fn row(&self, row: usize, out: &mut [f32]) {
        let width = out.len();
        let row = &self.0[row * width..][..width];
        let mut space = [0.0; STEP];
        for (kept, out) in row.chunks(STEP).zip(out.chunks_mut(STEP)) {
            out.copy_from_slice(N::widen(kept, &mut space));
        }
    }
}

/// Some rows of weights times all rows of input; `out` has for each row of weights its products with
/// all inputs, and is zero before.
struct Product<'p, N: Number> {
    weights: &'p [N::Kept],
    inputs: &'p [f32],
    width: usize,
    out: &'p mut [f32],
}

impl<N: Number> WithSimd for Product<'_, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let count = self.inputs.len() / self.width;
        let mut spaces = [[0.0; STEP]; TILE_ROWS];
        let tiles = self.weights.chunks(TILE_ROWS * self.width);
        for (weights, out) in tiles.zip(self.out.chunks_mut(TILE_ROWS * count)) {
            if weights.len() == TILE_ROWS * self.width {
                tile::<S, N, TILE_ROWS>(simd, weights, self.inputs, self.width, &mut spaces, out);
            } else {
                for (row, out) in weights.chunks_exact(self.width).zip(out.chunks_exact_mut(count)) {
                    tile::<S, N, 1>(simd, row, self.inputs, self.width, &mut spaces, out);
                }
            }
        }
    }
}

/// `R` rows of weights times all rows of input, a step of their width at a time.
#[inline(always)]
fn tile<S: Simd, N: Number, const R: usize>(
    simd: S,
    weights: &[N::Kept],
    inputs: &[f32],
    width: usize,
    spaces: &mut [[f32; STEP]; TILE_ROWS],
    out: &mut [f32],
) {
    let count = inputs.len() / width;
    for from in (0..width).step_by(STEP) {
        let step = STEP.min(width - from);
        let mut rows: [&[f32]; R] = [&[]; R];
        let kept = weights.chunks_exact(width);
        for ((row, space), kept) in rows.iter_mut().zip(&mut *spaces).zip(kept) {
            *row = N::widen(&kept[from..from + step], space);
        }
        let mut index = 0;
        while index + TILE_INPUTS <= count {
            let mut some: [&[f32]; TILE_INPUTS] = [&[]; TILE_INPUTS];
            for (input, number) in some.iter_mut().zip(index..) {
                *input = &inputs[number * width + from..][..step];
            }
            let sums = dots(simd, rows, some);
            for (row, sums) in sums.iter().enumerate() {
                for (offset, sum) in sums.iter().enumerate() {
                    out[row * count + index + offset] += sum;
                }
            }
            index += TILE_INPUTS;
        }
        for index in index..count {
            let sums = dots(simd, rows, [&inputs[index * width + from..][..step]]);
            for (row, [sum]) in sums.iter().enumerate() {
                out[row * count + index] += sum;
            }
        }
    }
}

/// Every scalar product of one of `rows` with one of `inputs`, all of the same length.
#[inline(always)]
pub(crate) fn dots<S: Simd, const R: usize, const C: usize>(
    simd: S,
    rows: [&[f32]; R],
    inputs: [&[f32]; C],
) -> [[f32; C]; R] {
    let vectors = S::as_simd_f32s(inputs[0]).0.len();
    let (row_vectors, row_rests) = vectors_of::<S, R>(rows, vectors);
    let (input_vectors, input_rests) = vectors_of::<S, C>(inputs, vectors);
    let mut sums = [[simd.splat_f32s(0.0); C]; R];
    for at in 0..vectors {
        for (sums, row) in sums.iter_mut().zip(row_vectors) {
            for (sum, input) in sums.iter_mut().zip(input_vectors) {
                *sum = simd.mul_add_e_f32s(row[at], input[at], *sum);
            }
        }
    }
    let mut totals = [[0.0; C]; R];
    for (row, totals) in totals.iter_mut().enumerate() {
        for (input, total) in totals.iter_mut().enumerate() {
            let rest = row_rests[row].iter().zip(input_rests[input]).map(|(one, other)| one * other);
            *total = simd.reduce_sum_f32s(sums[row][input]) + rest.sum::<f32>();
        }
    }
    totals
}

/// Slices as vectors, and what is left of each. A loop, since a closure would not be compiled for the
/// processor's wider instructions.
#[inline(always)]
fn vectors_of<S: Simd, const N: usize>(
    slices: [&[f32]; N],
    vectors: usize,
) -> ([&[S::f32s]; N], [&[f32]; N]) {
    let (mut wide, mut rests): ([&[S::f32s]; N], [&[f32]; N]) = ([&[]; N], [&[]; N]);
    for ((wide, rest), slice) in wide.iter_mut().zip(&mut rests).zip(slices) {
        let (all, left) = S::as_simd_f32s(slice);
        (*wide, *rest) = (&all[..vectors], left);
    }
    (wide, rests)
}
