//! Why a request is refused.

use proto::Code;

/// A refusal, as the client will be told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// Which refusal.
    pub code: Code,
    /// What is wrong, in one sentence, without payloads.
    pub message: String,
    /// The field of the request that is wrong, when it is one.
    pub param: Option<String>,
    /// The method that the path takes, when another one was used: that is answered 405.
    pub allow: Option<&'static str>,
}

impl Denial {
    /// A refusal that is about no single field.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, allow: None }
    }

    /// Names the field that is wrong.
    #[must_use]
    pub fn of(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }
}
