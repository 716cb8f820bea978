//! The package's chat template: hostile code, run without access to anything and within ceilings.

use std::io::{self, Write};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, ErrorKind, context};
use proto::Code;
use proto::link::engine::{Message, Role};

use super::json;
use crate::tokens::{Controls, Marks, Tokens};

/// Most steps that one rendering may take; long texts cost more than one.
const FUEL_MAX: u64 = 4_000_000;
/// Most bytes that a rendering may write: more than any context holds.
const OUTPUT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most macros and blocks within each other.
const RECURSION_MAX: usize = 64;

/// A chat template, compiled.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    marks: Marks,
    /// Whether it takes the arguments of earlier calls as the text that the model wrote. Others are
    /// given the object that the text describes.
    arguments_as_text: bool,
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// [`TemplateFault::Compile`] when it is not well formed.
    pub fn new(text: &str, tokens: &Tokens) -> Result<Self, TemplateFault> {
        let mut environment = Environment::new();
        // As transformers sets up its own.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(TemplateFault::Compile)?);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", raise);
        // `strftime_now` stays undefined: templates that ask for it fall back to a fixed date, and an
        // answer does not depend on when it was asked for.
        environment.set_recursion_limit(RECURSION_MAX);
        environment.set_fuel(Some(FUEL_MAX));
        environment.add_template_owned(NAME, text.to_owned()).map_err(TemplateFault::Compile)?;
        let arguments_as_text = text.contains("arguments is string");
        Ok(Self { environment, marks: tokens.marks().clone(), arguments_as_text })
    }

    /// Renders a conversation. Texts of clients are hidden in it: see [`Controls`].
    ///
    /// # Errors
    /// [`TemplateFault`] when it fails, passes a ceiling, or the client's JSON is malformed.
    pub fn render(
        &self,
        messages: &[Message],
        tools: Option<&str>,
        tokens: &Tokens,
    ) -> Result<String, TemplateFault> {
        let hide = Hide { controls: tokens.controls(), arguments_as_text: self.arguments_as_text };
        let messages = messages.iter().map(|message| hide.message(message)).collect::<Result<Value, _>>()?;
        let tools = match tools {
            None => Value::from(()),
            Some(text) => json::list(text, "tools", &|text| hide.text(text))?,
        };
        let context = context! {
            messages, tools,
            add_generation_prompt => true,
            bos_token => self.marks.begin.as_deref().unwrap_or_default(),
            eos_token => self.marks.end.as_deref().unwrap_or_default(),
        };
        let mut output = Output::default();
        let rendered = self
            .environment
            .get_template(NAME)
            .and_then(|template| template.render_captured_to(context, &mut output).map(drop));
        match rendered {
            Ok(()) => String::from_utf8(output.bytes).map_err(|_| TemplateFault::TooMuch),
            Err(_) if output.full => Err(TemplateFault::TooMuch),
            Err(error) if error.kind() == ErrorKind::OutOfFuel => Err(TemplateFault::TooMuch),
            Err(error) => Err(TemplateFault::Render(Box::new(error))),
        }
    }
}

/// Makes values for the template in which the texts of clients are hidden.
struct Hide<'h> {
    controls: &'h Controls,
    arguments_as_text: bool,
}

impl Hide<'_> {
    fn text(&self, text: &str) -> String {
        self.controls.hide(text)
    }

    fn message(&self, message: &Message) -> Result<Value, TemplateFault> {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        // What is not there is left out: templates ask whether it is defined.
        let mut fields =
            vec![("role", Value::from(role)), ("content", Value::from(self.text(&message.content)))];
        if let Some(calls) = &message.tool_calls {
            fields.push(("tool_calls", self.calls(calls)?));
        }
        for (key, text) in [("tool_call_id", &message.tool_call_id), ("name", &message.name)] {
            if let Some(text) = text {
                fields.push((key, Value::from(self.text(text))));
            }
        }
        Ok(Value::from_pairs(fields))
    }

    fn calls(&self, text: &str) -> Result<Value, TemplateFault> {
        let calls = json::list(text, "tool_calls", &|text| self.text(text))?;
        if self.arguments_as_text {
            return Ok(calls);
        }
        Ok(json::with_arguments(&calls, &|text| self.text(text), self.controls))
    }
}

/// Why a template gives no prompt.
#[derive(Debug, thiserror::Error)]
pub enum TemplateFault {
    /// It is not well formed.
    #[error("it is not well formed")]
    Compile(#[source] minijinja::Error),
    /// It failed, or refuses the conversation.
    #[error("it refuses the conversation or is wrong")]
    Render(#[source] Box<minijinja::Error>),
    /// It took more steps or wrote more than it may.
    #[error("it took too many steps or wrote too much")]
    TooMuch,
    /// The client's JSON is malformed.
    #[error("`{what}` is no JSON array of the expected shape")]
    Json {
        /// Which part of the request.
        what: &'static str,
        /// Why.
        source: package::json::JsonError,
    },
}

impl TemplateFault {
    /// The code under which clients know it.
    pub fn code(&self) -> Code {
        if matches!(self, Self::Json { .. }) { Code::InvalidRequest } else { Code::TemplateFailed }
    }
}

/// Text that may grow only so far.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    full: bool,
}

impl Write for Output {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > OUTPUT_BYTES_MAX {
            self.full = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that the template engine calls")]
fn to_json(value: Value, options: Kwargs) -> Result<String, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    for ignored in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = options.get(ignored)?;
    }
    options.assert_all_used()?;
    json::write(&value, indent.map(|indent| indent.min(16))).map_err(|error| {
        minijinja::Error::new(ErrorKind::BadSerialization, "value is no JSON").with_source(error)
    })
}

fn raise(message: String) -> Result<Value, minijinja::Error> {
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
}

const NAME: &str = "chat";
