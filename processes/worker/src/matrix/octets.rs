//! Weights in bytes: blocks of 32 with one factor each, GGUF's `Q8_0`.
//!
//! candle multiplies these one row at a time on processors with AVX2 and no VNNI. Here four rows of
//! weights meet each input, and their magnitudes are taken once for all inputs.
#![expect(
    clippy::inline_always,
    reason = "the processor's wider instructions are used only in what is inlined where they are known"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "indices run below lengths fixed a few lines above; the checks would cost the loop its speed"
)]

use half::f16;
use pulp::{Arch, Simd, WithSimd};

use super::plain::TILE_ROWS;
use super::{Input, part};
use crate::threads;

/// Numbers in a block.
pub(super) const BLOCK: usize = 32;
/// Bytes of a block in the file: its factor in half precision, then its numbers.
pub(super) const BLOCK_BYTES: usize = 2 + BLOCK;

/// Weights, row after row, apart from their factors.
#[derive(Debug)]
pub(super) struct Octets {
    weights: Vec<i8>,
    factors: Vec<f32>,
}

impl Octets {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let blocks = bytes.len() / BLOCK_BYTES;
        let (mut weights, mut factors) = (Vec::with_capacity(blocks * BLOCK), Vec::with_capacity(blocks));
        for block in bytes.chunks_exact(BLOCK_BYTES) {
            if let Some((factor, numbers)) = block.split_first_chunk() {
                factors.push(f16::from_le_bytes(*factor).to_f32());
                weights.extend(numbers.iter().map(|number| number.cast_signed()));
            }
        }
        Self { weights, factors }
    }

    pub(super) fn apply(&self, rows: usize, input: &mut Input, out: &mut [f32]) {
        let (count, width) = (input.rows(), input.width());
        let (octets, input_factors, product) = input.octets(rows);
        let inputs = Rows { octets, factors: input_factors, width };
        threads::fill(product, part(rows, width, count) * count, |from, out| {
            let from = from / count * width;
            let to = from + out.len() / count * width;
            let weights = Rows {
                octets: &self.weights[from..to],
                factors: &self.factors[from / BLOCK..to / BLOCK],
                width,
            };
            multiply(weights, inputs, out);
        });
        input.turn(out);
    }

    pub(super) fn row(&self, row: usize, out: &mut [f32]) {
        let width = out.len();
        let weights = self.weights[row * width..][..width].chunks_exact(BLOCK);
        let factors = &self.factors[row * width / BLOCK..];
        for ((out, weights), factor) in out.chunks_exact_mut(BLOCK).zip(weights).zip(factors) {
            for (out, &weight) in out.iter_mut().zip(weights) {
                *out = f32::from(weight) * factor;
            }
        }
    }
}

/// Rounds rows to bytes, a factor for each block: its largest magnitude becomes 127.
pub(super) fn round(numbers: &[f32], octets: &mut [i8], factors: &mut [f32]) {
    Arch::new().dispatch(Round { numbers, octets, factors });
}

struct Round<'r> {
    numbers: &'r [f32],
    octets: &'r mut [i8],
    factors: &'r mut [f32],
}

