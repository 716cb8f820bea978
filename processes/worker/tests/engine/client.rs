//! The gateway's side of the link, as simple as it can be.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use proto::limits::{EngineLimits, GenerateLimits};
use proto::link::engine::{
    FROM_ENGINE_BYTES_MAX, Finish, FromEngine, Phase, Prompt, Sampling, TO_ENGINE_BYTES_MAX, ToEngine, step,
};
use proto::{Code, FrameError, RequestId, read_frame, write_frame};
use stockade_worker::load::Model;
use stockade_worker::serve;

/// An engine on the other end of a link.
pub(crate) struct Client {
    pub(crate) link: UnixStream,
    engine: JoinHandle<()>,
    requests: BTreeMap<u64, Outcome>,
    next: u64,
}

/// What came of a request so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    phase: Option<Phase>,
    pub(crate) prompt_tokens: u32,
    pub(crate) text: String,
    pub(crate) pieces: usize,
    /// Tokens that pieces stood for.
    pub(crate) tokens: u32,
    pub(crate) output_tokens: u32,
    pub(crate) finish: Option<Finish>,
    pub(crate) code: Option<Code>,
}

/// What is asked for beside the prompt.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) sampling: Sampling,
    pub(crate) limits: GenerateLimits,
}

/// Greedy, and room enough.
pub(crate) fn plain() -> Terms {
    Terms {
        sampling: Sampling {
            temperature: 0.0,
            top_p: 1.0,
            top_k: 0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            seed: 0,
            stop: Vec::new(),
        },
        limits: GenerateLimits {
            prompt_tokens_max: 2000,
            output_tokens_max: 100,
            output_bytes_max: 100_000,
            wall_ms_max: 60_000,
        },
    }
}

impl Client {
    pub(crate) fn new(model: Model, limits: EngineLimits) -> Self {
        let (link, other) = UnixStream::pair().unwrap();
        link.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let engine = std::thread::spawn(move || serve::answer(model, &limits, other, || Ok(())).unwrap());
        Self { link, engine, requests: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn say(&mut self, message: &ToEngine) {
        write_frame(&mut self.link, message, TO_ENGINE_BYTES_MAX).unwrap();
    }

    pub(crate) fn ask(&mut self, prompt: Prompt, terms: Terms) -> RequestId {
        self.next += 1;
        let request = RequestId(self.next);
        self.requests.insert(self.next, Outcome { phase: Some(Phase::Asked), ..Outcome::default() });
        self.say(&ToEngine::Generate { request, prompt, sampling: terms.sampling, limits: terms.limits });
        request
    }

    pub(crate) fn cancel(&mut self, request: RequestId) {
        self.say(&ToEngine::Cancel { request });
    }

    /// Reads one message, and checks that it is legal.
    pub(crate) fn hear(&mut self) -> Result<RequestId, FrameError> {
        let message: FromEngine = read_frame(&mut self.link, FROM_ENGINE_BYTES_MAX)?;
        let request = message.request();
        let outcome = self.requests.get_mut(&request.0).expect("a known request");
        outcome.phase = Some(step(outcome.phase.unwrap(), message.kind()).expect("a legal message"));
        match message {
            FromEngine::Accepted { prompt_tokens, .. } => outcome.prompt_tokens = prompt_tokens,
            FromEngine::Piece { text, tokens, .. } => {
                assert!(!text.is_empty());
                outcome.text += &text;
                outcome.tokens += tokens;
                outcome.pieces += 1;
            }
            FromEngine::Finished { finish, output_tokens, .. } => {
                outcome.finish = Some(finish);
                outcome.output_tokens = output_tokens;
            }
            FromEngine::Failed { code, message, .. } => {
                assert!(message.len() <= 512);
                outcome.code = Some(code);
            }
        }
        Ok(request)
    }

    /// What has come of a request by now.
    pub(crate) fn so_far(&self, request: RequestId) -> &Outcome {
        &self.requests[&request.0]
    }

    /// Reads until a request has ended.
    pub(crate) fn outcome(&mut self, request: RequestId) -> Outcome {
        while self.so_far(request).phase != Some(Phase::Done) {
            self.hear().unwrap();
        }
        self.so_far(request).clone()
    }

    /// Asks and waits.
    pub(crate) fn answer(&mut self, prompt: Prompt, terms: Terms) -> Outcome {
        let request = self.ask(prompt, terms);
        self.outcome(request)
    }

    /// Closes the link and waits until the engine has ended, which it must.
    pub(crate) fn close(self) {
        drop(self.link);
        self.engine.join().unwrap();
    }

    /// Waits until the engine has closed the link and ended.
    pub(crate) fn expect_end(mut self) {
        while self.hear().is_ok() {}
        self.engine.join().unwrap();
    }
}
