//! What a worker has said of one request and the client's side has not yet taken.
//!
//! A mailbox and not a queue: pieces that wait are joined, so that a client gets in one write what came
//! while the last one was under way, and the first piece waits for nothing. It holds at most one
//! answer's bytes, so the link is never held up by a client that does not read.

use std::mem;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use policy::Denial;
use proto::link::engine::Finish;

use crate::sync::locked;

/// The mailbox of one request.
#[derive(Debug, Default)]
pub(crate) struct Answer(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    news: News,
    over: bool,
    reader: Option<Waker>,
}

/// What came since the last look.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Tokens of the prompt, when the worker has just accepted it.
    pub(crate) prompt_tokens: Option<u32>,
    /// Text in order.
    pub(crate) text: String,
    /// Tokens that it stands for.
    pub(crate) tokens: u32,
    /// The end, when it came. Nothing comes after.
    pub(crate) end: Option<End>,
}

/// How an answer ended, and when that was heard.
#[derive(Debug)]
pub(crate) struct End {
    /// The worker's last word, or why there is none.
    pub(crate) outcome: Result<Finished, Denial>,
    /// When.
    pub(crate) at: Instant,
}

/// The worker completed the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Finished {
    /// Why it ended.
    pub(crate) finish: Finish,
    /// Tokens of the answer.
    pub(crate) output_tokens: u32,
}

impl Answer {
    /// The prompt was accepted.
    pub(crate) fn accept(&self, prompt_tokens: u32) {
        self.put(|news| news.prompt_tokens = Some(prompt_tokens));
    }

    /// More text.
    pub(crate) fn push(&self, text: &str, tokens: u32) {
        self.put(|news| {
            news.text.push_str(text);
            news.tokens = news.tokens.saturating_add(tokens);
        });
    }

    /// The end. Only the first one counts.
    pub(crate) fn end(&self, outcome: Result<Finished, Denial>) {
        let end = End { outcome, at: Instant::now() };
        self.put(|news| news.end = Some(end));
    }

    /// Takes what came, or waits for it.
    pub(crate) fn poll_news(&self, cx: &mut Context<'_>) -> Poll<News> {
        let mut state = locked(&self.0);
        if state.news.is_empty() {
            match &mut state.reader {
                Some(reader) => reader.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            Poll::Pending
        } else {
            Poll::Ready(mem::take(&mut state.news))
        }
    }

    /// Takes what came, if anything did.
    pub(crate) fn take(&self) -> News {
        mem::take(&mut locked(&self.0).news)
    }

    fn put(&self, change: impl FnOnce(&mut News)) {
        let mut state = locked(&self.0);
        if state.over {
            return;
        }
        change(&mut state.news);
        state.over = state.news.end.is_some();
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl News {
    /// Why there will be no answer at all, when that is what came.
    pub(crate) fn refusal(&self) -> Option<Denial> {
        let end = self.end.as_ref().filter(|_| self.text.is_empty())?;
        end.outcome.as_ref().err().cloned()
    }

    fn is_empty(&self) -> bool {
        self.prompt_tokens.is_none() && self.text.is_empty() && self.tokens == 0 && self.end.is_none()
    }
}
