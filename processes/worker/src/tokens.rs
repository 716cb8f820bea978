//! Text to tokens and back, with what clients write kept apart from what controls the model.

mod control;
mod from_gguf;
mod from_json;
mod spelling;

pub use control::Controls;
use package::gguf::GgufIndex;
use package::tokenizer::TokenizerError;
use proto::Code;
pub use spelling::Spelling;
use tokenizers::Tokenizer;

/// A package's tokenizer.
#[derive(Debug)]
pub struct Tokens {
    tokenizer: Tokenizer,
    controls: Controls,
    spelling: Spelling,
    marks: Marks,
}

/// The texts of the tokens that a chat template asks for by name.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// `bos_token`.
    pub begin: Option<String>,
    /// `eos_token`.
    pub end: Option<String>,
}

impl Tokens {
    /// Reads `tokenizer.json`, and `tokenizer_config.json` where there is one.
    ///
    /// # Errors
    /// [`TokensError`] for the first thing that is wrong.
    pub fn from_json(text: &[u8], settings: Option<&[u8]>, vocabulary: u32) -> Result<Self, TokensError> {
        let found = package::tokenizer::Tokenizer::check(text)?.tokens;
        if found > vocabulary {
            return Err(TokenizerError::Vocabulary { found, vocabulary }.into());
        }
        let file = package::json::parse(text, &package::tokenizer::LIMITS).map_err(TokenizerError::from)?;
        from_json::build(file, from_json::marks(settings))
    }

    /// Reads the tokenizer in GGUF metadata.
    ///
    /// # Errors
    /// [`TokensError`] for the first thing that is wrong.
    pub fn from_gguf(index: &GgufIndex<'_>) -> Result<Self, TokensError> {
        let (file, marks) = from_gguf::file(index)?;
        from_json::build(file, marks)
    }

    /// What keeps the texts of clients from becoming control tokens.
    pub fn controls(&self) -> &Controls {
        &self.controls
    }

    /// What each token writes.
    pub fn spelling(&self) -> &Spelling {
        &self.spelling
    }

    /// The tokens that a chat template asks for by name.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The tokens of a plain text of a client's: nothing in it controls the model.
    ///
    /// # Errors
    /// [`EncodeError`] when there would be more than `tokens_max`, or the library fails.
    pub fn plain(&self, text: &str, tokens_max: usize) -> Result<Vec<u32>, EncodeError> {
        self.encode(&self.controls.reveal(&self.controls.hide(text)), true, tokens_max)
    }

    /// The tokens of a rendered conversation, in which the texts of clients were hidden.
    ///
    /// # Errors
    /// [`EncodeError`] when there would be more than `tokens_max`, or the library fails.
    pub fn rendered(&self, text: &str, tokens_max: usize) -> Result<Vec<u32>, EncodeError> {
        self.encode(&self.controls.reveal(text), false, tokens_max)
    }

    fn encode(&self, text: &str, whole: bool, tokens_max: usize) -> Result<Vec<u32>, EncodeError> {
        // No token stands for more bytes than the longest: a text that cannot fit is not walked over.
        if text.len() > tokens_max.saturating_mul(self.spelling.longest().max(control::NAME_BYTES_MAX)) {
            return Err(EncodeError::TooLong);
        }
        let encoding = self.tokenizer.encode_fast(text, whole).map_err(EncodeError::Library)?;
        let ids = encoding.get_ids();
        if ids.len() > tokens_max { Err(EncodeError::TooLong) } else { Ok(ids.to_vec()) }
    }
}

/// Why a text has no tokens.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// It has too many.
    #[error("text has more tokens than are allowed")]
    TooLong,
    /// The library fails.
    #[error("tokenizer failed")]
    Library(#[source] tokenizers::Error),
}

/// Why a tokenizer is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// `package` refuses it.
    #[error("tokenizer is refused")]
    Package(#[from] TokenizerError),
    /// Something in it is missing or has another type.
    #[error("tokenizer has no well-formed `{what}`")]
    Malformed {
        /// What.
        what: &'static str,
    },
    /// It is well formed and asks for something that is not supported.
    #[error("tokenizer's `{what}` is of a kind that is not supported")]
    Unsupported {
        /// What.
        what: &'static str,
    },
    /// An added token has another id than the file says.
    #[error("an added token has another id than `tokenizer.json` says")]
    AddedToken,
    /// The library refuses it.
    #[error("tokenizer library refuses the tokenizer")]
    Library(#[source] tokenizers::Error),
}

impl TokensError {
    /// The code under which operators know it.
    pub fn code(&self) -> Code {
        match self {
            Self::Package(error) => error.code(),
            Self::Unsupported { .. } => Code::FormatUnsupported,
            _ => Code::FormatInvalid,
        }
    }
}
