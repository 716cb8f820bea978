//! Which token comes next.

use std::collections::{BTreeMap, BTreeSet};

use proto::link::engine::Sampling;

use crate::random::Random;

/// Chooses the tokens of one answer. The same seed, settings and logits give the same choices.
#[derive(Debug)]
pub struct Sampler {
    sampling: Sampling,
    random: Random,
    /// Tokens of the prompt and of the answer.
    seen: BTreeSet<u32>,
    /// How often each was generated.
    generated: BTreeMap<u32, u32>,
    candidates: Vec<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    token: u32,
    weight: f32,
}

impl Sampler {
    /// Begins an answer to a prompt.
    pub fn new(sampling: Sampling, prompt: &[u32]) -> Self {
        let random = Random::new(sampling.seed);
        // Only one of the penalties asks for the prompt's tokens.
        let seen = if sampling.repeats() { prompt.iter().copied().collect() } else { BTreeSet::new() };
        Self { sampling, random, seen, generated: BTreeMap::new(), candidates: Vec::new() }
    }

    /// The next token; `None` when no logit is a number.
    pub fn choose(&mut self, logits: &mut [f32]) -> Option<u32> {
        self.punish(logits);
        let token = if self.sampling.temperature > 0.0 { self.draw(logits) } else { likeliest(logits) }?;
        self.seen.insert(token);
        let count = self.generated.entry(token).or_default();
        *count = count.saturating_add(1);
        Some(token)
    }

    fn punish(&self, logits: &mut [f32]) {
        let Sampling { repetition_penalty, frequency_penalty, presence_penalty, .. } = self.sampling;
        if self.sampling.repeats() {
            for &token in &self.seen {
                if let Some(logit) = logits.get_mut(token as usize) {
                    // A positive logit becomes smaller, a negative one larger in magnitude.
                    *logit =
                        if *logit > 0.0 { *logit / repetition_penalty } else { *logit * repetition_penalty };
                }
            }
        }
        if self.sampling.counts() {
            for (&token, &count) in &self.generated {
                if let Some(logit) = logits.get_mut(token as usize) {
                    *logit -= frequency_penalty * count as f32 + presence_penalty;
                }
            }
        }
    }

    fn draw(&mut self, logits: &[f32]) -> Option<u32> {
        let best = *logits.get(likeliest(logits)? as usize)?;
        let Sampling { temperature, top_p, top_k, min_p, .. } = self.sampling;
        let weight = |(token, &logit): (u32, &f32)| {
            let weight = ((logit - best) / temperature).exp();
            (weight >= min_p && weight > 0.0).then_some(Candidate { token, weight })
        };
        self.candidates.clear();
        self.candidates.extend((0..).zip(logits).filter_map(weight));
        if (1..self.candidates.len()).contains(&(top_k as usize)) {
            self.candidates.select_nth_unstable_by(top_k as usize, Candidate::order);
            self.candidates.truncate(top_k as usize);
        }
        if top_p < 1.0 {
            keep_likeliest(&mut self.candidates, top_p);
        }
        let total: f64 = self.candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
        let mut left = self.random.fraction() * total;
        let drawn = self.candidates.iter().find(|candidate| {
            left -= f64::from(candidate.weight);
            left < 0.0
        });
        // Rounding may leave a little: the last one takes it.
        drawn.or(self.candidates.last()).map(|candidate| candidate.token)
    }
}

/// Which of the penalties do anything.
trait Penalties {
    fn repeats(&self) -> bool;
    fn counts(&self) -> bool;
}

#[expect(clippy::float_cmp, reason = "exactly these numbers stand for doing nothing")]
impl Penalties for Sampling {
    fn repeats(&self) -> bool {
        self.repetition_penalty != 1.0
    }

    fn counts(&self) -> bool {
        self.frequency_penalty != 0.0 || self.presence_penalty != 0.0
    }
}

impl Candidate {
    /// Likeliest first; among equals the smaller token, so that there is one order.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that sorting calls")]
    fn order(one: &Self, other: &Self) -> std::cmp::Ordering {
        other.weight.total_cmp(&one.weight).then(one.token.cmp(&other.token))
    }
}

/// Keeps the fewest of the likeliest that together have the share `top_p`. Sorts no more of them than
/// it needs.
fn keep_likeliest(candidates: &mut Vec<Candidate>, top_p: f32) {
    let enough =
        f64::from(top_p) * candidates.iter().map(|candidate| f64::from(candidate.weight)).sum::<f64>();
    let mut sorted = 64;
    loop {
        if sorted < candidates.len() {
            candidates.select_nth_unstable_by(sorted, Candidate::order);
        }
        let all = sorted >= candidates.len();
        let front = candidates.get_mut(..sorted).unwrap_or_default();
        let front = if all { candidates.as_mut_slice() } else { front };
        front.sort_unstable_by(Candidate::order);
        let mut sum = 0.0;
        let kept = front.iter().position(|candidate| {
            sum += f64::from(candidate.weight);
            sum >= enough
        });
        match kept {
            Some(last) => return candidates.truncate(last + 1),
            None if all => return,
            None => sorted *= 8,
        }
    }
}

