//! One worker, as the gateway sees it: what it was asked, and whether it answers by the rules.
//!
//! The worker is hostile. Whatever it sends is judged against what it was asked; the first breach ends
//! the link and fails everything that it was asked.

pub(crate) mod link;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use policy::{Candidate, Denial, RequestPermit};
use proto::limits::GenerateLimits;
use proto::link::engine::{
    FAILURE_CODES, Finish, FromEngine, MESSAGE_BYTES_MAX, Phase, TO_ENGINE_BYTES_MAX, ToEngine, step,
};
use proto::{Code, ModelName, PackageDigest, RequestId, WorkerId, frame};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::answer::{Answer, Finished};
use crate::gateway::Patience;
use crate::sync::locked;

/// A worker that is up.
#[derive(Debug)]
pub(crate) struct Worker {
    /// Which start of a worker.
    pub(crate) id: WorkerId,
    /// The model that it serves.
    pub(crate) model: ModelName,
    /// The package that it runs.
    pub(crate) package: PackageDigest,
    /// Tokens that one sequence may have.
    context_tokens_max: u32,
    /// Requests that may run and wait in it at once.
    requests_max: u32,
    patience: Patience,
    table: Mutex<Table>,
    frames: mpsc::Sender<Outgoing>,
    ending: watch::Sender<Option<Ended>>,
}

/// What the worker was asked and has not finished.
#[derive(Debug)]
struct Table {
    open: HashMap<RequestId, Entry>,
    closed: bool,
}

#[derive(Debug)]
struct Entry {
    /// Nothing until the question has been written: a worker can't know of it before.
    phase: Option<Phase>,
    limits: GenerateLimits,
    bytes: u64,
    tokens: u32,
    /// Where the answer goes; nothing once the gateway has cancelled.
    answer: Option<Arc<Answer>>,
    /// Ends the worker if it has not confirmed by then.
    cancelled: Option<Countdown>,
}

/// A task that ends with the entry that it is about.
#[derive(Debug)]
struct Countdown(AbortHandle);

impl Drop for Countdown {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A frame to write, and the request that it asks, if it asks one.
pub(crate) type Outgoing = (Option<RequestId>, Vec<u8>);

/// Why a worker's link ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// The worker or the supervisor closed it.
    Gone,
    /// The worker broke this rule.
    Misbehaved(&'static str),
}

/// A rule that a worker broke.
pub(crate) type Breach = &'static str;

/// What a new worker is.
#[derive(Debug)]
pub(crate) struct Introduction {
    /// Which start of a worker.
    pub(crate) id: WorkerId,
    /// The model that it serves.
    pub(crate) model: ModelName,
    /// The package that it runs.
    pub(crate) package: PackageDigest,
    /// Tokens that one sequence may have.
    pub(crate) context_tokens_max: u32,
    /// Requests that may run and wait in it at once.
    pub(crate) requests_max: u32,
}

impl Worker {
    /// A worker, and the frames that its link must write.
    pub(crate) fn new(who: Introduction, patience: Patience) -> (Arc<Self>, mpsc::Receiver<Outgoing>) {
        let requests_max = who.requests_max.min(REQUESTS_MAX);
        // Each request may wait as a question and as a cancellation.
        let (frames, outgoing) = mpsc::channel(2 * requests_max as usize + 1);
        let worker = Self {
            id: who.id,
            model: who.model,
            package: who.package,
            context_tokens_max: who.context_tokens_max,
            requests_max,
            patience,
            table: Mutex::new(Table { open: HashMap::new(), closed: false }),
            frames,
            ending: watch::Sender::new(None),
        };
        (Arc::new(worker), outgoing)
    }

    /// The worker, for policy to choose.
    pub(crate) fn candidate(&self) -> Candidate {
        let in_flight = locked(&self.table).open.len();
        Candidate {
            worker: self.id,
            package: self.package,
            context_tokens_max: self.context_tokens_max,
            requests_max: self.requests_max,
            in_flight: u32::try_from(in_flight).unwrap_or(u32::MAX),
        }
    }

