//! What clients ask, parsed once, at the edge.
//!
//! A field that would change the answer's meaning and is not supported is refused by name; so is one
//! that nobody here has heard of, because nobody can say whether it would. Ignored are only fields that
//! say something *about* the request: who the user is, how to bill or cache it.

pub(crate) mod chat;
pub(crate) mod completion;
mod fields;
pub(crate) mod json;
mod message;
mod sampling;
mod tools;

use proto::link::engine::{Prompt, Sampling};

use crate::writer::Form;

/// A request, parsed.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The model's name, as the client wrote it.
    pub(crate) model: String,
    /// What to continue.
    pub(crate) prompt: Prompt,
    /// How to choose tokens.
    pub(crate) sampling: Sampling,
    /// Most tokens of answer that the client wants.
    pub(crate) output_tokens: Option<u32>,
    /// Whether the answer is streamed.
    pub(crate) stream: bool,
    /// Whether a stream ends with the token counts.
    pub(crate) include_usage: bool,
    /// How the answer is written.
    pub(crate) form: Form,
}

#[cfg(test)]
mod tests;
