//! What clients get.

use proto::link::engine::{Finish, FromEngine, Prompt, Role, ToEngine};
use serde_json::{Value, json};

use super::stage::{KEY, Stage, chat, limits};
use super::worker::Engine;

const TOOLS: &str = ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"add\",\"parameters\":{}}}]";

fn call_a_tool(engine: &mut Engine, request: proto::RequestId) {
    engine.accept(request);
    for piece in
        ["One moment.\n<tool_", "call>{\"name\":\"add\",\"argu", "ments\":{\"a\": 1}}</tool_call>", "\n"]
    {
        engine.piece(request, piece);
    }
    engine.finish(request, Finish::Stop, 4);
}

#[test]
fn a_chat_is_answered_whole() {
    let (stage, worker) = Stage::honest(limits());
    let reply = stage.chat("");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert!(reply.header("x-request-id").is_some_and(|id| id.starts_with("req_")));
    let body = reply.json();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "demo");
    assert_eq!(
        body["choices"][0]["message"],
        json!({"role": "assistant", "content": "Hello world", "refusal": null})
    );
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert_eq!(body["usage"], json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}));
    let ToEngine::Generate { prompt: Prompt::Chat { messages, tools: None }, limits: granted, .. } =
        worker.hear()
    else {
        panic!("the worker is asked to chat");
    };
    assert_eq!((messages[0].role, messages[0].content.as_str()), (Role::User, "hi"));
    assert_eq!(granted.output_tokens_max, limits().output_tokens_max);
    assert!(granted.wall_ms_max <= limits().wall_ms_max);
}

#[test]
fn a_chat_is_streamed_as_openai_streams_it() {
    let (stage, _worker) = Stage::honest(limits());
    let reply = stage.chat(",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/event-stream")));
    let mut events = reply.events();
    assert_eq!(events.pop().unwrap(), "[DONE]");
    let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    assert_eq!(events[0]["choices"][0]["delta"], json!({"role": "assistant", "content": ""}));
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "Hello world");
    let [.., finish, usage] = events.as_slice() else { panic!("there are at least two events") };
    assert_eq!(
        (&finish["choices"][0]["delta"], &finish["choices"][0]["finish_reason"]),
        (&json!({}), &json!("stop"))
    );
    assert_eq!((&usage["choices"], &usage["usage"]["total_tokens"]), (&json!([]), &json!(5)));
    assert!(
        events
            .iter()
            .all(|event| event["id"] == events[0]["id"] && event["object"] == "chat.completion.chunk")
    );
}

#[test]
fn a_text_is_continued_whole_and_streamed() {
    let (stage, worker) = Stage::honest(limits());
    let body = stage.post("/v1/completions", "{\"model\":\"demo\",\"prompt\":\"Once\"}").json();
    assert_eq!(
        (&body["object"], &body["choices"][0]["text"]),
        (&json!("text_completion"), &json!("Hello world"))
    );
    let ToEngine::Generate { prompt, limits: granted, .. } = worker.hear() else {
        panic!("the worker is asked")
    };
    assert_eq!((prompt, granted.output_tokens_max), (Prompt::Text("Once".to_owned()), 16));
    let events =
        stage.post("/v1/completions", "{\"model\":\"demo\",\"prompt\":\"Once\",\"stream\":true}").events();
    let text: String = events
        .iter()
        .filter_map(|event| {
            serde_json::from_str::<Value>(event).ok()?["choices"][0]["text"].as_str().map(str::to_owned)
        })
        .collect();
    assert_eq!((text.as_str(), events.last().unwrap().as_str()), ("Hello world", "[DONE]"));
}

#[test]
fn a_call_of_an_offered_tool_is_told_as_one() {
    let mut stage = Stage::start(limits());
    let worker = stage.worker(call_a_tool);
    let choice = &stage.chat(TOOLS).json()["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &json!("One moment."))
    );
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(
        (&call["type"], &call["function"]),
        (&json!("function"), &json!({"name": "add", "arguments": "{\"a\": 1}"}))
    );
    assert!(call["id"].as_str().is_some_and(|id| id.starts_with("call_")));
    let ToEngine::Generate { prompt: Prompt::Chat { tools, .. }, .. } = worker.hear() else {
        panic!("the worker is asked")
    };
    assert_eq!(tools.as_deref(), TOOLS.strip_prefix(",\"tools\":"));
}

