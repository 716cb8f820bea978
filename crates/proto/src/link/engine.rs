//! Gateway ⇄ worker: generation. The worker is hostile; the gateway bounds all that it reads.

use serde::{Deserialize, Serialize};

use crate::limits::GenerateLimits;
use crate::{Code, RequestId};

/// Most bytes of one frame to the worker: a whole prompt.
pub const TO_ENGINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most bytes of one frame from the worker: one piece of text.
pub const FROM_ENGINE_BYTES_MAX: usize = 64 * 1024;

/// What the gateway says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToEngine {
    /// Generate. `request` is new on this link.
    Generate {
        /// The request.
        request: RequestId,
        /// What to continue.
        prompt: Prompt,
        /// How to choose tokens.
        sampling: Sampling,
        /// What it may use.
        limits: GenerateLimits,
    },
    /// Stop generating; `Finished` with [`Finish::Cancelled`] follows, unless the end was under way.
    Cancel {
        /// The request.
        request: RequestId,
    },
}

/// What a generation continues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Prompt {
    /// A conversation, rendered by the package's own chat template.
    Chat {
        /// The messages in order.
        messages: Vec<Message>,
        /// The tools offered, as the client's JSON array.
        tools: Option<String>,
    },
    /// Plain text.
    Text(String),
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
    /// Earlier tool calls by the assistant, as the client's JSON array.
    pub tool_calls: Option<String>,
    /// Which call a tool's message answers.
    pub tool_call_id: Option<String>,
    /// The tool's or participant's name.
    pub name: Option<String>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The operator of the application.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool's result.
    Tool,
}

/// How the next token is chosen. Temperature 0 takes the likeliest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 to 2.
    pub temperature: f32,
    /// Keep the likeliest tokens that together have this probability; 1 keeps all.
    pub top_p: f32,
    /// Keep this many of the likeliest tokens; 0 keeps all.
    pub top_k: u32,
    /// Keep tokens at least this fraction as likely as the likeliest; 0 keeps all.
    pub min_p: f32,
    /// Divides the logits of tokens seen before; 1 does nothing.
    pub repetition_penalty: f32,
    /// Subtracted for each time a token was generated.
    pub frequency_penalty: f32,
    /// Subtracted once a token was generated.
    pub presence_penalty: f32,
    /// The same seed and request give the same answer.
    pub seed: u64,
    /// Texts that end the answer and are not part of it.
    pub stop: Vec<String>,
}

/// What the worker answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromEngine {
    /// The prompt fits and generation begins.
    Accepted {
        /// The request.
        request: RequestId,
        /// Tokens of the rendered prompt.
        prompt_tokens: u32,
    },
    /// More of the answer.
    Piece {
        /// The request.
        request: RequestId,
        /// Whole characters.
        text: String,
        /// Tokens it stands for.
        tokens: u32,
    },
    /// The answer is complete.
    Finished {
        /// The request.
        request: RequestId,
        /// Why.
        finish: Finish,
        /// Tokens of the answer, the end marker not counted.
        output_tokens: u32,
    },
    /// There will be no (more) answer.
    Failed {
        /// The request.
        request: RequestId,
        /// One of [`FAILURE_CODES`].
        code: Code,
        /// What happened, at most [`MESSAGE_BYTES_MAX`] bytes.
        message: String,
    },
}

/// The codes that a worker may give in [`FromEngine::Failed`]. The others are not its to say.
pub const FAILURE_CODES: &[Code] = &[
    Code::InvalidRequest,
    Code::PromptEmpty,
    Code::PromptTooLong,
    Code::TooManyRequests,
    Code::TemplateFailed,
    Code::DeadlinePassed,
    Code::EngineFailed,
];

/// Most bytes of a failure's message.
pub const MESSAGE_BYTES_MAX: usize = 512;

/// Why generation ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended its answer, or a stop text was met.
    Stop,
    /// A ceiling on tokens or bytes was reached.
    Length,
    /// The gateway cancelled.
    Cancelled,
}

/// Where one request stands on this link, as the gateway sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Sent; nothing heard.
    Asked,
    /// Accepted; pieces may come.
    Running,
    /// Nothing more may come.
    Done,
}

/// The kinds of message a worker may send.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// [`FromEngine::Accepted`].
    Accepted,
    /// [`FromEngine::Piece`].
    Piece,
    /// [`FromEngine::Finished`].
    Finished,
    /// [`FromEngine::Failed`].
    Failed,
}

/// Which message is legal when. Anything else ends the link and is recorded.
pub const LEGAL: &[(Phase, Kind, Phase)] = &[
    (Phase::Asked, Kind::Accepted, Phase::Running),
    (Phase::Asked, Kind::Finished, Phase::Done),
    (Phase::Asked, Kind::Failed, Phase::Done),
    (Phase::Running, Kind::Piece, Phase::Running),
    (Phase::Running, Kind::Finished, Phase::Done),
    (Phase::Running, Kind::Failed, Phase::Done),
];

/// The phase after a message, or nothing when the message is not legal now.
pub fn step(phase: Phase, kind: Kind) -> Option<Phase> {
    LEGAL.iter().find(|(from, seen, _)| *from == phase && *seen == kind).map(|(_, _, to)| *to)
}

impl FromEngine {
    /// The request that the message is about.
    pub const fn request(&self) -> RequestId {
        match self {
            Self::Accepted { request, .. }
            | Self::Piece { request, .. }
            | Self::Finished { request, .. }
            | Self::Failed { request, .. } => *request,
        }
    }

    /// The message's kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Accepted { .. } => Kind::Accepted,
            Self::Piece { .. } => Kind::Piece,
            Self::Finished { .. } => Kind::Finished,
            Self::Failed { .. } => Kind::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_legal_after_the_end() {
        for kind in [Kind::Accepted, Kind::Piece, Kind::Finished, Kind::Failed] {
            assert_eq!(step(Phase::Done, kind), None);
        }
    }

    #[test]
    fn a_piece_before_acceptance_is_illegal() {
        assert_eq!(step(Phase::Asked, Kind::Piece), None);
        assert_eq!(step(Phase::Running, Kind::Accepted), None);
    }
}
