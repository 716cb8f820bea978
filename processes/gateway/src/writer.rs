//! Answers in `OpenAI`'s shapes.

use proto::link::engine::Finish;
use proto::{ModelName, PackageDigest, RequestId};
use serde::Serialize;

use crate::gateway::unix_seconds;
use crate::tool_text::{Call, Part, ToolText};

/// Writes one answer, whole or in events.
#[derive(Debug)]
pub(crate) struct Writer {
    id: String,
    created: u64,
    model: ModelName,
    fingerprint: String,
    form: Form,
    include_usage: bool,
    calls: u32,
}

/// Which of the two APIs is answered.
#[derive(Debug)]
pub(crate) enum Form {
    /// A message, perhaps with tool calls in it.
    Chat(Option<ToolText>),
    /// Plain text.
    Text,
}

/// Tokens, as clients are told.
#[expect(clippy::struct_field_names, reason = "the API's names")]
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u64,
}

impl Usage {
    pub(crate) fn new(prompt_tokens: u32, completion_tokens: u32) -> Self {
        let total_tokens = u64::from(prompt_tokens) + u64::from(completion_tokens);
        Self { prompt_tokens, completion_tokens, total_tokens }
    }
}

impl Writer {
    pub(crate) fn new(
        request: RequestId,
        model: &ModelName,
        package: PackageDigest,
        form: Form,
        include_usage: bool,
    ) -> Self {
        let created = unix_seconds();
        let prefix = if matches!(form, Form::Chat(_)) { "chatcmpl" } else { "cmpl" };
        Self {
            id: format!("{prefix}-{created:x}{:08x}", request.0),
            created,
            model: model.clone(),
            // The package is what answers: the same fingerprint is the same weights.
            fingerprint: format!("fp_{}", package.0.hex().get(..16).unwrap_or_default()),
            form,
            include_usage,
            calls: 0,
        }
    }

    /// The first events.
    pub(crate) fn open(&mut self, events: &mut Vec<u8>) {
        if matches!(self.form, Form::Chat(_)) {
            self.delta(Delta { role: Some("assistant"), content: Some(""), tool_calls: None }, None, events);
        }
    }

    /// More text.
    pub(crate) fn text(&mut self, text: &str, events: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        match &mut self.form {
            Form::Chat(Some(tools)) => {
                let parts = tools.feed(text);
                self.parts(&parts, events);
            }
            Form::Chat(None) => self.delta(Delta::content(text), None, events),
            Form::Text => self.choice(&TextChoice::new(text, None), events),
        }
    }

