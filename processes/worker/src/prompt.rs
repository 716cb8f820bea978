//! From what a client asks to the tokens that the model continues.

mod json;
mod template;

use proto::Code;
use proto::link::engine::Prompt;

pub use self::template::{Template, TemplateFault};
use crate::tokens::{EncodeError, Tokens};

/// The tokens of a prompt, at most `tokens_max`.
///
/// # Errors
/// [`PromptError`] when there is nothing to continue, or too much, or the template fails.
pub fn encode(
    prompt: &Prompt,
    tokens: &Tokens,
    template: Option<&Template>,
    tokens_max: usize,
) -> Result<Vec<u32>, PromptError> {
    let ids = match prompt {
        Prompt::Text(text) if text.is_empty() => return Err(PromptError::Empty),
        Prompt::Text(text) => tokens.plain(text, tokens_max)?,
        Prompt::Chat { messages, .. }
            if messages.iter().all(|message| message.content.is_empty() && message.tool_calls.is_none()) =>
        {
            return Err(PromptError::Empty);
        }
        Prompt::Chat { messages, tools } => {
            let template = template.ok_or(PromptError::NoTemplate)?;
            let text = template.render(messages, tools.as_deref(), tokens)?;
            tokens.rendered(&text, tokens_max)?
        }
    };
    if ids.is_empty() { Err(PromptError::Empty) } else { Ok(ids) }
}

/// Why a prompt has no tokens.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// There is no text.
    #[error("the prompt has no text")]
    Empty,
    /// The package has no chat template.
    #[error("the model has no chat template")]
    NoTemplate,
    /// The template fails.
    #[error("the chat template failed")]
    Template(#[from] TemplateFault),
    /// The text has too many tokens, or the tokenizer fails.
    #[error("the prompt cannot be encoded")]
    Encode(#[from] EncodeError),
}

impl PromptError {
    /// The code under which clients know it.
    pub fn code(&self) -> Code {
        match self {
            Self::Empty => Code::PromptEmpty,
            Self::NoTemplate => Code::TemplateFailed,
            Self::Template(fault) => fault.code(),
            Self::Encode(EncodeError::TooLong) => Code::PromptTooLong,
            Self::Encode(EncodeError::Library(_)) => Code::EngineFailed,
        }
    }
}
