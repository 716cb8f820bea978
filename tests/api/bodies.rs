//! Bodies that are not what the API reads: each a typed error, and the next request is served.

use serde_json::{Value, json};
use stockade_tests::{Response, Stockade};

const CHAT: &str = "/v1/chat/completions";

fn send(stockade: &Stockade, path: &str, body: &[u8]) -> Response {
    let key = format!("Bearer {}", stockade.key());
    let headers = [("Authorization", key.as_str()), ("Content-Type", "application/json")];
    stockade.request("POST", path, &headers, body)
}

fn refused(answer: &Response, status: u16, code: &str, what: &str) {
    assert_eq!((answer.status(), answer.code().as_str()), (status, code), "{what}: {}", answer.text());
    let error = &answer.json()["error"];
    assert!(!error["message"].as_str().unwrap().is_empty(), "{what}");
    assert!(error["type"].is_string(), "{what}: {error}");
    assert!(error.as_object().unwrap().contains_key("param"), "{what}: {error}");
    assert_eq!(answer.head.header("x-should-retry"), Some("false"), "{what}");
    assert_eq!(answer.head.header("content-type"), Some("application/json"), "{what}");
}

fn serves(stockade: &Stockade) {
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?");
}

#[test]
fn what_is_no_json_is_an_invalid_request() {
    let stockade = Stockade::shared();
    let bodies: &[&[u8]] = &[
        b"",
        b" ",
        b"null",
        b"[]",
        b"\"text\"",
        b"1",
        b"{",
        b"{}}",
        b"{\"model\":\"demo\"",
        b"{'model':'demo'}",
        b"{\"model\":\"demo\",}",
        b"{\"model\":NaN}",
        b"{\"model\":\"demo\"} trailing",
        b"\xef\xbb\xbf{}",
        b"{\"model\":\"\xff\xfe\"}",
        b"\xff\xfe\xfd",
        b"{\"model\":\"\\ud800\"}",
        b"\0\0\0\0",
        b"model=demo&prompt=x",
    ];
    for body in bodies {
        for path in [CHAT, "/v1/completions"] {
            let what = format!("{path} {:?}", String::from_utf8_lossy(body));
            refused(&send(&stockade, path, body), 400, "invalid_request", &what);
        }
    }
    serves(&stockade);
}

#[test]
fn a_field_of_a_wrong_type_is_an_invalid_request() {
    let stockade = Stockade::shared();
    let wrong = [
        ("model", json!(1)),
        ("model", json!(null)),
        ("model", json!(["demo"])),
        ("messages", json!("Hello!")),
        ("messages", json!({})),
        ("messages", json!([1])),
        ("messages", json!([{"role": "user"}])),
        ("messages", json!([{"content": "x"}])),
        ("messages", json!([{"role": 1, "content": "x"}])),
        ("messages", json!([{"role": "root", "content": "x"}])),
        ("messages", json!([{"role": "user", "content": 1}])),
        ("messages", json!([{"role": "user", "content": [{"type": "text", "text": 1}]}])),
        ("max_tokens", json!("ten")),
        ("max_tokens", json!(-1)),
        ("max_tokens", json!(1.5)),
        ("max_tokens", json!(18_446_744_073_709_551_615_u64)),
        ("temperature", json!("hot")),
        ("temperature", json!(-0.1)),
        ("temperature", json!(2.1)),
        ("top_p", json!(1.1)),
        ("top_p", json!(-1)),
        ("presence_penalty", json!(3)),
        ("frequency_penalty", json!(-3)),
        ("seed", json!("x")),
        ("stop", json!(1)),
        ("stop", json!([1])),
        ("stream", json!("yes")),
        ("stream", json!(1)),
        ("stream_options", json!([])),
        ("tools", json!("calculator")),
        ("tools", json!([{"type": "function"}])),
    ];
    for (field, value) in wrong {
        let mut request: Value =
            json!({"model": "demo", "messages": [{"role": "user", "content": "Hello!"}]});
        request[field] = value;
        let answer = send(&stockade, CHAT, request.to_string().as_bytes());
        assert_eq!(answer.status(), 400, "{request}: {}", answer.text());
        assert!(matches!(answer.code().as_str(), "invalid_request" | "unsupported_parameter"), "{request}");
    }
    serves(&stockade);
}