    /// The last events. Gives the reason that they tell.
    pub(crate) fn close(&mut self, finish: Finish, usage: Usage, events: &mut Vec<u8>) -> &'static str {
        if let Form::Chat(Some(tools)) = &mut self.form {
            let parts = tools.finish();
            self.parts(&parts, events);
        }
        let reason = self.reason(finish);
        match self.form {
            Form::Chat(_) => {
                self.delta(Delta { role: None, content: None, tool_calls: None }, Some(reason), events);
            }
            Form::Text => self.choice(&TextChoice::new("", Some(reason)), events),
        }
        if self.include_usage {
            self.chunk::<()>(&[], Some(usage), events);
        }
        event(events, b"[DONE]");
        reason
    }

    /// The whole answer, and the reason that it tells.
    pub(crate) fn whole(&mut self, text: &str, finish: Finish, usage: Usage) -> (Vec<u8>, &'static str) {
        let Form::Chat(tools) = &mut self.form else {
            let reason = self.reason(finish);
            return (
                self.object("text_completion", &[TextChoice::new(text, Some(reason))], Some(usage)),
                reason,
            );
        };
        let mut content = String::new();
        let mut tool_calls = Vec::new();
        match tools {
            None => content.push_str(text),
            Some(tools) => {
                for part in tools.feed(text).into_iter().chain(tools.finish()) {
                    match part {
                        Part::Text(text) => content.push_str(&text),
                        Part::Call(call) => tool_calls.push(call),
                    }
                }
            }
        }
        let ids: Vec<String> = tool_calls.iter().map(|_| self.next_call()).collect();
        let calls: Vec<_> =
            tool_calls.iter().zip(&ids).map(|(call, id)| ToolCall::new(None, id, call)).collect();
        let reason = self.reason(finish);
        let message = Message {
            role: "assistant",
            content: (!content.is_empty() || calls.is_empty()).then_some(content.as_str()),
            refusal: None,
            tool_calls: (!calls.is_empty()).then_some(calls),
        };
        let choice = MessageChoice { index: 0, message, logprobs: None, finish_reason: reason };
        (self.object("chat.completion", &[choice], Some(usage)), reason)
    }

    fn parts(&mut self, parts: &[Part], events: &mut Vec<u8>) {
        for part in parts {
            match part {
                Part::Text(text) => self.delta(Delta::content(text), None, events),
                Part::Call(call) => {
                    let index = self.calls;
                    let id = self.next_call();
                    let tool_calls = Some([ToolCall::new(Some(index), &id, call)]);
                    self.delta(Delta { role: None, content: None, tool_calls }, None, events);
                }
            }
        }
    }

    fn next_call(&mut self) -> String {
        self.calls += 1;
        format!("call_{}_{}", self.id.trim_start_matches("chatcmpl-"), self.calls)
    }

    fn reason(&self, finish: Finish) -> &'static str {
        match finish {
            Finish::Length => "length",
            Finish::Stop | Finish::Cancelled if self.calls > 0 => "tool_calls",
            Finish::Stop | Finish::Cancelled => "stop",
        }
    }

    fn delta(&self, delta: Delta<'_>, finish_reason: Option<&'static str>, events: &mut Vec<u8>) {
        self.choice(&DeltaChoice { index: 0, delta, logprobs: None, finish_reason }, events);
    }

    fn choice(&self, choice: &impl Serialize, events: &mut Vec<u8>) {
        self.chunk(&[choice], None, events);
    }

    fn chunk<C: Serialize>(&self, choices: &[C], usage: Option<Usage>, events: &mut Vec<u8>) {
        let object =
            if matches!(self.form, Form::Chat(_)) { "chat.completion.chunk" } else { "text_completion" };
        event(events, &self.object(object, choices, usage));
    }

    fn object<C: Serialize>(&self, object: &'static str, choices: &[C], usage: Option<Usage>) -> Vec<u8> {
        let object = Object {
            id: &self.id,
            object,
            created: self.created,
            model: self.model.as_str(),
            system_fingerprint: &self.fingerprint,
            choices,
            usage,
        };
        // Strings into memory: there is nothing that could fail.
        serde_json::to_vec(&object).unwrap_or_default()
    }
}

/// Writes one server-sent event. JSON has no line breaks of its own.
pub(crate) fn event(events: &mut Vec<u8>, data: &[u8]) {
    events.extend_from_slice(b"data: ");
    events.extend_from_slice(data);
    events.extend_from_slice(b"\n\n");
}

#[expect(clippy::struct_field_names, reason = "the API's names")]
#[derive(Serialize)]
struct Object<'a, C> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    system_fingerprint: &'a str,
    choices: &'a [C],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct TextChoice<'a> {
    index: u32,
    text: &'a str,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

impl<'a> TextChoice<'a> {
    fn new(text: &'a str, finish_reason: Option<&'static str>) -> Self {
        Self { index: 0, text, logprobs: None, finish_reason }
    }
}

#[derive(Serialize)]
struct MessageChoice<'a> {
    index: u32,
    message: Message<'a>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Vec<ToolCall<'a>>>,
}

#[derive(Serialize)]
struct DeltaChoice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ToolCall<'a>; 1]>,
}

impl<'a> Delta<'a> {
    fn content(content: &'a str) -> Self {
        Self { role: None, content: Some(content), tool_calls: None }
    }
}

#[derive(Serialize)]
struct ToolCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u32>,
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> ToolCall<'a> {
    fn new(index: Option<u32>, id: &'a str, call: &'a Call) -> Self {
        Self {
            index,
            id,
            kind: "function",
            function: Function { name: &call.name, arguments: &call.arguments },
        }
    }
}