#[test]
fn a_streamed_tool_call_comes_whole() {
    let mut stage = Stage::start(limits());
    let _worker = stage.worker(call_a_tool);
    let mut events = stage.chat(&format!("{TOOLS},\"stream\":true")).events();
    assert_eq!(events.pop().unwrap(), "[DONE]");
    let events: Vec<Value> = events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    let text: String =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "One moment.");
    let calls: Vec<_> =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"].as_array()).collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        (&calls[0][0]["index"], &calls[0][0]["function"]["arguments"]),
        (&json!(0), &json!("{\"a\": 1}"))
    );
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn without_tools_offered_a_tool_call_is_text() {
    let mut stage = Stage::start(limits());
    let _worker = stage.worker(call_a_tool);
    let choice = &stage.chat("").json()["choices"][0];
    assert!(choice["message"]["content"].as_str().unwrap().contains("<tool_call>"));
    assert_eq!(choice["finish_reason"], "stop");
}

#[test]
fn a_ceiling_reached_is_told_as_length() {
    let mut stage = Stage::start(limits());
    let worker = stage.worker(|engine, request| {
        engine.accept(request);
        engine.piece(request, "cut");
        engine.finish(request, Finish::Length, 1);
    });
    let reply = stage.chat(",\"max_tokens\":1,\"temperature\":0");
    assert_eq!(reply.json()["choices"][0]["finish_reason"], "length");
    let ToEngine::Generate { limits, sampling, .. } = worker.hear() else { panic!("the worker is asked") };
    assert_eq!(limits.output_tokens_max, 1);
    assert!(sampling.temperature.abs() < f32::EPSILON);
}

#[test]
fn models_health_readiness_and_metrics_are_told() {
    let mut stage = Stage::start(limits());
    assert_eq!(stage.get("/readyz").status, 503);
    let _worker = stage.worker(Engine::answer_honestly);
    assert_eq!((stage.get("/readyz").status, stage.get("/healthz").status), (200, 200));
    let models = stage.get("/v1/models").json();
    let names: Vec<_> = models["data"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!((names, &models["object"]), (vec![&json!("demo"), &json!("idle")], &json!("list")));
    assert_eq!(stage.chat("").status, 200);
    let metrics = stage.metrics();
    for line in [
        "stockade_gateway_requests_total{route=\"/v1/chat/completions\",code=\"ok\"} 1",
        "stockade_gateway_prompt_tokens_total 3",
        "stockade_gateway_output_tokens_total 2",
        "stockade_gateway_requests_in_flight 0",
        "stockade_gateway_records_pending 0",
        "stockade_gateway_records_up 1",
        "stockade_gateway_workers_up{model=\"demo\"} 1",
        "stockade_gateway_workers_up{model=\"idle\"} 0",
        "stockade_gateway_added_seconds_count 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn many_requests_share_a_connection_and_a_worker() {
    let (stage, _worker) = Stage::honest(limits());
    let mut client = stage.client();
    for _ in 0..50 {
        let reply = client.ask(&super::client::request("POST", "/v1/chat/completions", KEY, &chat("")));
        assert_eq!(reply.json()["choices"][0]["message"]["content"], "Hello world");
    }
}

#[test]
fn a_failure_that_the_worker_may_tell_reaches_the_client_without_control_characters() {
    let mut stage = Stage::start(limits());
    let _worker = stage.worker(|engine, request| {
        let message = "too\u{1b}[2J long".to_owned();
        engine.say(&FromEngine::Failed { request, code: proto::Code::PromptTooLong, message });
    });
    for more in ["", ",\"stream\":true"] {
        let reply = stage.chat(more);
        assert_eq!((reply.status, reply.code().as_str()), (400, "prompt_too_long"));
        assert_eq!(reply.json()["error"]["message"], "too [2J long");
    }
}