/// The token of the largest logit; the smallest of equals. Logits that are no number do not count.
fn likeliest(logits: &[f32]) -> Option<u32> {
    let numbers = (0..).zip(logits).filter(|(_, logit)| !logit.is_nan());
    let best = numbers.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.filter(|(_, logit)| logit.is_finite()).map(|(token, _)| token)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GREEDY: Sampling = Sampling {
        temperature: 0.0,
        top_p: 1.0,
        top_k: 0,
        min_p: 0.0,
        repetition_penalty: 1.0,
        frequency_penalty: 0.0,
        presence_penalty: 0.0,
        seed: 1,
        stop: Vec::new(),
    };

    /// How often each of the tokens is drawn in 2,000 tries.
    fn counts(sampling: &Sampling, logits: &[f32]) -> Vec<usize> {
        let mut sampler = Sampler::new(sampling.clone(), &[]);
        let mut counts = vec![0; logits.len()];
        for _ in 0..2000 {
            counts[sampler.choose(&mut logits.to_vec()).unwrap() as usize] += 1;
        }
        counts
    }

    #[test]
    fn temperature_zero_takes_the_likeliest_and_the_first_of_equals() {
        let mut sampler = Sampler::new(GREEDY, &[]);
        assert_eq!(sampler.choose(&mut [0.5, f32::NAN, 2.0, 2.0]), Some(2));
        assert_eq!(sampler.choose(&mut [f32::NEG_INFINITY, -1.0]), Some(1));
    }

    #[test]
    fn logits_that_are_no_numbers_choose_nothing() {
        for logits in [[f32::NAN; 2], [f32::NEG_INFINITY; 2], [f32::INFINITY; 2]] {
            assert_eq!(Sampler::new(GREEDY, &[]).choose(&mut logits.to_vec()), None);
            let warm = Sampling { temperature: 1.0, ..GREEDY };
            assert_eq!(Sampler::new(warm, &[]).choose(&mut logits.to_vec()), None);
        }
    }

    #[test]
    fn tokens_are_drawn_as_often_as_they_are_likely() {
        let warm = Sampling { temperature: 1.0, ..GREEDY };
        let found = counts(&warm, &[0.0, 2_f32.ln(), 5_f32.ln()]);
        for (count, expected) in found.iter().zip([250.0, 500.0, 1250.0]) {
            assert!((*count as f64 - expected).abs() < 150.0, "{found:?}");
        }
        // A higher temperature evens them out.
        let hot = Sampling { temperature: 2.0, ..warm };
        assert!(counts(&hot, &[0.0, 5.0])[0] > 100);
    }

    #[test]
    fn each_cut_keeps_what_it_says() {
        let logits = [0.5_f32, 0.3, 0.15, 0.05].map(f32::ln);
        let warm = Sampling { temperature: 1.0, ..GREEDY };
        let kept = |sampling: &Sampling| counts(sampling, &logits).iter().filter(|&&count| count > 0).count();
        assert_eq!(kept(&warm), 4);
        assert_eq!(kept(&Sampling { top_k: 2, ..warm.clone() }), 2);
        assert_eq!(kept(&Sampling { top_p: 0.75, ..warm.clone() }), 2);
        assert_eq!(kept(&Sampling { top_p: 0.85, ..warm.clone() }), 3);
        assert_eq!(kept(&Sampling { top_p: 0.0, ..warm.clone() }), 1);
        assert_eq!(kept(&Sampling { min_p: 0.25, ..warm.clone() }), 3);
        assert_eq!(kept(&Sampling { min_p: 1.0, ..warm }), 1);
    }

    #[test]
    fn penalties_move_the_answer_away_from_what_was_said() {
        let repeated = Sampling { repetition_penalty: 2.0, ..GREEDY };
        let mut sampler = Sampler::new(repeated, &[0]);
        assert_eq!(sampler.choose(&mut [1.5, 1.0, -1.0]), Some(1));
        assert_eq!(sampler.choose(&mut [-1.5, -1.0, -2.5]), Some(1));
        let frequent = Sampling { frequency_penalty: 0.4, ..GREEDY };
        let mut sampler = Sampler::new(frequent, &[0]);
        let chosen: Vec<_> = (0..4).map(|_| sampler.choose(&mut [1.0, 0.5]).unwrap()).collect();
        assert_eq!(chosen, [0, 0, 1, 0]);
        let present = Sampling { presence_penalty: 0.6, ..GREEDY };
        let mut sampler = Sampler::new(present, &[0]);
        let chosen: Vec<_> = (0..3).map(|_| sampler.choose(&mut [1.0, 0.5]).unwrap()).collect();
        assert_eq!(chosen, [0, 1, 0]);
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_choices(seed in any::<u64>(), logits in prop::collection::vec(-5.0_f32..5.0, 2..300)) {
            let warm = Sampling { temperature: 0.8, top_p: 0.9, top_k: 40, seed, ..GREEDY };
            let draw = || {
                let mut sampler = Sampler::new(warm.clone(), &[]);
                (0..20).map(|_| sampler.choose(&mut logits.clone())).collect::<Vec<_>>()
            };
            prop_assert_eq!(draw(), draw());
        }

        #[test]
        fn the_share_is_kept_as_by_sorting_everything(weights in prop::collection::vec(0.001_f32..1.0, 1..1500), top_p in 0.0_f32..1.0) {
            let mut kept: Vec<Candidate> = (0..).zip(&weights).map(|(token, &weight)| Candidate { token, weight }).collect();
            let mut sorted = kept.clone();
            sorted.sort_by(Candidate::order);
            keep_likeliest(&mut kept, top_p);
            let tokens = |of: &[Candidate]| of.iter().map(|candidate| candidate.token).collect::<Vec<_>>();
            prop_assert_eq!(tokens(&kept), tokens(&sorted[..kept.len()]));
            let share = |of: &[Candidate]| of.iter().map(|candidate| f64::from(candidate.weight)).sum::<f64>();
            let enough = f64::from(top_p) * share(&sorted);
            prop_assert!(share(&kept) >= enough * (1.0 - 1e-6));
            prop_assert!(share(&kept[..kept.len() - 1]) <= enough * (1.0 + 1e-6));
        }
    }
}
