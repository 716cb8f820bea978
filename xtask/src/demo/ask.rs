//! One question to the API, as any client would ask it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::time::Duration;

use serde_json::{Value, json};

use super::serve::Served;
use crate::failure::Failure;
use crate::{screen, tree};

/// A conversation that ends with a question.
pub(super) struct Question(Vec<Value>);

impl Question {
    /// The first question about numbered sources that the shipped weights answer rightly.
    pub(super) fn shipped() -> Result<Self, Failure> {
        let text = std::fs::read_to_string(tree::root().join("models/demo/prompts.json"))
            .map_err(|error| Failure::io("models/demo/prompts.json", &error))?;
        let file: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("models/demo/prompts.json: {error}")))?;
        file.get("prompts")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|prompt| prompt.get("known_failure").is_none_or(|known| known != true))
            .find(|prompt| prompt.get("skill").is_some_and(|skill| skill == "cited_answer"))
            .and_then(|prompt| prompt.get("messages")?.as_array().cloned())
            .map(Self)
            .ok_or_else(|| Failure::new("models/demo/prompts.json has no question with sources"))
    }

    /// Shows who says what.
    pub(super) fn show(&self) {
        screen::heading("a question, through the API");
        for message in &self.0 {
            let part = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
            for (index, line) in part("content").lines().enumerate() {
                let role = if index == 0 { part("role") } else { "" };
                screen::line(format_args!("  {} {line}", screen::dim(&format!("{role:<9}"))));
            }
        }
    }
}

/// Asks, and shows the answer as it streams.
pub(super) fn stream(served: &Served, question: &Question) -> Result<(), Failure> {
    let body = json!({ "model": "demo", "messages": question.0, "stream": true, "temperature": 0 });
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(ANSWER_WITHIN)).build().into();
    let answer = agent
        .post(format!("{}/v1/chat/completions", served.url))
        .header("authorization", format!("Bearer {}", served.key))
        .header("content-type", "application/json")
        .send(body.to_string())
        .map_err(|error| Failure::new(format!("the API: {error}")))?;
    screen::part(&format!("  {} ", screen::dim("assistant")));
    let reader = BufReader::new(answer.into_body().into_reader().take(ANSWER_BYTES_MAX));
    for line in reader.lines() {
        let line = line.map_err(|error| Failure::io("the answer", &error))?;
        let Some(event) = line.strip_prefix("data: ").filter(|event| *event != "[DONE]") else { continue };
        let event: Value = serde_json::from_str(event)
            .map_err(|error| Failure::new(format!("the answer is no event stream: {error}")))?;
        if let Some(message) = event.pointer("/error/message").and_then(Value::as_str) {
            return Err(Failure::new(format!("the answer was cut: {message}")));
        }
        if let Some(text) = event.pointer("/choices/0/delta/content").and_then(Value::as_str) {
            screen::part(&harmless(text));
        }
    }
    screen::line("");
    Ok(())
}

/// A model's words without what a terminal would obey.
fn harmless(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || *c == '\n').collect()
}

const ANSWER_WITHIN: Duration = Duration::from_mins(2);
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;
