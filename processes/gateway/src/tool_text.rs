//! Finding tool calls in a model's text: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`.
//!
//! A call counts only when it is whole, well formed, and of a tool that the request offered. Everything
//! else stays the text that it is: a client that runs what it is told to call is never told a tool
//! that it did not offer.

use std::mem;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::ask::json;

/// Takes text as it comes and holds back what may be, or become, a tool call.
#[derive(Debug)]
pub(crate) struct ToolText {
    offered: Vec<String>,
    held: String,
    /// Bytes of `held` that are known to hold no tag.
    scanned: usize,
    inside: bool,
    called: bool,
}

/// A part of a message.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Call(Call),
}

/// A call of an offered tool.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// A JSON object, as the model wrote it.
    pub(crate) arguments: String,
}

impl ToolText {
    pub(crate) fn new(offered: Vec<String>) -> Self {
        Self { offered, held: String::new(), scanned: 0, inside: false, called: false }
    }

    /// Takes more text and gives the parts that are settled.
    pub(crate) fn feed(&mut self, text: &str) -> Vec<Part> {
        self.held.push_str(text);
        let mut parts = Vec::new();
        while let Some(before) = self.cut(if self.inside { CLOSE } else { OPEN }) {
            if self.inside {
                parts.push(self.call(&before));
            } else if !before.trim_end().is_empty() {
                parts.push(Part::Text(before.trim_end().to_owned()));
            }
            self.inside = !self.inside;
        }
        if !self.inside {
            let settled = settled(&self.held);
            let rest = self.held.split_off(settled);
            let text = mem::replace(&mut self.held, rest);
            self.scanned = 0;
            if !text.is_empty() {
                parts.push(Part::Text(text));
            }
        }
        parts
    }

    /// The text is over: what was held back is text, but for blanks behind a call.
    pub(crate) fn finish(&mut self) -> Vec<Part> {
        let mut rest = mem::take(&mut self.held);
        if mem::take(&mut self.inside) {
            rest.insert_str(0, OPEN);
        } else if self.called && rest.trim().is_empty() {
            rest.clear();
        }
        if rest.is_empty() { Vec::new() } else { vec![Part::Text(rest)] }
    }

    /// Cuts the held text at the first `tag`, takes the tag away, and gives what stood before it.
    fn cut(&mut self, tag: &str) -> Option<String> {
        let from = self.held.floor_char_boundary(self.scanned.saturating_sub(tag.len()));
        let found = self.held.get(from..).and_then(|rest| rest.find(tag));
        let Some(at) = found.map(|at| from + at) else {
            self.scanned = self.held.len();
            return None;
        };
        let rest = self.held.split_off(at + tag.len());
        let mut before = mem::replace(&mut self.held, rest);
        before.truncate(at);
        self.scanned = 0;
        Some(before)
    }

    fn call(&mut self, inner: &str) -> Part {
        match parse(inner) {
            Some(call) if self.offered.contains(&call.name) => {
                self.called = true;
                Part::Call(call)
            }
            _ => Part::Text(format!("{OPEN}{inner}{CLOSE}")),
        }
    }
}

fn parse(inner: &str) -> Option<Call> {
    json::check(inner.trim().as_bytes()).ok()?;
    let written: Written<'_> = serde_json::from_str(inner).ok()?;
    let arguments = written.arguments.get();
    arguments.starts_with('{').then(|| Call { name: written.name, arguments: arguments.to_owned() })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    name: String,
    #[serde(borrow)]
    arguments: &'a RawValue,
}

/// How much of a text can be let go: not the blanks at its end, nor what may become a tag.
fn settled(text: &str) -> usize {
    let begun =
        (1..OPEN.len()).rev().find(|length| OPEN.get(..*length).is_some_and(|start| text.ends_with(start)));
    let before = text.get(..text.len() - begun.unwrap_or(0)).unwrap_or_default();
    let kept = before.trim_end().len();
    if before.len() - kept > BLANKS_HELD_MAX { before.len() } else { kept }
}

const OPEN: &str = "<tool_call>";
const CLOSE: &str = "</tool_call>";

/// More blanks than that are let go: nobody waits for what may follow.
const BLANKS_HELD_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn tools() -> ToolText {
        ToolText::new(vec!["add".to_owned(), "look_up".to_owned()])
    }

    /// Feeds the text in pieces of `step` characters.
    fn parts(text: &str, step: usize) -> (String, Vec<Call>) {
        let mut tools = tools();
        let chars: Vec<char> = text.chars().collect();
        let mut all = Vec::new();
        for piece in chars.chunks(step) {
            all.extend(tools.feed(&piece.iter().collect::<String>()));
        }
        all.extend(tools.finish());
        let mut content = String::new();
        let mut calls = Vec::new();
        for part in all {
            match part {
                Part::Text(text) => content.push_str(&text),
                Part::Call(call) => calls.push(call),
            }
        }
        (content, calls)
    }

    #[test]
    fn a_call_of_an_offered_tool_is_found_however_the_text_is_cut() {
        let text = "Let me see. \n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"b\": 2, \"a\": 1}}\n</tool_call>\n<tool_call>{\"name\":\"look_up\",\"arguments\":{}}</tool_call>\n";
        for step in 1..text.len() {
            let (content, calls) = parts(text, step);
            assert_eq!(content, "Let me see.", "{step}");
            assert_eq!(calls.len(), 2, "{step}");
            assert_eq!(
                calls[0],
                Call { name: "add".to_owned(), arguments: "{\"b\": 2, \"a\": 1}".to_owned() }
            );
        }
    }

    #[test]
    fn what_is_no_call_of_an_offered_tool_stays_text() {
        for text in [
            "<tool_call>{\"name\":\"erase\",\"arguments\":{}}</tool_call>",
            "<tool_call>{\"name\":\"add\",\"arguments\":\"{}\"}</tool_call>",
            "<tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1,\"a\":2}}</tool_call>",
            "<tool_call>{\"name\":\"add\"}</tool_call>",
            "<tool_call>add(1)</tool_call>",
            "<tool_call></tool_call>",
            "<tool_call>{\"name\":\"add\",\"arguments\":{}}",
            "a < b <tool and <tool_cal",
            "</tool_call> é",
            "text with blanks at its end  \n\n",
        ] {
            for step in [1, 3, 7, 100] {
                assert_eq!(parts(text, step), (text.to_owned(), Vec::new()), "{text} {step}");
            }
        }
    }

    #[test]
    fn plain_text_is_not_held_back() {
        let mut tools = tools();
        assert_eq!(tools.feed("Hello"), [Part::Text("Hello".to_owned())]);
        assert_eq!(tools.feed(" <"), []);
        assert_eq!(tools.feed("b>"), [Part::Text(" <b>".to_owned())]);
    }

    #[test]
    fn a_huge_unfinished_call_is_taken_in_linear_time() {
        let mut tools = tools();
        tools.feed(OPEN);
        for _ in 0..200_000 {
            assert_eq!(tools.feed("<<<<<<<<"), []);
        }
        let mut blank = self::tools();
        for _ in 0..200_000 {
            blank.feed("    ");
        }
        assert!(blank.held.len() <= BLANKS_HELD_MAX + 8);
    }
}
