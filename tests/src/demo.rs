//! The shipped model: its packages, and what it promises to answer.

use std::{fs, path::Path};

use regex::Regex;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{places, sse::Whole};

/// A prompt and what a right answer to it is.
#[derive(Clone, Debug, Deserialize)]
pub struct Prompt {
    /// What it shows.
    pub skill: String,
    messages: Vec<Value>,
    tools: Vec<Value>,
    exact: Option<String>,
    regex: Option<String>,
    /// Whether the answer ends by itself.
    #[serde(default = "yes")]
    pub ends: bool,
    #[serde(default)]
    known_failure: bool,
}

#[derive(Deserialize)]
struct File {
    prompts: Vec<Prompt>,
}

impl Prompt {
    /// The prompt as a request for a greedy chat answer.
    pub fn request(&self, tokens_max: u32) -> Value {
        let mut request = json!({
            "model": "demo", "messages": self.messages, "temperature": 0, "max_tokens": tokens_max,
        });
        if !self.tools.is_empty() {
            request["tools"] = json!(self.tools);
        }
        for message in request["messages"].as_array_mut().into_iter().flatten() {
            if message["role"] == "tool" {
                message["tool_call_id"] = json!("call_1");
            }
        }
        request
    }

    /// Whether this is a right answer, tool calls written as [`said`] writes them.
    pub fn is_right(&self, said: &str) -> bool {
        match (&self.exact, &self.regex) {
            (Some(exact), _) => canonical(exact) == canonical(said),
            (None, Some(regex)) => Regex::new(regex).is_ok_and(|regex| regex.is_match(said)),
            (None, None) => false,
        }
    }
}

/// Every prompt whose promise the shipped weights keep.
///
/// # Panics
/// When the file is not there.
pub fn prompts() -> Vec<Prompt> {
    let text =
        fs::read_to_string(places::workspace().join("models/demo/prompts.json")).expect("prompts.json");
    let file: File = serde_json::from_str(&text).expect("prompts.json is well formed");
    file.prompts.into_iter().filter(|prompt| !prompt.known_failure).collect()
}

/// The first prompt of a skill.
///
/// # Panics
/// When there is none.
pub fn prompt(skill: &str) -> Prompt {
    prompts()
        .into_iter()
        .find(|prompt| prompt.skill == skill)
        .unwrap_or_else(|| panic!("no prompt for {skill}"))
}

/// What an assistant's message says, tool calls as the model writes them.
pub fn said(message: &Value) -> String {
    let mut said = message["content"].as_str().unwrap_or_default().to_owned();
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let part = |name: &str| call["function"][name].as_str().unwrap_or_default();
        said.push_str(&call_text(part("name"), part("arguments")));
    }
    said
}

/// As [`said`], of an answer that came as a stream.
pub fn said_by_stream(whole: &Whole) -> String {
    let calls = whole.tool_calls.iter().map(|(name, arguments)| call_text(name, arguments));
    std::iter::once(whole.text.clone()).chain(calls).collect()
}

fn call_text(name: &str, arguments: &str) -> String {
    format!("<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>")
}

/// The text, with a tool call's JSON in its one compact spelling.
fn canonical(text: &str) -> String {
    let call = text.strip_prefix("<tool_call>").and_then(|rest| rest.strip_suffix("</tool_call>"));
    let json = call.and_then(|json| serde_json::from_str::<Value>(json).ok());
    json.map_or_else(|| text.to_owned(), |json| json.to_string())
}

fn yes() -> bool {
    true
}

/// Copies a directory's files, links and directories as they are.
///
/// # Panics
/// When something cannot be copied.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("make the copy's directory");
    for entry in fs::read_dir(from).expect("read the directory").map(|entry| entry.expect("read an entry")) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().expect("an entry has a type").is_dir() {
            copy(&source, &target);
        } else {
            fs::copy(&source, &target).expect("copy a file");
        }
    }
}