    /// Asks the worker what the permit permits. This is the only way to ask it anything.
    pub(crate) fn begin(&self, permit: RequestPermit, request: RequestId) -> Result<Arc<Answer>, Denial> {
        let limits = permit.limits();
        let bytes = frame::encode(&permit.into_message(request), TO_ENGINE_BYTES_MAX)
            .map_err(|_| Denial::new(Code::RequestTooLarge, "the prompt is too large to hand to a worker"))?;
        let answer = Arc::new(Answer::default());
        let mut table = locked(&self.table);
        if table.closed {
            return Err(Denial::new(Code::ModelNotReady, "the model is not ready; try again shortly"));
        }
        // Others may have come since policy looked.
        if table.open.len() >= self.requests_max as usize
            || self.frames.try_send((Some(request), bytes)).is_err()
        {
            return Err(Denial::new(Code::TooManyRequests, "the model's queue is full; try again shortly"));
        }
        let entry = Entry {
            phase: None,
            limits,
            bytes: 0,
            tokens: 0,
            answer: Some(Arc::clone(&answer)),
            cancelled: None,
        };
        table.open.insert(request, entry);
        Ok(answer)
    }

    /// Stops a generation whose answer nobody wants any more. The worker has a while to confirm it.
    pub(crate) fn cancel(self: &Arc<Self>, request: RequestId) {
        let mut table = locked(&self.table);
        let Some(entry) = table.open.get_mut(&request) else { return };
        if entry.answer.take().is_none() {
            return;
        }
        let worker = Arc::clone(self);
        let countdown = tokio::spawn(async move {
            tokio::time::sleep(worker.patience.cancel).await;
            worker.end(Ended::Misbehaved("it went on after it was told to stop"));
        });
        entry.cancelled = Some(Countdown(countdown.abort_handle()));
        drop(table);
        let sent = frame::encode(&ToEngine::Cancel { request }, TO_ENGINE_BYTES_MAX)
            .is_ok_and(|bytes| self.frames.try_send((None, bytes)).is_ok());
        if !sent {
            self.end(Ended::Misbehaved("it does not read its link"));
        }
    }

    /// Fails everything that the worker was asked, and cancels it.
    pub(crate) fn fail_all(self: &Arc<Self>, why: &Denial) {
        let asked: Vec<_> = locked(&self.table)
            .open
            .iter()
            .filter_map(|(request, entry)| Some((*request, Arc::clone(entry.answer.as_ref()?))))
            .collect();
        for (request, answer) in asked {
            answer.end(Err(why.clone()));
            self.cancel(request);
        }
    }

    /// Ends the link. Only the first reason counts.
    pub(crate) fn end(&self, why: Ended) {
        self.ending.send_if_modified(|ending| {
            let first = ending.is_none();
            ending.get_or_insert(why);
            first
        });
    }

    /// The link has ended: what was asked fails, and nothing more can be asked.
    fn close(&self, why: Ended) {
        let mut table = locked(&self.table);
        table.closed = true;
        let open = std::mem::take(&mut table.open);
        drop(table);
        let denial = match why {
            Ended::Gone => {
                Denial::new(Code::WorkerCrashed, "the worker stopped before the answer was complete")
            }
            Ended::Misbehaved(_) => {
                Denial::new(Code::WorkerMisbehaved, "the worker broke the rules of its link and was stopped")
            }
        };
        for answer in open.into_values().filter_map(|entry| entry.answer) {
            answer.end(Err(denial.clone()));
        }
    }

    /// A question has been written.
    fn asked(&self, request: RequestId) {
        if let Some(entry) = locked(&self.table).open.get_mut(&request) {
            entry.phase = Some(Phase::Asked);
        }
    }

