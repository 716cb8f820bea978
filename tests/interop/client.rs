//! The official `openai` client for Python, unmodified.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use stockade_tests::{Options, Stockade, command, places, skipped};

use crate::python;

const PROMISE: &str = "openai-python-client";

#[test]
fn the_official_client_lists_models_completes_streams_and_sees_typed_errors() {
    let Some(python) = python::with("openai") else {
        return skipped(PROMISE, "the client cannot be installed here");
    };
    let stockade = Stockade::shared();
    let ran = run(&python, "client.py", &stockade, &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let seen: Value = serde_json::from_str(ran.output.trim()).unwrap();
    assert_eq!(seen["models"], json!(["demo"]));
    assert_eq!(seen["answer"], "The capital of Veloria is Mardun [1].");
    assert_eq!(seen["finish"], "stop");
    assert_eq!(seen["streamed"]["text"], seen["answer"]);
    assert_eq!(seen["streamed"]["tokens"], seen["usage"]);
    assert!(!seen["completion"].as_str().unwrap().is_empty());
    let tool = &seen["tool"];
    if tool["said"].is_null() {
        assert_eq!(
            (&tool["name"], &tool["then"]),
            (&json!("calculator"), &json!("17 * 23 = 391.")),
            "{tool}"
        );
        assert_eq!(tool["arguments"], json!({"expression": "17 * 23"}));
    } else {
        assert!(tool["said"].as_str().unwrap().contains("\"calculator\""), "{tool}");
    }
    for (what, status, code) in [
        ("key", 401, "invalid_api_key"),
        ("model", 404, "model_not_found"),
        ("request", 400, "invalid_request"),
        ("path", 404, "not_found"),
        ("long", 400, "prompt_too_long"),
    ] {
        let error = &seen["errors"][what];
        assert_eq!((&error["status"], &error["code"]), (&json!(status), &json!(code)), "{what}: {seen}");
        assert_eq!(error["retry"], "false", "{what}");
        assert!(error["type"].is_string(), "{what}");
    }
}

#[test]
fn the_official_client_sees_a_worker_that_ends_in_the_middle_and_does_not_ask_again() {
    let Some(python) = python::with("openai") else {
        return skipped(PROMISE, "the client cannot be installed here");
    };
    let stockade = Stockade::start(Options::demo());
    let mut command = prepared(&python, "retries.py", &stockade, &["2"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert_eq!(first, "text");
    stockade.process("worker").kill();
    let last = lines.map_while(Result::ok).last().unwrap();
    assert!(child.wait().unwrap().success());
    let seen: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(seen, json!({"asked": 1, "ended": "stream", "code": "worker_crashed"}));
}

fn run(python: &std::path::Path, script: &str, stockade: &Stockade, arguments: &[&str]) -> command::Ran {
    command::run(prepared(python, script, stockade, arguments), Duration::from_mins(2))
}

fn prepared(
    python: &std::path::Path,
    script: &str,
    stockade: &Stockade,
    arguments: &[&str],
) -> std::process::Command {
    let mut command = places::program(python);
    command.arg(places::workspace().join("tests/interop").join(script));
    command.arg(format!("http://{}/v1", stockade.address())).args(arguments);
    command.env("OPENAI_API_KEY", stockade.key()).stdin(Stdio::null());
    for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    command
}
