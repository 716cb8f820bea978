//! Ceilings on requests, and what is said when one is met.

use std::time::Duration;

use serde_json::{Value, json};
use stockade_tests::{Options, Stockade, demo, eventually};

const CHAT: &str = "/v1/chat/completions";

fn says(stockade: &Stockade, text: &str, tokens: u32) -> stockade_tests::Response {
    let messages = json!([{"role": "user", "content": text}]);
    stockade.post(CHAT, &json!({"model": "demo", "max_tokens": tokens, "messages": messages}))
}

#[test]
fn a_prompt_of_a_million_tokens_is_refused_and_the_next_is_served() {
    let stockade = Stockade::shared();
    let answer = says(&stockade, &"lamp ".repeat(1_000_000), 4);
    assert!(
        matches!(
            (answer.status(), answer.code().as_str()),
            (400, "prompt_too_long") | (413, "request_too_large")
        ),
        "{} {}",
        answer.status(),
        answer.text()
    );
    assert_eq!(answer.head.header("x-should-retry"), Some("false"));
    let answer =
        stockade.post("/v1/completions", &json!({"model": "demo", "prompt": "lamp ".repeat(1_000_000)}));
    assert!(matches!(answer.status(), 400 | 413), "{}", answer.status());
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?");
}

#[test]
fn a_prompt_just_over_the_models_context_is_refused_with_its_code() {
    let stockade = Stockade::shared();
    let answer = says(&stockade, &"1 ".repeat(3000), 4);
    assert_eq!((answer.status(), answer.code().as_str()), (400, "prompt_too_long"), "{}", answer.text());
    let last = stockade.records_named("request_ended").pop();
    assert!(last.is_some(), "an admitted request has an end");
}

#[test]
fn a_body_over_its_ceiling_is_refused_before_it_is_read() {
    let stockade = Stockade::start(Options::demo().limit("body-bytes-max", 10_000));
    let mut connection = stockade.connect();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: 1000000000\r\n\r\n",
        stockade.key()
    );
    connection.send(head.as_bytes()).unwrap();
    // Not one byte of the body is sent: the answer comes all the same.
    let answer = connection.response().unwrap();
    assert_eq!((answer.status(), answer.code().as_str()), (413, "request_too_large"));
    let answer = says(&stockade, &"x".repeat(10_000), 4);
    assert_eq!((answer.status(), answer.code().as_str()), (413, "request_too_large"));
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?");
}

#[test]
fn a_chunked_body_over_its_ceiling_is_refused_while_it_comes() {
    let stockade = Stockade::start(Options::demo().limit("body-bytes-max", 10_000));
    let mut connection = stockade.connect();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        stockade.key()
    );
    connection.send(head.as_bytes()).unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
    // The body has no end; it is cut off at its ceiling.
    for _ in 0..1000 {
        if connection.send(chunk.as_bytes()).is_err() {
            break;
        }
    }
    if let Ok(answer) = connection.response() {
        assert_eq!((answer.status(), answer.code().as_str()), (413, "request_too_large"));
    }
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?");
}

