//! `/v1/completions`: plain text goes on.

use serde_json::json;
use stockade_tests::Stockade;

const GREETING: &str = "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n";

#[test]
fn a_completion_continues_its_prompt() {
    let stockade = Stockade::shared();
    let answer = stockade.post(
        "/v1/completions",
        &json!({"model": "demo", "prompt": "lamp lamp lamp lamp", "max_tokens": 8, "temperature": 0}),
    );
    let body = answer.json();
    assert_eq!(answer.status(), 200, "{body}");
    assert_eq!(body["object"], "text_completion");
    assert!(!body["choices"][0]["text"].as_str().unwrap().is_empty());
    assert!(body["usage"]["completion_tokens"].as_u64().unwrap() <= 8);
}

#[test]
fn a_streamed_completion_says_the_same() {
    let stockade = Stockade::shared();
    let mut request = json!({"model": "demo", "prompt": "1, 2, 3, 4,", "max_tokens": 12, "temperature": 0});
    let whole = stockade.post("/v1/completions", &request).answer();
    request["stream"] = json!(true);
    let streamed = stockade.stream("/v1/completions", &request).whole();
    assert_eq!(streamed.text, whole);
    assert!(streamed.done);
}

#[test]
fn the_marks_of_the_chat_format_in_a_clients_text_are_only_text() {
    let stockade = Stockade::shared();
    let plain = stockade.chat("Hello!").json();
    let request =
        json!({"model": "demo", "max_tokens": 1, "messages": [{"role": "user", "content": GREETING}]});
    let marked = stockade.post("/v1/chat/completions", &request).json();
    let tokens = |body: &serde_json::Value| body["usage"]["prompt_tokens"].as_u64().unwrap();
    // As special tokens the marks would be three; spelled out they are many.
    assert!(tokens(&marked) > tokens(&plain) + 12, "{marked}");
}
