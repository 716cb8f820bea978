//! A client of our own API: one streamed chat answer, and whether the API is ready.

use std::io::{BufRead as _, BufReader, Read};
use std::time::Duration;

use proto::Code;
use proto::code::Failure;
use serde_json::Value;

use crate::failure::Result;
use crate::secret::KeyText;

/// The API of one Stockade, and the key to ask it with.
pub(crate) struct Client<'c> {
    agent: ureq::Agent,
    url: &'c str,
    key: &'c KeyText,
}

/// What came of a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    /// All of the text.
    pub(crate) text: String,
    /// Tool calls: names and arguments.
    pub(crate) calls: Vec<(String, String)>,
    /// Why it ended: `stop`, `length` or `tool_calls`.
    pub(crate) finish: String,
    /// Tokens of the prompt and of the answer, where the API said.
    pub(crate) tokens: Option<(u64, u64)>,
}

impl<'c> Client<'c> {
    /// A client for the API at `url`.
    pub(crate) fn new(url: &'c str, key: &'c KeyText) -> Self {
        Self { agent: agent(None), url, key }
    }

    /// Asks for a streamed chat answer; each piece of text is given to `on_text` as it comes.
    pub(crate) fn chat(&self, question: &Value, on_text: &mut dyn FnMut(&str)) -> Result<Answer> {
        let url = format!("{}/v1/chat/completions", self.url);
        let mut response = self
            .agent
            .post(&url)
            .header("authorization", format!("Bearer {}", self.key.expose()))
            .content_type("application/json")
            .send(question.to_string())
            .map_err(|error| broken(&error.to_string()))?;
        if response.status().as_u16() != 200 {
            let mut text = String::new();
            let _ = response.body_mut().as_reader().take(LINE_BYTES_MAX).read_to_string(&mut text);
            return Err(refusal(&text));
        }
        read_stream(response.body_mut().as_reader(), on_text)
    }
}

/// Whether the API says that it is ready; an error when nobody answers.
pub(crate) fn readiness(url: &str) -> std::result::Result<bool, String> {
    let response = agent(Some(READY_MAX)).get(&format!("{url}/readyz")).call();
    response.map(|response| response.status().is_success()).map_err(|error| error.to_string())
}

/// The API is on this machine: no proxy is asked, whatever the environment says.
fn agent(wall: Option<Duration>) -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .timeout_connect(Some(READY_MAX))
        .timeout_global(wall)
        .build()
        .new_agent()
}

/// Reads server-sent events until the stream's end.
fn read_stream(stream: impl Read, on_text: &mut dyn FnMut(&str)) -> Result<Answer> {
    let mut stream = BufReader::new(stream);
    let mut answer = Answer::default();
    loop {
        let mut line = String::new();
        let read = (&mut stream).take(LINE_BYTES_MAX).read_line(&mut line);
        match read {
            Ok(0) => return Err(broken("it ended before it was complete")),
            Ok(length) if length as u64 == LINE_BYTES_MAX => return Err(broken("a line is too long")),
            Ok(_) => {}
            Err(error) => return Err(broken(&error.to_string())),
        }
        let Some(event) = line.trim_end().strip_prefix("data: ") else { continue };
        if event == "[DONE]" {
            return Ok(answer);
        }
        let event: Value = serde_json::from_str(event).map_err(|error| broken(&error.to_string()))?;
        if event.get("error").is_some() {
            return Err(refusal(&event.to_string()));
        }
        answer.take(&event, on_text);
    }
}

impl Answer {
    /// Takes in one event.
    fn take(&mut self, event: &Value, on_text: &mut dyn FnMut(&str)) {
        let number = |name: &str| event.pointer(&format!("/usage/{name}")).and_then(Value::as_u64);
        if let (Some(prompt), Some(output)) = (number("prompt_tokens"), number("completion_tokens")) {
            self.tokens = Some((prompt, output));
        }
        let Some(choice) = event.pointer("/choices/0") else { return };
        if let Some(text) = choice.pointer("/delta/content").and_then(Value::as_str) {
            self.text.push_str(text);
            on_text(text);
        }
        for call in choice.pointer("/delta/tool_calls").and_then(Value::as_array).into_iter().flatten() {
            self.take_call(call);
        }
        if let Some(finish) = choice.get("finish_reason").and_then(Value::as_str) {
            finish.clone_into(&mut self.finish);
        }
    }

    /// A tool call begins with its name; pieces of its arguments may follow.
    fn take_call(&mut self, call: &Value) {
        let part = |name: &str| call.pointer(&format!("/function/{name}")).and_then(Value::as_str);
        if let Some(name) = part("name") {
            self.calls.push((name.to_owned(), String::new()));
        }
        if let (Some((_, arguments)), Some(piece)) = (self.calls.last_mut(), part("arguments")) {
            arguments.push_str(piece);
        }
    }
}

/// An error of the API, with its own code where it is one of ours.
fn refusal(body: &str) -> Failure {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let text = |name: &str| body.pointer(&format!("/error/{name}")).and_then(Value::as_str);
    let code = text("code").and_then(|text| Code::ALL.iter().find(|code| code.as_str() == text));
    let message = text("message").unwrap_or("the API gave an answer that is none of its own");
    Failure::new(code.copied().unwrap_or(Code::Internal), crate::text::harmless(message))
}

fn broken(why: &str) -> Failure {
    Failure::new(Code::Internal, format!("the API's answer could not be read: {why}"))
}

const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;
const READY_MAX: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(events: &[&str]) -> Result<Answer> {
        let text = format!("data: {}\n\n", events.join("\n\ndata: "));
        read_stream(text.as_bytes(), &mut |_| {})
    }

    #[test]
    fn a_streamed_answer_is_put_together() {
        let answer = stream(&[
            r#"{"choices":[{"delta":{"role":"assistant"}}]}"#,
            r#"{"choices":[{"delta":{"content":"Hel"}}]}"#,
            r#"{"choices":[{"delta":{"content":"lo"}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
            "[DONE]",
        ]);
        let expected = Answer {
            text: "Hello".to_owned(),
            calls: vec![("f".to_owned(), "{}".to_owned())],
            finish: "stop".to_owned(),
            tokens: Some((3, 2)),
        };
        assert_eq!(answer.unwrap(), expected);
    }

    #[test]
    fn a_stream_that_breaks_off_or_tells_an_error_is_no_answer() {
        let piece = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
        assert_eq!(stream(&[piece]).unwrap_err().code, Code::Internal);
        assert_eq!(stream(&[piece, "nonsense"]).unwrap_err().code, Code::Internal);
        let crashed =
            stream(&[piece, r#"{"error":{"code":"worker_crashed","message":"x\u001b"}}"#]).unwrap_err();
        assert_eq!((crashed.code, crashed.message.as_str()), (Code::WorkerCrashed, "x\u{fffd}"));
    }

    #[test]
    fn a_line_without_end_is_not_read_for_ever() {
        let failure = read_stream(std::io::repeat(b'a'), &mut |_| {}).unwrap_err();
        assert!(failure.message.contains("too long"));
    }
}