impl WithSimd for Round<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "rounded numbers are within -127 and 127")]
    fn with_simd<S: Simd>(self, _simd: S) {
        let blocks = self.numbers.chunks_exact(BLOCK).zip(self.octets.chunks_exact_mut(BLOCK));
        for ((numbers, octets), factor) in blocks.zip(self.factors) {
            let largest = numbers.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
            *factor = largest / 127.0;
            let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
            for (octet, number) in octets.iter_mut().zip(numbers) {
                *octet = (number * inverse).round_ties_even() as i8;
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Rows<'r> {
    octets: &'r [i8],
    factors: &'r [f32],
    width: usize,
}

/// One row, in blocks, and their factors.
type Row<'r> = (&'r [[i8; BLOCK]], &'r [f32]);

impl<'r> Rows<'r> {
    /// `R` rows from `first` on.
    #[inline(always)]
    fn some<const R: usize>(&self, first: usize) -> [Row<'r>; R] {
        let blocks = self.width / BLOCK;
        let octets = self.octets.as_chunks::<BLOCK>().0;
        let mut rows: [Row<'r>; R] = [(&[], &[]); R];
        for (row, number) in rows.iter_mut().zip(first..) {
            *row = (&octets[number * blocks..][..blocks], &self.factors[number * blocks..][..blocks]);
        }
        rows
    }

    fn count(&self) -> usize {
        self.octets.len() / self.width
    }
}

/// Every row of weights times every row of inputs; `out` has for each row of weights its products
/// with all inputs.
fn multiply(weights: Rows<'_>, inputs: Rows<'_>, out: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = pulp::x86::V3::try_new() {
        return simd.vectorize(avx2::Product { simd, weights, inputs, out });
    }
    let count = inputs.count();
    for (row, out) in out.chunks_exact_mut(count).enumerate() {
        let [weights] = weights.some::<1>(row);
        for (index, out) in out.iter_mut().enumerate() {
            let [inputs] = inputs.some::<1>(index);
            *out = product(weights, inputs);
        }
    }
}

/// One row of weights times one row of input, as the definition has it.
fn product(weights: Row<'_>, inputs: Row<'_>) -> f32 {
    let blocks = weights.0.iter().zip(inputs.0).map(|(weights, inputs)| {
        weights.iter().zip(inputs).map(|(&one, &other)| i32::from(one) * i32::from(other)).sum::<i32>()
    });
    let factors = weights.1.iter().zip(inputs.1).map(|(one, other)| one * other);
    blocks.zip(factors).map(|(sum, factor)| sum as f32 * factor).sum()
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use pulp::x86::V3;
    use pulp::{NullaryFnOnce, Simd as _, cast};

    use super::{Row, Rows, TILE_ROWS};

    /// Rows of input that are multiplied together.
    const TILE_INPUTS: usize = 2;

    pub(super) struct Product<'p> {
        pub(super) simd: V3,
        pub(super) weights: Rows<'p>,
        pub(super) inputs: Rows<'p>,
        pub(super) out: &'p mut [f32],
    }

    impl NullaryFnOnce for Product<'_> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let Self { simd, weights, inputs, out } = self;
            let (rows, count) = (weights.count(), inputs.count());
            let whole = rows - rows % TILE_ROWS;
            for row in (0..whole).step_by(TILE_ROWS) {
                all::<TILE_ROWS>(simd, weights, inputs, row, &mut out[row * count..]);
            }
            for row in whole..rows {
                all::<1>(simd, weights, inputs, row, &mut out[row * count..]);
            }
        }
    }

    /// `R` rows of weights from `row` on times all inputs.
    #[inline(always)]
    fn all<const R: usize>(simd: V3, weights: Rows<'_>, inputs: Rows<'_>, row: usize, out: &mut [f32]) {
        let count = inputs.count();
        let weights = weights.some::<R>(row);
        let mut index = 0;
        while index + TILE_INPUTS <= count {
            let sums = tile::<R, TILE_INPUTS>(simd, weights, inputs.some(index));
            for (row, sums) in sums.iter().enumerate() {
                out[row * count + index..][..TILE_INPUTS].copy_from_slice(sums);
            }
            index += TILE_INPUTS;
        }
        for index in index..count {
            let sums = tile::<R, 1>(simd, weights, inputs.some(index));
            for (row, [sum]) in sums.iter().enumerate() {
                out[row * count + index] = *sum;
            }
        }
    }

    #[inline(always)]
    fn tile<const R: usize, const C: usize>(
        simd: V3,
        weights: [Row<'_>; R],
        inputs: [Row<'_>; C],
    ) -> [[f32; C]; R] {
        let (avx, avx2, fma) = (simd.avx, simd.avx2, simd.fma);
        let ones = avx._mm256_set1_epi16(1);
        let blocks = inputs[0].0.len();
        let mut sums = [[avx._mm256_setzero_ps(); C]; R];
        for block in 0..blocks {
            for (sums, row) in sums.iter_mut().zip(weights) {
                let weights = cast(row.0[block]);
                // The instruction multiplies unsigned with signed bytes: the weights' signs go over
                // to the inputs. Two products of at most 128 · 127 fit 16 bits.
                let magnitudes = avx2._mm256_sign_epi8(weights, weights);
                for (sum, input) in sums.iter_mut().zip(inputs) {
                    let signed = avx2._mm256_sign_epi8(cast(input.0[block]), weights);
                    let pairs = avx2._mm256_maddubs_epi16(magnitudes, signed);
                    let whole = avx._mm256_cvtepi32_ps(avx2._mm256_madd_epi16(pairs, ones));
                    let factor = avx._mm256_set1_ps(row.1[block] * input.1[block]);
                    *sum = fma._mm256_fmadd_ps(whole, factor, *sum);
                }
            }
        }
        let mut totals = [[0.0; C]; R];
        for (totals, sums) in totals.iter_mut().zip(sums) {
            for (total, sum) in totals.iter_mut().zip(sums) {
                *total = simd.reduce_sum_f32s(cast(sum));
            }
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_fast_product_is_the_product(
            rows in 1_usize..7,
            count in 1_usize..6,
            blocks in 1_usize..5,
            seed in any::<u64>(),
        ) {
            let mut random = crate::random::Random::new(seed);
            let mut octet = || i8::from_le_bytes([random.bits().to_le_bytes()[0]]);
            let width = blocks * BLOCK;
            let weights: Vec<i8> = (0..rows * width).map(|_| octet()).collect();
            // Inputs are rounded by ourselves, and never -128.
            let inputs: Vec<i8> = (0..count * width).map(|_| octet().max(-127)).collect();
            let factors: Vec<f32> = (0..6 * blocks).map(|_| f32::from(octet()) / 64.0).collect();
            let weights = Rows { octets: &weights, factors: &factors, width };
            let inputs = Rows { octets: &inputs, factors: &factors, width };
            let mut out = vec![f32::NAN; rows * count];
            multiply(weights, inputs, &mut out);
            for (at, &found) in out.iter().enumerate() {
                let [row] = weights.some::<1>(at / count);
                let [input] = inputs.some::<1>(at % count);
                let expected = product(row, input);
                prop_assert!((found - expected).abs() <= 1e-4 * (1.0 + 32.0 * 127.0 * 127.0 * blocks as f32));
            }
        }
    }

    #[test]
    fn rounding_keeps_the_largest_and_errs_by_half_a_step() {
        let numbers: Vec<f32> = (0..64_u8).map(|number| (f32::from(number) - 31.5) / 7.0).collect();
        let (mut octets, mut factors) = ([0; 64], [0.0; 2]);
        round(&numbers, &mut octets, &mut factors);
        for (block, factor) in factors.iter().enumerate() {
            for at in block * BLOCK..(block + 1) * BLOCK {
                let error = numbers[at] - f32::from(octets[at]) * factor;
                assert!(error.abs() <= factor * 0.5001);
            }
        }
        assert_eq!(octets.iter().map(|octet| octet.unsigned_abs()).max(), Some(127));
        let mut factors = [1.0];
        round(&[0.0; BLOCK], &mut octets[..BLOCK], &mut factors);
        assert_eq!((octets[0], factors[0]), (0, 0.0));
    }
}
