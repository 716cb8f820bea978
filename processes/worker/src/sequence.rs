//! One request that is being answered.

use std::time::Instant;

use proto::RequestId;
use proto::limits::GenerateLimits;
use proto::link::engine::Finish;

use crate::answer::Answer;
use crate::decoder::Span;
use crate::inbox::{Ready, Terms};
use crate::sampler::Sampler;
use crate::tokens::Spelling;

/// A sequence of tokens, the first of them in its slot's cache.
#[derive(Debug)]
pub struct Sequence {
    /// Which request it answers.
    pub request: RequestId,
    /// Its slot.
    pub slot: usize,
    /// How many tokens it has generated.
    pub output_tokens: u32,
    tokens: Vec<u32>,
    /// How many of them are in the cache.
    taken: usize,
    /// Tokens that were generated since text was last sent.
    unsent: u32,
    sampler: Sampler,
    answer: Answer,
    limits: GenerateLimits,
    deadline: Option<Instant>,
}

/// The model's output is of no use.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the model's output is no number")]
pub struct NotANumber;

/// What a token adds to an answer.
#[derive(Debug)]
pub struct Step {
    /// Text to send; may be empty.
    pub text: String,
    /// Tokens it stands for.
    pub tokens: u32,
    /// Why the answer ends, when it does.
    pub end: Option<Finish>,
}

impl Sequence {
    /// Begins to answer a request in a slot.
    pub fn new(ready: Ready, slot: usize, spelling: &Spelling) -> Self {
        let Ready { request, tokens, terms } = ready;
        let Terms { sampling, limits, deadline } = terms;
        let stops = sampling.stop.clone();
        Self {
            request,
            slot,
            output_tokens: 0,
            taken: 0,
            unsent: 0,
            sampler: Sampler::new(sampling, &tokens),
            answer: Answer::new(stops, limits.output_bytes_max, spelling.strip_first_space()),
            limits,
            deadline,
            tokens,
        }
    }

    /// Whether no token may be generated at all.
    pub fn wants_nothing(&self) -> bool {
        self.limits.output_tokens_max == 0 || self.limits.output_bytes_max == 0
    }

    /// Whether its time is over.
    pub fn is_late(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// How many tokens are not in the cache: one while it answers, more while its prompt is read.
    pub fn waiting(&self) -> usize {
        self.tokens.len() - self.taken
    }

    /// Its next tokens, `most` of them.
    pub fn span(&self, most: usize) -> Span<'_> {
        let waiting = self.tokens.get(self.taken..).unwrap_or_default();
        let tokens = waiting.get(..most).unwrap_or(waiting);
        let wanted = tokens.len() == waiting.len();
        Span { slot: self.slot, position: self.taken, tokens, wanted }
    }

    /// Notes that `count` tokens are in the cache now.
    pub fn take(&mut self, count: usize) {
        self.taken += count;
    }

    /// Chooses the next token.
    ///
    /// # Errors
    /// [`NotANumber`] when there is nothing to choose from.
    pub fn choose(
        &mut self,
        logits: &mut [f32],
        ends: &[u32],
        context: usize,
        spelling: &Spelling,
    ) -> Result<Step, NotANumber> {
        let token = self.sampler.choose(logits).ok_or(NotANumber)?;
        if ends.contains(&token) {
            return Ok(self.conclude(Finish::Stop));
        }
        self.output_tokens += 1;
        self.unsent += 1;
        self.tokens.push(token);
        let progress = self.answer.push(spelling.of(token));
        if progress.end.is_some() {
            return Ok(self.step(progress.text, progress.end));
        }
        // A token that finds no room in the cache has no successor.
        if self.output_tokens >= self.limits.output_tokens_max || self.tokens.len() >= context {
            let last = self.conclude(Finish::Length);
            return Ok(Step { text: progress.text + &last.text, ..last });
        }
        Ok(self.step(progress.text, None))
    }

    /// Ends the answer with what was held back.
    fn conclude(&mut self, finish: Finish) -> Step {
        let progress = self.answer.finish();
        self.step(progress.text, progress.end.or(Some(finish)))
    }

    fn step(&mut self, text: String, end: Option<Finish>) -> Step {
        let sent = end.is_some() || !text.is_empty();
        let tokens = if sent { std::mem::take(&mut self.unsent) } else { 0 };
        Step { text, tokens, end }
    }
}
