//! One request for an answer: to whom it goes and what it may use.

use proto::limits::{GenerateLimits, RequestLimits};
use proto::link::engine::{Prompt, Sampling, ToEngine};
use proto::{Code, ModelName, PackageDigest, RequestId, WorkerId};

use crate::{Denial, Principal};

/// What a client asks, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Who asks.
    pub principal: Principal,
    /// The model's name, as the client wrote it.
    pub model: String,
    /// What to continue.
    pub prompt: Prompt,
    /// How to choose tokens.
    pub sampling: Sampling,
    /// Most tokens of answer that the client wants; nothing leaves it to the ceiling.
    pub output_tokens: Option<u32>,
    /// Milliseconds since the request arrived.
    pub elapsed_ms: u64,
}

/// A worker that serves the model asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidate {
    /// Which start of a worker.
    pub worker: WorkerId,
    /// The package that it runs.
    pub package: PackageDigest,
    /// Tokens that one sequence may have.
    pub context_tokens_max: u32,
    /// Requests that may run and wait in it at once.
    pub requests_max: u32,
    /// Requests that do.
    pub in_flight: u32,
}

/// A request that policy allows, with what it may use. Only [`decide`] makes one; only a permit can
/// be sent to a worker.
#[derive(Debug)]
pub struct RequestPermit {
    ask: Ask,
    model: ModelName,
    worker: WorkerId,
    package: PackageDigest,
    limits: GenerateLimits,
}

impl RequestPermit {
    /// Who asks.
    pub fn principal(&self) -> &Principal {
        &self.ask.principal
    }

    /// The model asked for.
    pub fn model(&self) -> &ModelName {
        &self.model
    }

    /// The worker that answers, and no other.
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// The package that answers.
    pub fn package(&self) -> PackageDigest {
        self.package
    }

    /// What the answer may use.
    pub fn limits(&self) -> GenerateLimits {
        self.limits
    }

    /// Uses the permit up: the message that starts the generation.
    pub fn into_message(self, request: RequestId) -> ToEngine {
        let Ask { prompt, sampling, .. } = self.ask;
        ToEngine::Generate { request, prompt, sampling, limits: self.limits }
    }
}

/// Decides on a request. `models` are those configured, `candidates` the workers that are up for the
/// one asked for.
///
/// # Errors
/// The [`Denial`] to tell the client.
pub fn decide(
    ask: Ask,
    limits: &RequestLimits,
    models: &[ModelName],
    candidates: &[Candidate],
) -> Result<RequestPermit, Denial> {
    let model = models
        .iter()
        .find(|model| model.as_str() == ask.model)
        .cloned()
        .ok_or_else(|| Denial::new(Code::ModelNotFound, "no model of that name is served").of("model"))?;
    check_prompt(&ask.prompt, limits)?;
    if ask.output_tokens == Some(0) {
        return Err(Denial::new(Code::InvalidRequest, "an answer has at least one token").of("max_tokens"));
    }
    let wall_ms_max = limits.wall_ms_max.saturating_sub(ask.elapsed_ms);
    if wall_ms_max == 0 {
        return Err(Denial::new(
            Code::DeadlinePassed,
            "the request's time was over before it could be sent on",
        ));
    }
    if candidates.is_empty() {
        return Err(Denial::new(Code::ModelNotReady, "the model is not ready; try again shortly"));
    }
    let candidate = candidates
        .iter()
        .filter(|candidate| candidate.in_flight < candidate.requests_max)
        .min_by_key(|candidate| candidate.in_flight)
        .ok_or_else(|| Denial::new(Code::TooManyRequests, "the model's queue is full; try again shortly"))?;
    let limits = GenerateLimits {
        prompt_tokens_max: limits.prompt_tokens_max.min(candidate.context_tokens_max),
        // More than the ceiling is not refused: clients ask for far more than they need.
        output_tokens_max: ask
            .output_tokens
            .unwrap_or(u32::MAX)
            .min(limits.output_tokens_max)
            .min(candidate.context_tokens_max),
        output_bytes_max: limits.output_bytes_max,
        wall_ms_max,
    };
    Ok(RequestPermit { worker: candidate.worker, package: candidate.package, ask, model, limits })
}

fn check_prompt(prompt: &Prompt, limits: &RequestLimits) -> Result<(), Denial> {
    match prompt {
        Prompt::Chat { messages, .. } => {
            if messages.len() > limits.messages_max as usize {
                let message =
                    format!("{} messages, at most {} are allowed", messages.len(), limits.messages_max);
                return Err(Denial::new(Code::RequestTooLarge, message).of("messages"));
            }
            if messages.iter().all(|message| message.content.is_empty() && message.tool_calls.is_none()) {
                return Err(Denial::new(Code::PromptEmpty, "the messages have no text").of("messages"));
            }
        }
        Prompt::Text(text) => {
            if text.is_empty() {
                return Err(Denial::new(Code::PromptEmpty, "the prompt has no text").of("prompt"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
