//! An answer as server-sent events, as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::Bytes;

use crate::answer::News;
use crate::error;
use crate::gateway::unrecorded;
use crate::generation::{Ending, Generation};
use crate::writer::{Writer, event};

/// The body of a streamed answer. Dropping it cancels the generation.
#[derive(Debug)]
pub(crate) struct Stream {
    generation: Generation,
    writer: Writer,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Before the first event, with what the worker said so far.
    Opening(News),
    Running,
    /// The last events wait until the record of the end is on disk.
    Ending(Ending, Vec<u8>),
    Over,
}

impl Stream {
    /// A stream that begins with `first`.
    pub(crate) fn new(generation: Generation, writer: Writer, first: News) -> Self {
        Self { generation, writer, state: State::Opening(first) }
    }

    /// The next events, joined as far as they are there already.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let mut events = Vec::new();
            match std::mem::replace(&mut self.state, State::Over) {
                State::Opening(first) => {
                    self.writer.open(&mut events);
                    self.take(first, &mut events);
                }
                State::Running => match self.generation.poll_news(cx) {
                    Poll::Ready(news) => self.take(news, &mut events),
                    Poll::Pending => {
                        self.state = State::Running;
                        return Poll::Pending;
                    }
                },
                State::Ending(mut ending, mut last) => match Pin::new(&mut ending).poll(cx) {
                    Poll::Ready(Ok(())) => events.append(&mut last),
                    Poll::Ready(Err(_lost)) => event(&mut events, &error::shape(&unrecorded())),
                    Poll::Pending => {
                        self.state = State::Ending(ending, last);
                        return Poll::Pending;
                    }
                },
                State::Over => return Poll::Ready(None),
            }
            if !events.is_empty() {
                return Poll::Ready(Some(events.into()));
            }
        }
    }

    /// Turns news into events, those of the end apart.
    fn take(&mut self, news: News, events: &mut Vec<u8>) {
        self.writer.text(&news.text, events);
        let Some(end) = news.end else {
            self.state = State::Running;
            return;
        };
        let mut last = Vec::new();
        let ending = match end.outcome {
            Ok(finished) => {
                let usage = self.generation.usage(finished);
                let reason = self.writer.close(finished.finish, usage, &mut last);
                self.generation.end(finished, reason)
            }
            Err(denial) => {
                event(&mut last, &error::shape(&denial));
                self.generation.end_failed(denial.code)
            }
        };
        self.state = State::Ending(ending, last);
    }
}
