//! Answers all requests at the same time, a token for each of them per step.

use std::time::Instant;

use proto::Code;
use proto::link::engine::Finish;

use crate::decoder::{DecodeError, Decoder, Span};
use crate::inbox::Inbox;
use crate::load::{Model, Words};
use crate::message;
use crate::sequence::{NotANumber, Sequence, Step};
use crate::voice::Voice;

/// Most tokens of prompts that one step takes: what an answer waits for while another's prompt is read.
pub const PROMPT_TOKENS_PER_STEP: usize = 128;

/// The sequences that own a slot.
#[derive(Debug)]
pub struct Generator<'e> {
    decoder: &'e mut Decoder,
    words: &'e Words,
    inbox: &'e Inbox,
    voice: &'e Voice,
    running: Vec<Sequence>,
    free: Vec<usize>,
    /// Which of the sequences has its prompt read first in the next step.
    turn: usize,
}

impl<'e> Generator<'e> {
    /// Makes a generator with that many slots, all of them free.
    pub fn new(model: &'e mut Model, slots: usize, inbox: &'e Inbox, voice: &'e Voice) -> Self {
        let Model { decoder, words } = model;
        let free = (0..slots).rev().collect();
        Self { decoder, words, inbox, voice, running: Vec::new(), free, turn: 0 }
    }

    /// Answers until the link is closed.
    pub fn run(mut self) {
        while !self.inbox.is_closed() {
            if self.running.is_empty() {
                self.inbox.wait();
            }
            let now = Instant::now();
            self.admit(now);
            self.retire(now);
            self.step();
        }
    }

    /// Gives free slots to those who wait longest, and sends away who waited too long.
    fn admit(&mut self, now: Instant) {
        let late = |deadline: Option<Instant>| deadline.is_some_and(|deadline| now >= deadline);
        let cancelled = |request| self.inbox.is_cancelled(request);
        for ready in self.inbox.withdraw(|ready| late(ready.terms.deadline)) {
            self.voice.failed(self.inbox, ready.request, Code::DeadlinePassed, LATE.to_owned());
        }
        while let Some(slot) = self.free.pop() {
            let Some(ready) = self.inbox.ready() else {
                self.free.push(slot);
                break;
            };
            if cancelled(ready.request) {
                self.voice.finished(self.inbox, ready.request, Finish::Cancelled, 0);
                self.free.push(slot);
                continue;
            }
            let tokens = u32::try_from(ready.tokens.len()).unwrap_or(u32::MAX);
            self.voice.accepted(self.inbox, ready.request, tokens);
            self.running.push(Sequence::new(ready, slot, self.words.tokens.spelling()));
        }
    }

    /// Ends those that were cancelled, are late, or want nothing.
    fn retire(&mut self, now: Instant) {
        self.end_some(|generator, sequence| {
            if generator.inbox.is_cancelled(sequence.request) {
                Some(Ok(Finish::Cancelled))
            } else if sequence.is_late(now) {
                Some(Err((Code::DeadlinePassed, LATE.to_owned())))
            } else {
                sequence.wants_nothing().then_some(Ok(Finish::Length))
            }
        });
    }

    /// Takes the next token of every answer and some of the prompts, and sends what came of it.
    fn step(&mut self) {
        if self.running.is_empty() {
            return;
        }
        let shares = self.shares();
        let spans: Vec<Span<'_>> = self
            .running
            .iter()
            .zip(&shares)
            .filter(|(_, share)| **share > 0)
            .map(|(sequence, &share)| sequence.span(share))
            .collect();
        let wanted: Vec<bool> = spans.iter().map(|span| span.wanted).collect();
        let vocabulary = self.decoder.vocabulary();
        match self.decoder.step(&spans) {
            Err(error) => self.fail(&shares, &error),
            Ok(logits) => {
                let mut outcomes = Vec::with_capacity(self.running.len());
                let mut logits = logits.chunks_exact_mut(vocabulary);
                let mut wanted = wanted.into_iter();
                let (ends, context) = (&self.words.ends, self.words.context);
                for (sequence, &share) in self.running.iter_mut().zip(&shares) {
                    sequence.take(share.min(sequence.waiting()));
                    let chosen = share > 0 && wanted.next() == Some(true);
                    let logits = if chosen { logits.next() } else { None };
                    outcomes.push(
                        logits.map(|logits| {
                            sequence.choose(logits, ends, context, self.words.tokens.spelling())
                        }),
                    );
                }
                self.send(outcomes);
            }
        }
    }

    /// How many tokens of each sequence the next step takes: one of every answer; prompts share the
    /// rest, one after the other, each step beginning with another one.
    fn shares(&mut self) -> Vec<usize> {
        let mut shares: Vec<usize> =
            self.running.iter().map(|sequence| usize::from(sequence.waiting() == 1)).collect();
        let mut left = PROMPT_TOKENS_PER_STEP;
        let count = shares.len();
        for at in (self.turn..self.turn + count).map(|at| at % count) {
            if let (Some(share @ 0), Some(sequence)) = (shares.get_mut(at), self.running.get(at)) {
                *share = sequence.waiting().min(left);
                left -= *share;
            }
        }
        self.turn = (self.turn + 1) % count;
        shares
    }

    fn send(&mut self, outcomes: Vec<Option<Result<Step, NotANumber>>>) {
        let mut ends = Vec::with_capacity(outcomes.len());
        for (sequence, outcome) in self.running.iter().zip(outcomes) {
            ends.push(match outcome {
                None => None,
                Some(Err(error)) => Some(Err((Code::EngineFailed, message::of(&error)))),
                Some(Ok(step)) => {
                    self.voice.piece(self.inbox, sequence.request, &step.text, step.tokens);
                    step.end.map(Ok)
                }
            });
        }
        let mut ends = ends.into_iter();
        self.end_some(|_, _| ends.next().flatten());
    }

    /// A step that failed fails everyone in it.
    fn fail(&mut self, shares: &[usize], error: &DecodeError) {
        let message = message::of(error);
        let mut shares = shares.iter();
        self.end_some(|_, _| {
            let took_part = shares.next().is_some_and(|&share| share > 0);
            took_part.then(|| Err((Code::EngineFailed, message.clone())))
        });
    }

    /// Ends the sequences for which `end` says how, in their order, and frees their slots.
    fn end_some(&mut self, mut end: impl FnMut(&Self, &Sequence) -> Option<Result<Finish, (Code, String)>>) {
        let running = std::mem::take(&mut self.running);
        for sequence in running {
            let Sequence { request, slot, output_tokens, .. } = sequence;
            match end(self, &sequence) {
                None => {
                    self.running.push(sequence);
                    continue;
                }
                Some(Ok(finish)) => self.voice.finished(self.inbox, request, finish, output_tokens),
                Some(Err((code, message))) => self.voice.failed(self.inbox, request, code, message),
            }
            self.free.push(slot);
        }
    }
}

const LATE: &str = "the answer took longer than it may";