#[test]
fn a_number_too_large_for_any_type_is_an_invalid_request() {
    let stockade = Stockade::shared();
    for number in ["1e999", "-1e999", "99999999999999999999999999", "1e-999999999"] {
        for field in ["temperature", "max_tokens", "seed", "top_p"] {
            let body = format!(
                r#"{{"model":"demo","messages":[{{"role":"user","content":"Hello!"}}],"max_tokens":4,"{field}":{number}}}"#
            )
            .replace(r#""max_tokens":4,"max_tokens""#, r#""max_tokens""#);
            let answer = send(&stockade, CHAT, body.as_bytes());
            // A number that is as good as zero is a number.
            let tiny = number == "1e-999999999" && matches!(field, "temperature" | "top_p");
            assert!(answer.status() == 400 || tiny && answer.status() == 200, "{body}: {}", answer.text());
        }
    }
    serves(&stockade);
}

#[test]
fn a_key_that_stands_twice_is_an_invalid_request() {
    let stockade = Stockade::shared();
    for body in [
        r#"{"model":"demo","model":"other","messages":[{"role":"user","content":"Hello!"}]}"#,
        r#"{"model":"demo","messages":[{"role":"user","content":"Hello!"}],"messages":[]}"#,
        r#"{"model":"demo","messages":[{"role":"user","role":"system","content":"Hello!"}]}"#,
        r#"{"model":"demo","messages":[{"role":"user","content":"Hello!","content":"Bye!"}]}"#,
    ] {
        refused(&send(&stockade, CHAT, body.as_bytes()), 400, "invalid_request", body);
    }
    serves(&stockade);
}

#[test]
fn json_a_hundred_thousand_levels_deep_is_refused_and_harms_nobody() {
    let stockade = Stockade::shared();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let tools =
            format!(r#"{{"model":"demo","messages":[{{"role":"user","content":"Hello!"}}],"tools":{deep}}}"#);
        for body in [deep, tools] {
            refused(&send(&stockade, CHAT, body.as_bytes()), 400, "invalid_request", open);
        }
    }
    serves(&stockade);
}

#[test]
fn an_unknown_model_is_not_found_and_says_so_to_nobody_else() {
    let stockade = Stockade::shared();
    for name in ["other", "Demo", "demo ", "../demo", "demo\u{0}", "démo", &"m".repeat(1000)] {
        for path in [CHAT, "/v1/completions"] {
            let body = json!({"model": name, "prompt": "x", "messages": [{"role": "user", "content": "x"}]});
            let body = if path == CHAT {
                json!({"model": name, "messages": body["messages"]})
            } else {
                json!({"model": name, "prompt": "x"})
            };
            let answer = send(&stockade, path, body.to_string().as_bytes());
            refused(&answer, 404, "model_not_found", name);
        }
    }
}

#[test]
fn a_missing_model_is_an_invalid_request() {
    let stockade = Stockade::shared();
    let body = json!({"messages": [{"role": "user", "content": "x"}]});
    refused(&send(&stockade, CHAT, body.to_string().as_bytes()), 400, "invalid_request", "no model");
}

#[test]
fn an_empty_prompt_is_refused() {
    let stockade = Stockade::shared();
    let body = json!({"model": "demo", "messages": []});
    let answer = send(&stockade, CHAT, body.to_string().as_bytes());
    refused(&answer, 400, "prompt_empty", "no messages");
    let body = json!({"model": "demo", "prompt": ""});
    let answer = send(&stockade, "/v1/completions", body.to_string().as_bytes());
    refused(&answer, 400, "prompt_empty", "no text");
    serves(&stockade);
}

#[test]
fn what_this_api_does_not_do_is_refused_and_not_ignored() {
    let stockade = Stockade::shared();
    for (field, value) in [
        ("n", json!(2)),
        ("n", json!(16_384)),
        ("logprobs", json!(true)),
        ("response_format", json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {}}})),
        ("audio", json!({"voice": "x", "format": "wav"})),
        ("modalities", json!(["text", "audio"])),
    ] {
        let mut request: Value =
            json!({"model": "demo", "messages": [{"role": "user", "content": "Hello!"}]});
        request[field] = value;
        let answer = send(&stockade, CHAT, request.to_string().as_bytes());
        refused(&answer, 400, "unsupported_parameter", field);
        assert_eq!(answer.json()["error"]["param"], field);
    }
    let image = json!({"model": "demo", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "http://169.254.169.254/latest/meta-data"}}]}]});
    let answer = send(&stockade, CHAT, image.to_string().as_bytes());
    assert_eq!(answer.status(), 400, "{}", answer.text());
    serves(&stockade);
}

#[test]
fn text_of_every_script_and_control_characters_go_through_as_text() {
    let stockade = Stockade::shared();
    for text in
        ["héllo 世界 🦀", "a\u{0}b", "\u{202e}reversed", "\u{feff}", "\\\"{{7*7}}{% raw %}", "\r\n\r\n"]
    {
        let request =
            json!({"model": "demo", "max_tokens": 4, "messages": [{"role": "user", "content": text}]});
        let answer = stockade.post(CHAT, &request);
        assert_eq!(answer.status(), 200, "{text:?}: {}", answer.text());
    }
}