    /// Takes one message of the worker, if it is legal.
    fn receive(&self, message: FromEngine) -> Result<(), Breach> {
        let request = message.request();
        let mut table = locked(&self.table);
        let entry = table.open.get_mut(&request).ok_or("it answered what it was not asked")?;
        let phase = entry.phase.ok_or("it answered what it was not asked")?;
        let phase = step(phase, message.kind()).ok_or("it answered out of order")?;
        if phase == Phase::Done {
            let entry = table.open.remove(&request).ok_or("it answered what it was not asked")?;
            drop(table);
            return entry.finish(message);
        }
        entry.phase = Some(phase);
        entry.go_on(message)
    }
}

impl Entry {
    /// Takes a message after which more may come.
    fn go_on(&mut self, message: FromEngine) -> Result<(), Breach> {
        match message {
            FromEngine::Accepted { prompt_tokens, .. } => {
                if prompt_tokens > self.limits.prompt_tokens_max {
                    return Err("it accepted a prompt over its ceiling");
                }
                if let Some(answer) = &self.answer {
                    answer.accept(prompt_tokens);
                }
            }
            FromEngine::Piece { text, tokens, .. } => {
                self.count(&text, tokens)?;
                if let Some(answer) = &self.answer {
                    answer.push(&text, tokens);
                }
            }
            FromEngine::Finished { .. } | FromEngine::Failed { .. } => {
                return Err("it answered out of order");
            }
        }
        Ok(())
    }

    fn count(&mut self, text: &str, tokens: u32) -> Result<(), Breach> {
        if text.is_empty() && tokens == 0 {
            return Err("it sent an empty piece");
        }
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        self.tokens = self.tokens.saturating_add(tokens);
        if self.bytes > self.limits.output_bytes_max {
            return Err("it sent more bytes than its ceiling");
        }
        if self.tokens > self.limits.output_tokens_max {
            return Err("it sent more tokens than its ceiling");
        }
        if self.bytes > u64::from(self.tokens).saturating_mul(TOKEN_BYTES_MAX) {
            return Err("it sent more text than its tokens can stand for");
        }
        Ok(())
    }

    /// Takes a message after which nothing may come.
    fn finish(self, message: FromEngine) -> Result<(), Breach> {
        let accepted = self.phase == Some(Phase::Running);
        let cancelled = self.answer.is_none();
        let outcome = match message {
            FromEngine::Finished { finish: Finish::Cancelled, .. } if !cancelled => {
                Err("it cancelled by itself")
            }
            FromEngine::Finished { finish, .. } if !accepted && finish != Finish::Cancelled => {
                Err("it finished what it had not accepted")
            }
            FromEngine::Finished { output_tokens, .. }
                if output_tokens > self.limits.output_tokens_max || output_tokens < self.tokens =>
            {
                Err("it counted its tokens wrong")
            }
            FromEngine::Finished { finish, output_tokens, .. } => Ok(Ok(Finished { finish, output_tokens })),
            FromEngine::Failed { code, .. } if !FAILURE_CODES.contains(&code) => {
                Err("it gave a code that is not its to give")
            }
            FromEngine::Failed { message, .. } if message.len() > MESSAGE_BYTES_MAX => {
                Err("it sent a message over its ceiling")
            }
            FromEngine::Failed { code, message, .. } => Ok(Err(Denial::new(code, printable(&message)))),
            FromEngine::Accepted { .. } | FromEngine::Piece { .. } => Err("it answered out of order"),
        };
        let Some(answer) = self.answer else { return outcome.map(|_| ()) };
        match outcome {
            Ok(outcome) => {
                answer.end(outcome);
                Ok(())
            }
            Err(breach) => {
                answer.end(Err(Denial::new(
                    Code::WorkerMisbehaved,
                    "the worker broke the rules of its link and was stopped",
                )));
                Err(breach)
            }
        }
    }
}

/// The text without control characters, as it may end in a terminal; never empty.
fn printable(text: &str) -> String {
    if text.trim().is_empty() {
        return "the worker gave no reason".to_owned();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Most requests that any worker may have at once, whatever the supervisor says.
const REQUESTS_MAX: u32 = 1024;

/// Most bytes that one token may stand for. Real vocabularies stay below a quarter of it.
const TOKEN_BYTES_MAX: u64 = 1024;
