//! Server-sent events: an answer that comes piece by piece.

use std::io;

use serde_json::Value;

use crate::http::{Connection, Head, Response};

/// A streamed answer.
#[derive(Debug)]
pub struct Stream {
    connection: Connection,
    head: Head,
    text: Vec<u8>,
}

/// A streamed answer, put together again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Whole {
    /// The first choice's text.
    pub text: String,
    /// Why it ended; empty when it was cut off.
    pub finish: String,
    /// Tokens of the answer, when the stream told them.
    pub output_tokens: Option<u64>,
    /// The stable code of an error in the middle.
    pub error: Option<String>,
    /// Whether `[DONE]` stood at the end.
    pub done: bool,
    /// How many events there were.
    pub events: usize,
    /// The first choice's tool calls, as `(name, arguments)`.
    pub tool_calls: Vec<(String, String)>,
}

impl Stream {
    /// Takes the events of the answer that `connection` is about to read.
    pub fn new(mut connection: Connection) -> io::Result<Self> {
        let head = connection.head()?;
        Ok(Self { connection, head, text: Vec::new() })
    }

    /// The answer's first lines.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next event's data; `None` at the end of the answer.
    pub fn event(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.text.windows(2).position(|pair| pair == b"\n\n") {
                let event = String::from_utf8_lossy(&self.text[..end]).into_owned();
                self.text.drain(..end + 2);
                let data: Vec<&str> = event
                    .lines()
                    .filter_map(|line| line.strip_prefix("data:"))
                    .map(str::trim_start)
                    .collect();
                if data.is_empty() {
                    continue;
                }
                return Ok(Some(data.join("\n")));
            }
            match self.connection.piece()? {
                Some(piece) => self.text.extend_from_slice(&piece),
                None => return Ok(None),
            }
        }
    }

    /// The answer as a whole one, for what did not come to be a stream.
    ///
    /// # Panics
    /// When it breaks off.
    pub fn into_response(mut self) -> Response {
        let mut body = self.text;
        while let Some(piece) = self.connection.piece().expect("the answer goes on") {
            body.extend_from_slice(&piece);
        }
        Response { head: self.head, body }
    }

    /// Reads until some text has come.
    ///
    /// # Panics
    /// When the stream ends before.
    pub fn first_text(&mut self) -> String {
        loop {
            let event = self.event().expect("the stream goes on").expect("text comes before the end");
            let event: Value = serde_json::from_str(&event).expect("an event is JSON");
            if let Some(text) = text(&event).filter(|text| !text.is_empty()) {
                return text.to_owned();
            }
        }
    }

    /// Reads to the end, however it comes.
    ///
    /// # Panics
    /// When an event is no JSON.
    pub fn whole(mut self) -> Whole {
        let mut whole = Whole::default();
        while let Ok(Some(event)) = self.event() {
            whole.events += 1;
            if event == "[DONE]" {
                whole.done = true;
                continue;
            }
            let event: Value = serde_json::from_str(&event).expect("an event is JSON");
            whole.take(&event);
        }
        whole
    }
}

impl Whole {
    fn take(&mut self, event: &Value) {
        if let Some(code) = event["error"]["code"].as_str() {
            self.error = Some(code.to_owned());
        }
        self.text.push_str(text(event).unwrap_or_default());
        if let Some(finish) = event["choices"][0]["finish_reason"].as_str() {
            finish.clone_into(&mut self.finish);
        }
        if let Some(tokens) = event["usage"]["completion_tokens"].as_u64() {
            self.output_tokens = Some(tokens);
        }
        for call in event["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let part = |name: &str| call["function"][name].as_str().unwrap_or_default();
            let index = usize::try_from(call["index"].as_u64().unwrap_or(0)).unwrap_or(0);
            while self.tool_calls.len() <= index {
                self.tool_calls.push((String::new(), String::new()));
            }
            self.tool_calls[index].0.push_str(part("name"));
            self.tool_calls[index].1.push_str(part("arguments"));
        }
    }
}

fn text(event: &Value) -> Option<&str> {
    let choice = &event["choices"][0];
    choice["delta"]["content"].as_str().or(choice["text"].as_str())
}