#[test]
fn too_many_messages_are_refused() {
    let stockade = Stockade::start(Options::demo().limit("messages-max", 8));
    let messages: Vec<Value> = (0..9).map(|_| json!({"role": "user", "content": "Hello!"})).collect();
    let answer = stockade.post(CHAT, &json!({"model": "demo", "messages": messages}));
    assert!(matches!(answer.status(), 400 | 413), "{}", answer.text());
    assert!(matches!(answer.code().as_str(), "request_too_large" | "invalid_request"), "{}", answer.text());
    let answer = stockade.post(CHAT, &json!({"model": "demo", "messages": messages[..8]}));
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

#[test]
fn an_answer_over_its_tokens_ends_there_whatever_the_client_asks() {
    let stockade = Stockade::start(Options::demo().limit("output-tokens-max", 20));
    let mut request = demo::prompt("repeat_forever").request(20);
    request.as_object_mut().unwrap().remove("max_tokens");
    let body = stockade.post(CHAT, &request).json();
    assert_eq!(body["usage"]["completion_tokens"], 20, "{body}");
    assert_eq!(body["choices"][0]["finish_reason"], "length");
}

#[test]
fn an_answer_over_its_bytes_ends_there() {
    let stockade = Stockade::start(Options::demo().limit("output-bytes-max", 1024));
    let body = stockade.post(CHAT, &demo::prompt("repeat_forever").request(400)).json();
    let text = body["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.len() <= 1024, "{} bytes", text.len());
    assert_eq!(body["choices"][0]["finish_reason"], "length");
}

#[test]
fn an_answer_over_its_time_ends_with_a_typed_error() {
    let stockade = Stockade::start(Options::demo().limit("wall-ms-max", 150));
    let mut request = demo::prompt("repeat_forever").request(2000);
    let answer = stockade.post(CHAT, &request);
    assert_eq!((answer.status(), answer.code().as_str()), (504, "deadline_passed"), "{}", answer.text());
    request["stream"] = json!(true);
    let streamed = stockade.stream(CHAT, &request).whole();
    assert_eq!(streamed.error.as_deref(), Some("deadline_passed"));
    let ended = eventually("the end's record", || stockade.records_named("request_ended").pop());
    assert_eq!(ended["data"]["failed"], "deadline_passed");
}

#[test]
fn one_request_more_than_allowed_is_answered_429_and_served_later() {
    let stockade = Stockade::start(Options::demo().limit("in-flight-max", 2));
    let mut request = demo::prompt("repeat_forever").request(1500);
    request["stream"] = json!(true);
    let mut running: Vec<_> = (0..2).map(|_| stockade.stream(CHAT, &request)).collect();
    for stream in &mut running {
        stream.first_text();
    }
    let answer = stockade.chat("Hello!");
    assert_eq!((answer.status(), answer.code().as_str()), (429, "too_many_requests"), "{}", answer.text());
    assert!(answer.head.header("retry-after").is_some());
    assert!(answer.head.header("x-should-retry").is_none_or(|value| value == "true"));
    drop(running);
    eventually("a place that was freed", || {
        let answer = stockade.chat("Hello!");
        (answer.status() == 200).then_some(())
    });
    let denied = stockade.records_named("request_denied");
    assert!(denied.iter().any(|record| record["data"]["code"] == "too_many_requests"), "{denied:?}");
}

#[test]
fn connections_over_their_number_are_closed_and_others_served() {
    let stockade = Stockade::start(Options::demo().limit("connections-max", 16));
    let mut idle: Vec<_> = (0..40).map(|_| stockade.connect()).collect();
    let closed = idle.iter_mut().rev().take(24).filter_map(|one| one.is_closed().then_some(())).count();
    assert_eq!(closed, 24, "those over the number are closed");
    drop(idle);
    let answer = eventually("a connection", || {
        stockade.try_get("/healthz").ok().filter(|answer| answer.status() == 200)
    });
    assert_eq!(answer.status(), 200);
}

#[test]
fn a_client_that_sends_its_request_too_slowly_is_cut_off() {
    let stockade = Stockade::start(Options::demo().limit("read-ms-max", 700));
    let head =
        format!("POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n", stockade.key());
    let slow_head = stockade.connect();
    let slow_body = stockade.connect();
    let body = format!("{head}Content-Length: 2000\r\n\r\n");
    std::thread::scope(|scope| {
        for (mut connection, text) in [(slow_head, head.clone()), (slow_body, body)] {
            let dripping = text.clone() + &"x".repeat(2000);
            scope.spawn(move || {
                let begun = std::time::Instant::now();
                let mut cut = false;
                let start = text.len().min(dripping.len()) - 2;
                let _ = connection.send(&dripping.as_bytes()[..start]);
                for byte in dripping.as_bytes()[start..].chunks(1).take(200) {
                    if connection.send(byte).is_err() {
                        cut = true;
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
                // What was sent would have taken ten seconds.
                let answer = connection.response();
                assert!(cut || answer.is_err() || answer.is_ok_and(|answer| answer.status() == 408));
                assert!(begun.elapsed() < Duration::from_mins(1));
            });
        }
        assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?", "others are served meanwhile");
    });
}
