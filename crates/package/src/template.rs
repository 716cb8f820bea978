//! The chat template that a package carries. Found and bounded here; the worker runs it.

use proto::{Code, Digest};
use serde::Deserialize;

use crate::gguf::GgufIndex;
use crate::json::{self, JsonError, Limits};

/// Most bytes of a chat template.
pub const BYTES_MAX: usize = 64 * 1024;

/// A chat template's text. Its digest is pinned apart from the weights', since a changed template
/// changes what a model is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Template(String);

impl Template {
    /// Finds the template in `tokenizer_config.json`, in `chat_template.jinja`, or in both when they
    /// are the same.
    ///
    /// # Errors
    /// [`TemplateError`] when it is too large, of another shape, or the two disagree.
    pub fn from_files(
        tokenizer_config: Option<&[u8]>,
        jinja: Option<&[u8]>,
    ) -> Result<Option<Self>, TemplateError> {
        let configured = match tokenizer_config {
            None => None,
            Some(text) => json::parse::<TokenizerConfig>(text, &CONFIG_LIMITS)?.chat_template,
        };
        let configured = match configured {
            None => None,
            Some(serde_json::Value::String(text)) => Some(Self::checked(&text)?),
            Some(_) => return Err(TemplateError::Several),
        };
        let separate = match jinja {
            None => None,
            Some(text) if text.len() > BYTES_MAX => {
                return Err(TemplateError::TooLarge { found: text.len() });
            }
            Some(text) => {
                Some(Self::checked(std::str::from_utf8(text).map_err(|_| TemplateError::NotUtf8)?)?)
            }
        };
        match (configured, separate) {
            (Some(one), Some(other)) if one != other => Err(TemplateError::Disagree),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// Finds the template in GGUF metadata.
    ///
    /// # Errors
    /// [`TemplateError`] when it is too large or no text.
    pub fn from_gguf(index: &GgufIndex<'_>) -> Result<Option<Self>, TemplateError> {
        match index.get("tokenizer.chat_template") {
            None => Ok(None),
            Some(value) => Self::checked(value.as_text().ok_or(TemplateError::Several)?).map(Some),
        }
    }

    /// The template's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// SHA-256 of its text.
    pub fn digest(&self) -> Digest {
        crate::hash::sha256(self.0.as_bytes())
    }

    fn checked(text: &str) -> Result<Self, TemplateError> {
        match text.len() {
            0 => Err(TemplateError::Empty),
            1..=BYTES_MAX => Ok(Self(text.to_owned())),
            found => Err(TemplateError::TooLarge { found }),
        }
    }
}

/// Why a chat template is refused.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// `tokenizer_config.json` is no JSON that we accept.
    #[error("`tokenizer_config.json` is not accepted")]
    Json(#[from] JsonError),
    /// It is over its ceiling.
    #[error("chat template has {found} bytes, at most {BYTES_MAX} are allowed")]
    TooLarge {
        /// Bytes of the template.
        found: usize,
    },
    /// It is empty.
    #[error("chat template is empty")]
    Empty,
    /// It is not UTF-8.
    #[error("chat template is not UTF-8")]
    NotUtf8,
    /// It is no text but a list of templates by name.
    #[error("`chat_template` is not one text")]
    Several,
    /// `tokenizer_config.json` and `chat_template.jinja` are not the same.
    #[error("`tokenizer_config.json` and `chat_template.jinja` have different chat templates")]
    Disagree,
}

impl TemplateError {
    /// The code under which operators know it.
    pub const fn code(&self) -> Code {
        match self {
            Self::Several => Code::FormatUnsupported,
            _ => Code::FormatInvalid,
        }
    }
}

/// The one key that matters here. The others belong to the tokenizer's own library.
#[derive(Deserialize)]
struct TokenizerConfig {
    #[serde(default)]
    chat_template: Option<serde_json::Value>,
}

const CONFIG_LIMITS: Limits = Limits { bytes_max: 16 * 1024 * 1024, depth_max: 16, values_max: 1_000_000 };

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: Option<&str>, jinja: Option<&str>) -> Result<Option<String>, TemplateError> {
        Template::from_files(config.map(str::as_bytes), jinja.map(str::as_bytes))
            .map(|template| template.map(|template| template.0))
    }

    #[test]
    fn a_template_is_found_in_either_file() {
        assert_eq!(found(Some(r#"{"chat_template":"x","a":1}"#), None).unwrap().unwrap(), "x");
        assert_eq!(found(Some("{}"), Some("x")).unwrap().unwrap(), "x");
        assert_eq!(found(Some(r#"{"chat_template":"x"}"#), Some("x")).unwrap().unwrap(), "x");
        assert_eq!(found(Some(r#"{"chat_template":null}"#), None).unwrap(), None);
        assert_eq!(found(None, None).unwrap(), None);
    }

    #[test]
    fn two_templates_that_differ_are_refused() {
        assert!(matches!(found(Some(r#"{"chat_template":"x"}"#), Some("y")), Err(TemplateError::Disagree)));
        let listed = r#"{"chat_template":[{"name":"default","template":"x"}]}"#;
        assert!(matches!(found(Some(listed), None), Err(TemplateError::Several)));
    }

    #[test]
    fn a_template_over_its_ceiling_is_refused() {
        let long = "x".repeat(BYTES_MAX + 1);
        assert!(matches!(found(None, Some(&long)), Err(TemplateError::TooLarge { .. })));
        assert!(matches!(found(None, Some("")), Err(TemplateError::Empty)));
    }
}
