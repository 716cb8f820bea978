//! API keys.

use serde_json::json;
use stockade_tests::{Stockade, eventually};

#[test]
fn every_path_that_needs_a_key_refuses_a_request_without_one() {
    let stockade = Stockade::shared();
    for (method, path) in [
        ("GET", "/v1/models"),
        ("POST", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("GET", "/metrics"),
    ] {
        let answer = stockade.request(method, path, &[], b"{}");
        assert_eq!((answer.status(), answer.code().as_str()), (401, "invalid_api_key"), "{method} {path}");
        assert_eq!(answer.head.header("x-should-retry"), Some("false"), "{method} {path}");
    }
}

#[test]
fn a_wrong_key_is_refused_whatever_it_looks_like() {
    let stockade = Stockade::shared();
    let key = stockade.key();
    let (start, end) = key.split_at(key.len() - 1);
    let other = if end == "a" { "b" } else { "a" };
    let long = "k".repeat(4000);
    for wrong in [
        format!("Bearer {start}"),
        format!("Bearer {start}{other}"),
        format!("Bearer {key} "),
        format!("Bearer {key}{key}"),
        format!("Bearer {long}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {key}"),
        key.to_owned(),
        format!("Bearer\t{key}"),
        format!("Bearer {}", key.to_uppercase()),
        String::new(),
    ] {
        // Spaces at a header's end are no part of its value: that one is right.
        let right = wrong.trim_end() == format!("Bearer {key}");
        let answer = stockade.request("GET", "/v1/models", &[("Authorization", &wrong)], b"");
        assert_eq!(answer.status(), if right { 200 } else { 401 }, "{wrong:?}");
    }
}

#[test]
fn two_keys_in_one_request_are_refused() {
    let stockade = Stockade::shared();
    let right = format!("Bearer {}", stockade.key());
    let headers = [("Authorization", right.as_str()), ("Authorization", "Bearer other")];
    let answer = stockade.request("GET", "/v1/models", &headers, b"");
    assert!(matches!(answer.status(), 400 | 401), "{}", answer.status());
}

#[test]
fn a_refused_key_is_recorded_without_the_key() {
    let stockade = Stockade::start(stockade_tests::Options::demo());
    let wrong = "sk-this-key-is-wrong-0123456789";
    let header = format!("Bearer {wrong}");
    let body = serde_json::to_vec(&json!({"model": "demo"})).unwrap();
    let answer = stockade.request("POST", "/v1/chat/completions", &[("Authorization", &header)], &body);
    assert_eq!(answer.status(), 401);
    let record = eventually("the denial's record", || stockade.records_named("request_denied").pop());
    assert_eq!(record["data"]["code"], "invalid_api_key");
    assert_eq!(record["data"]["principal"], serde_json::Value::Null);
    assert_eq!(record["data"]["route"], "/v1/chat/completions");
    assert!(!record.to_string().contains("this-key-is-wrong"));
}
