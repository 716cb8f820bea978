//! Rotary position embedding: each pair of numbers in a head is turned by an angle of its position.

use std::f64::consts::TAU;

use package::config::{LlamaConfig, RopeScaling};

use super::Span;

/// Which numbers of a head form a pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pairing {
    /// One of the first half with one of the second: safetensors.
    Halves,
    /// Neighbours: GGUF, whose query and key rows are in another order.
    Neighbours,
}

/// The angles of the rows of one step.
#[derive(Debug)]
pub(super) struct Rope {
    pairing: Pairing,
    frequencies: Vec<f64>,
    /// For each row and pair: cosine and sine.
    turns: Vec<(f32, f32)>,
}

impl Rope {
    pub(super) fn new(config: &LlamaConfig, pairing: Pairing) -> Self {
        let size = f64::from(config.head_size);
        let frequencies = (0..config.head_size / 2)
            .map(|pair| config.rope_theta.powf(-2.0 * f64::from(pair) / size))
            .map(|frequency| scaled(frequency, &config.rope_scaling))
            .collect();
        Self { pairing, frequencies, turns: Vec::new() }
    }

    /// Computes the angles of every row of a step, once for all layers.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "sines are rounded to the precision of the arithmetic"
    )]
    pub(super) fn turn_to(&mut self, spans: &[Span<'_>]) {
        self.turns.clear();
        for span in spans {
            for position in span.position..span.position + span.tokens.len() {
                let turn = |frequency| {
                    let (sine, cosine) = f64::sin_cos(position as f64 * frequency);
                    (cosine as f32, sine as f32)
                };
                self.turns.extend(self.frequencies.iter().map(turn));
            }
        }
    }

    /// Turns every head of every row.
    pub(super) fn apply(&self, numbers: &mut [f32], heads: usize) {
        let pairs = self.frequencies.len();
        let rows = numbers.chunks_exact_mut(heads * pairs * 2);
        for (row, turns) in rows.zip(self.turns.chunks_exact(pairs)) {
            for head in row.chunks_exact_mut(pairs * 2) {
                match self.pairing {
                    Pairing::Halves => {
                        let (first, second) = head.split_at_mut(pairs);
                        for ((one, other), turn) in first.iter_mut().zip(second).zip(turns) {
                            rotate(one, other, *turn);
                        }
                    }
                    Pairing::Neighbours => {
                        for (pair, turn) in head.as_chunks_mut::<2>().0.iter_mut().zip(turns) {
                            let [one, other] = pair;
                            rotate(one, other, *turn);
                        }
                    }
                }
            }
        }
    }
}

fn rotate(one: &mut f32, other: &mut f32, (cosine, sine): (f32, f32)) {
    (*one, *other) = (*one * cosine - *other * sine, *other * cosine + *one * sine);
}

fn scaled(frequency: f64, scaling: &RopeScaling) -> f64 {
    match *scaling {
        RopeScaling::None => frequency,
        RopeScaling::Linear { factor } => frequency / factor,
        RopeScaling::Llama3 {
            factor,
            low_frequency_factor: low,
            high_frequency_factor: high,
            original_context_tokens,
        } => {
            // How often the wave repeats within the original context.
            let waves = f64::from(original_context_tokens) * frequency / TAU;
            let kept = ((waves - low) / (high - low)).clamp(0.0, 1.0);
            frequency * (kept + (1.0 - kept) / factor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LLAMA3: RopeScaling = RopeScaling::Llama3 {
        factor: 8.0,
        low_frequency_factor: 1.0,
        high_frequency_factor: 4.0,
        original_context_tokens: 8192,
    };

    #[test]
    fn llama3_keeps_fast_waves_stretches_slow_ones_and_blends_between() {
        // Computed with transformers' formula for Llama 3.1 (theta 500,000, heads of 128).
        for (pair, expected) in [(0, 1.0), (20, 0.016_557_8), (32, 0.000_524_9), (63, 3.068_9e-7)] {
            let frequency = 500_000_f64.powf(-2.0 * f64::from(pair) / 128.0);
            let found = scaled(frequency, &LLAMA3);
            assert!((found / expected - 1.0).abs() < 1e-3, "pair {pair}: {found}");
        }
    }

    #[test]
    fn linear_scaling_divides_every_position() {
        assert!((scaled(0.5, &RopeScaling::Linear { factor: 4.0 }) - 0.125).abs() < f64::EPSILON);
    }

    #[test]
    fn a_turn_keeps_lengths_and_adds_angles() {
        let (mut one, mut other) = (3.0, 4.0);
        let angle = std::f32::consts::FRAC_PI_6;
        for _ in 0..3 {
            rotate(&mut one, &mut other, (angle.cos(), angle.sin()));
        }
        assert!((one + 4.0).abs() < 1e-5 && (other - 3.0).abs() < 1e-5);
    }
}
