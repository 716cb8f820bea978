//! What is done to single numbers: norms, the gate, and the exponential function they and attention use.
#![expect(
    clippy::inline_always,
    reason = "the processor's wider instructions are used only in what is inlined where they are known"
)]

use pulp::{Arch, Simd, WithSimd};

/// Rows divided by their root mean square and weighted.
pub(super) struct Norm<'n> {
    pub(super) states: &'n [f32],
    pub(super) weights: &'n [f32],
    pub(super) epsilon: f32,
}

impl Norm<'_> {
    pub(super) fn write(self, out: &mut [f32]) {
        Arch::new().dispatch(NormTo { norm: self, out });
    }
}

struct NormTo<'n> {
    norm: Norm<'n>,
    out: &'n mut [f32],
}

impl WithSimd for NormTo<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Norm { states, weights, epsilon } = self.norm;
        let width = weights.len();
        for (state, out) in states.chunks_exact(width).zip(self.out.chunks_exact_mut(width)) {
            let [[squares]] = crate::matrix::dots(simd, [state], [state]);
            let scale = 1.0 / (squares / width as f32 + epsilon).sqrt();
            for ((out, number), weight) in out.iter_mut().zip(state).zip(weights) {
                *out = number * scale * weight;
            }
        }
    }
}

/// The gate of the feed-forward layer: each gate is multiplied by its own sigmoid and by its up.
pub(super) struct Gate<'g> {
    pub(super) gates: &'g mut [f32],
    pub(super) ups: &'g [f32],
}

impl Gate<'_> {
    pub(super) fn close(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Gate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (gate, up) in self.gates.iter_mut().zip(self.ups) {
            *gate = *gate / (1.0 + exponential(-*gate)) * up;
        }
    }
}

/// e to the power of `x`, with an error of a few units in the last place. Plain arithmetic, so that
/// the compiler makes it work on as many numbers at a time as the processor can.
#[inline(always)]
pub(super) fn exponential(x: f32) -> f32 {
    // So large that its last bit is worth one: adding it rounds to a whole number, in the lower bits.
    const ROUND: f32 = 12_582_912.0;
    // Beyond these the result would be zero or infinite.
    let x = x.clamp(-87.0, 88.0);
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let power = rounded - ROUND;
    // ln 2 in two parts, so that the difference is exact to the last digits.
    let rest = x - power * (355.0 / 512.0) + power * 2.121_944_4e-4;
    let series = [1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let value = series.iter().fold(0.0, |value, term| value * rest + term);
    // The power goes straight from those bits into the exponent's.
    value * f32::from_bits((rounded.to_bits() << 23).wrapping_add(127 << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_the_exponential() {
        for step in -8700..8800_i16 {
            let x = f32::from(step) / 100.0;
            let (found, expected) = (f64::from(exponential(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 5e-7, "e^{x}: {found} for {expected}");
        }
        assert!(exponential(f32::NEG_INFINITY) < 1e-37);
        assert!(exponential(1000.0).is_finite());
    }

    #[test]
    fn a_normed_row_has_a_mean_square_of_one() {
        let states: Vec<f32> = (1..=67_u8).map(f32::from).collect();
        let mut out = vec![0.0; 67];
        Norm { states: &states, weights: &[1.0; 67], epsilon: 0.0 }.write(&mut out);
        let mean = out.iter().map(|number| number * number).sum::<f32>() / 67.0;
        assert!((mean - 1.0).abs() < 1e-5);
    }

    #[test]
    fn the_gate_is_silu_times_up() {
        let mut gates = [0.0, 1.0, -1.0, -200.0];
        Gate { gates: &mut gates, ups: &[5.0, 2.0, 2.0, 3.0] }.close();
        for (found, expected) in gates.iter().zip([0.0, 1.462_117_2, -0.537_882_8, 0.0]) {
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
    }
}
