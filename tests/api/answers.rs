//! Chat answers of the shipped model.

use serde_json::{Value, json};
use stockade_tests::{Stockade, demo};

#[test]
fn the_demo_model_answers_as_its_prompts_promise() {
    let stockade = Stockade::shared();
    let mut wrong = Vec::new();
    for prompt in demo::prompts().iter().filter(|prompt| prompt.ends) {
        let body = stockade.post("/v1/chat/completions", &prompt.request(200)).json();
        let choice = &body["choices"][0];
        let found = demo::said(&choice["message"]);
        if !prompt.is_right(&found) || choice["finish_reason"] == "length" {
            wrong.push(format!("{}: {found:?}, {choice}", prompt.skill));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_stream_says_the_same_as_a_whole_answer() {
    let stockade = Stockade::shared();
    for skill in ["greeting", "cited_answer", "json", "tool_call", "count"] {
        let prompt = demo::prompt(skill);
        let mut request = prompt.request(200);
        let answered = stockade.post("/v1/chat/completions", &request).json();
        let expected = demo::said(&answered["choices"][0]["message"]);
        request["stream"] = json!(true);
        request["stream_options"] = json!({"include_usage": true});
        let streamed = stockade.stream("/v1/chat/completions", &request);
        assert_eq!(streamed.head().status, 200);
        assert_eq!(streamed.head().header("content-type"), Some("text/event-stream"));
        let streamed = streamed.whole();
        assert_eq!(streamed.error, None);
        assert!(streamed.done, "{skill}: the stream ends with [DONE]");
        assert_eq!(demo::said_by_stream(&streamed), expected, "{skill}");
        assert_eq!(answered["choices"][0]["finish_reason"], streamed.finish.as_str(), "{skill}");
        assert_eq!(answered["usage"]["completion_tokens"].as_u64(), streamed.output_tokens, "{skill}");
        assert!(streamed.events > 4, "{skill}: it comes in pieces");
    }
}

#[test]
fn an_answer_has_the_shape_that_openai_clients_read() {
    let stockade = Stockade::shared();
    let answer = stockade.chat("Hello!");
    let body = answer.json();
    assert_eq!(answer.head.header("content-type"), Some("application/json"));
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "demo");
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert!(body["created"].as_u64().unwrap() > 1_700_000_000);
    let choice = &body["choices"][0];
    assert_eq!(choice["index"], 0);
    assert_eq!(choice["message"]["role"], "assistant");
    assert_eq!(choice["message"]["content"], "Hello! How can I help?");
    assert_eq!(choice["finish_reason"], "stop");
    let usage = &body["usage"];
    let count = |name: &str| usage[name].as_u64().unwrap_or_else(|| panic!("no {name}: {usage}"));
    assert_eq!(count("total_tokens"), count("prompt_tokens") + count("completion_tokens"));
    assert_eq!(count("prompt_tokens"), 10);
}

#[test]
fn streams_at_the_same_time_say_what_each_says_alone() {
    let stockade = Stockade::shared();
    let prompts: Vec<_> = demo::prompts().into_iter().filter(|prompt| prompt.ends).take(12).collect();
    let alone: Vec<Value> = prompts.iter().map(|prompt| spoken(&stockade, &prompt.request(64))).collect();
    let together: Vec<Value> = std::thread::scope(|scope| {
        let ask = |prompt: &demo::Prompt| {
            let (request, stockade) = (prompt.request(64), &stockade);
            scope.spawn(move || spoken(stockade, &request))
        };
        let asked: Vec<_> = prompts.iter().map(ask).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
}

#[test]
fn the_same_seed_gives_the_same_answer_and_another_seed_can_give_another() {
    let stockade = Stockade::shared();
    let ask = |seed: u64| {
        let request = json!({
            "model": "demo", "prompt": "The", "temperature": 2, "seed": seed, "max_tokens": 16,
        });
        stockade.post("/v1/completions", &request).answer()
    };
    assert_eq!(ask(7), ask(7));
    let others: std::collections::BTreeSet<String> = (0..8).map(ask).collect();
    assert!(others.len() > 1, "eight seeds, one answer: {others:?}");
}

#[test]
fn a_stop_text_ends_the_answer_and_is_not_part_of_it() {
    let stockade = Stockade::shared();
    let mut request = demo::prompt("count").request(200);
    request["stop"] = json!([", 4"]);
    let answer = stockade.post("/v1/chat/completions", &request);
    assert_eq!(answer.answer(), "1, 2, 3");
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "stop");
    request["stream"] = json!(true);
    let streamed = stockade.stream("/v1/chat/completions", &request).whole();
    assert_eq!((streamed.text.as_str(), streamed.finish.as_str()), ("1, 2, 3", "stop"));
}

/// What comes of a streamed request: text and why it ended.
fn spoken(stockade: &Stockade, request: &Value) -> Value {
    let mut request = request.clone();
    request["stream"] = json!(true);
    let whole = stockade.stream("/v1/chat/completions", &request).whole();
    json!([whole.text, whole.finish, whole.tool_calls, whole.error])
}
