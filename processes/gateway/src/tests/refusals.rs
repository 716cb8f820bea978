//! What is refused, before any work is done for it.

use proto::Code;
use proto::event::Event;
use proto::limits::RequestLimits;
use serde_json::json;

use super::client::{Client, request};
use super::stage::{KEY, OTHER_KEY, Stage, chat, eventually, limits};
use super::worker::Engine;

/// The code and route of the newest refusal on record.
fn last_denial(stage: &Stage) -> (String, String, Option<String>) {
    match stage.auditor.events().last() {
        Some(Event::RequestDenied(denied)) => {
            (denied.code.to_string(), denied.route.clone(), denied.principal.clone())
        }
        other => panic!("a refusal is recorded, not {other:?}"),
    }
}

#[test]
fn nothing_below_v1_is_told_without_a_known_key() {
    let (stage, _worker) = Stage::honest(limits());
    for (method, path) in [
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/chat/completions"),
        ("POST", "/v1/completions"),
        ("GET", "/v1/models"),
        ("GET", "/v1/nothing"),
        ("GET", "/metrics"),
    ] {
        for header in [
            "",
            "Authorization: Bearer sk-wrong\r\n",
            "Authorization: Basic c2s6\r\n",
            "Authorization: Bearer \r\n",
            "Authorization: sk-test-first\r\n",
            "Authorization: Bearer sk-test-first\r\nAuthorization: Bearer sk-wrong\r\n",
        ] {
            let reply =
                stage.client().ask(&format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n"));
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (401, "invalid_api_key"),
                "{method} {path} {header}"
            );
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(last_denial(&stage).0, "invalid_api_key");
}

#[test]
fn paths_and_methods_that_do_not_exist_are_refused() {
    let (stage, _worker) = Stage::honest(limits());
    for path in ["/", "/v1/embeddings", "/v1/models/demo", "/invocations", "/v1/chat/completions/"] {
        let reply = stage.get(path);
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{path}");
    }
    assert_eq!(last_denial(&stage).1, "other");
    for (method, path, allow) in [
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("OPTIONS", "/v1/models", "GET"),
    ] {
        let reply = stage.client().ask(&request(method, path, KEY, ""));
        assert_eq!((reply.status, reply.header("allow")), (405, Some(allow)), "{method} {path}");
        assert_eq!(reply.code(), "not_found");
    }
}

#[test]
fn a_page_that_points_its_name_at_this_machine_is_refused() {
    let (stage, _worker) = Stage::honest(limits());
    for head in [
        "GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        "GET /healthz HTTP/1.1\r\n\r\n",
        "GET /healthz HTTP/1.0\r\n\r\n",
        "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let reply = stage.client().ask(head);
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_request"), "{head}");
    }
    let reply = stage.client().ask("GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(reply.status, 200);
    assert!(reply.headers.iter().all(|(name, _)| !name.starts_with("access-control")));
}

#[test]
fn a_bad_body_is_refused_by_name_and_recorded() {
    let (stage, _worker) = Stage::honest(limits());
    for (body, code, param) in [
        ("", "invalid_request", json!(null)),
        ("{\"model\":\"demo\"", "invalid_request", json!(null)),
        ("{\"model\":\"demo\",\"model\":\"demo\",\"messages\":[]}", "invalid_request", json!(null)),
        ("{\"model\":5,\"messages\":[]}", "invalid_request", json!("model")),
        ("{\"messages\":[]}", "invalid_request", json!("model")),
        (
            "{\"model\":\"other\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
            "model_not_found",
            json!("model"),
        ),
        ("{\"model\":\"demo\",\"messages\":[]}", "prompt_empty", json!("messages")),
        (
            "{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}",
            "prompt_empty",
            json!("messages"),
        ),
        (
            "{\"model\":\"idle\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
            "model_not_ready",
            json!(null),
        ),
    ] {
        let reply = stage.post("/v1/chat/completions", body);
        assert_eq!((reply.code().as_str(), &reply.json()["error"]["param"]), (code, &param), "{body}");
        assert_eq!(
            last_denial(&stage),
            (code.to_owned(), "/v1/chat/completions".to_owned(), Some("first".to_owned()))
        );
    }
    let reply = stage.chat(",\"n\":16384");
    assert_eq!((reply.status, reply.code().as_str()), (400, "unsupported_parameter"));
    let many = vec!["{\"role\":\"user\",\"content\":\"hi\"}"; 17].join(",");
    let reply = stage.post("/v1/chat/completions", &format!("{{\"model\":\"demo\",\"messages\":[{many}]}}"));
    assert_eq!((reply.status, reply.code().as_str()), (413, "request_too_large"));
    assert_eq!(stage.post("/v1/completions", "{\"model\":\"demo\",\"prompt\":\"\"}").code(), "prompt_empty");
    let mut client = stage.client();
    client.send(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk-test-first\r\nContent-Length: 31\r\n\r\n{\"model\":\"demo\",\"prompt\":\"\xff\xfe\xfd\"}");
    assert_eq!(client.reply().code(), "invalid_request");
}

#[test]
fn what_may_pass_says_when_to_come_back() {
    let (stage, _worker) = Stage::honest(limits());
    let reply = stage.post("/v1/completions", "{\"model\":\"idle\",\"prompt\":\"hi\"}");
    assert_eq!(
        (reply.status, reply.header("retry-after"), reply.header("x-should-retry")),
        (503, Some("1"), Some("true"))
    );
    assert_eq!(stage.post("/v1/completions", "{").header("x-should-retry"), Some("false"));
}

#[test]
fn a_million_tokens_are_refused_before_they_are_read() {
    let (stage, _worker) = Stage::honest(limits());
    // Only the headers are sent: the answer does not wait for the body.
    let mut client = stage.client();
    let head =
        request("POST", "/v1/completions", KEY, "").replace("Content-Length: 0", "Content-Length: 6000000");
    let reply = client.ask(&head);
    assert_eq!(
        (reply.status, reply.code().as_str(), reply.header("connection")),
        (413, "request_too_large", Some("close"))
    );
    // A client that writes all of it before it reads still finds the answer.
    let mut client = stage.client();
    client.send(&head);
    client.send(vec![b'x'; 6_000_000]);
    assert_eq!(client.reply().status, 413);
}

#[test]
fn a_chunked_body_is_bounded_while_it_is_read() {
    let (stage, worker) = Stage::honest(limits());
    let head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk-test-first\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = stage.client();
    client.send(head);
    for _ in 0..65 {
        client.send(format!("400\r\n{}\r\n", "x".repeat(1024)));
    }
    let reply = client.reply();
    assert_eq!((reply.status, reply.code().as_str()), (413, "request_too_large"));
    let body = "{\"model\":\"demo\",\"prompt\":\"hi\"}";
    let mut client = stage.client();
    let reply = client.ask(&format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    worker.hear();
}

#[test]
fn huge_headers_are_refused() {
    let (stage, _worker) = Stage::honest(limits());
    for head in [
        format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(9_000)),
        format!("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(500)),
        format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(9_000)),
    ] {
        let mut client = stage.client();
        client.send(head);
        assert!(matches!(client.head().status, 400 | 414 | 431));
        eventually("it is recorded", || {
            stage.auditor.events().last().is_some_and(
                |event| matches!(event, Event::RequestDenied(denied) if denied.code == Code::RequestTooLarge),
            )
        });
    }
}

#[test]
fn a_client_that_sends_slowly_is_given_up() {
    let (stage, _worker) = Stage::honest(RequestLimits { read_ms_max: 300, ..limits() });
    let mut slow_head = stage.client();
    slow_head.send("GET /v1/models HTTP/1.1\r\nHost: loc");
    let reply = slow_head.reply();
    assert_eq!((reply.status, reply.code().as_str()), (408, "request_timeout"));
    let mut slow_body = stage.client();
    slow_body.send(
        request("POST", "/v1/completions", KEY, "").replace("Content-Length: 0", "Content-Length: 100"),
    );
    slow_body.send("{\"model\":");
    let reply = slow_body.reply();
    assert_eq!((reply.status, reply.code().as_str()), (408, "request_timeout"));
    assert_eq!(last_denial(&stage).0, "request_timeout");
    let recorded = stage.auditor.events().len();
    // One that says nothing at all has refused nothing: it is closed, and that is not on record.
    assert!(stage.client().is_closed());
    assert_eq!(stage.auditor.events().len(), recorded);
}

#[test]
fn a_drop_of_a_byte_at_a_time_does_not_stretch_the_time() {
    let (stage, _worker) = Stage::honest(RequestLimits { read_ms_max: 400, ..limits() });
    let mut client = stage.client();
    let started = std::time::Instant::now();
    client.send(
        request("POST", "/v1/completions", KEY, "").replace("Content-Length: 0", "Content-Length: 1000"),
    );
    while started.elapsed().as_millis() < 380 {
        client.send(" ");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(client.reply().code(), "request_timeout");
}

#[test]
fn only_so_many_requests_are_in_flight() {
    let ceilings = RequestLimits { in_flight_max: 3, in_flight_per_key_max: 2, ..limits() };
    let mut stage = Stage::start(ceilings);
    let worker = stage.worker(Engine::accept);
    let mut open: Vec<Client> = Vec::new();
    for key in [KEY, KEY, OTHER_KEY] {
        let mut client = stage.client();
        client.send(request("POST", "/v1/chat/completions", key, &chat(",\"stream\":true")));
        assert_eq!(client.head().status, 200);
        worker.hear();
        open.push(client);
        if open.len() == 2 {
            let reply = stage.chat("");
            assert_eq!(
                (reply.status, reply.code().as_str(), reply.header("retry-after")),
                (429, "too_many_requests", Some("1"))
            );
        }
    }
    let mut other = stage.client();
    assert_eq!(
        other.ask(&request("POST", "/v1/chat/completions", OTHER_KEY, &chat(""))).code(),
        "too_many_requests"
    );
    drop(open);
    eventually("places are given back", || stage.metrics().contains("stockade_gateway_requests_in_flight 0"));
}

#[test]
fn a_worker_gets_no_more_than_it_takes() {
    let mut stage = Stage::start(limits());
    let _worker = stage.worker(Engine::accept);
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut client = stage.client();
        client.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
        assert_eq!(client.head().status, 200);
        open.push(client);
    }
    assert_eq!(stage.chat("").code(), "too_many_requests");
}

#[test]
fn one_connection_over_the_ceiling_is_closed_at_once() {
    let (stage, _worker) = Stage::honest(RequestLimits { connections_max: 3, ..limits() });
    let mut open = Vec::new();
    // Those of the stage itself may still be closing.
    eventually("three are served", || {
        open = (0..3).map(|_| stage.client()).collect();
        open.iter_mut().all(|client| {
            client.send(request("GET", "/healthz", KEY, ""));
            !client.is_closed()
        })
    });
    assert!(stage.client().is_closed());
    drop(open);
    eventually("places are given back", || {
        let mut client = stage.client();
        client.send(request("GET", "/healthz", KEY, ""));
        !client.is_closed()
    });
}

#[test]
fn without_a_worker_nothing_is_asked() {
    let stage = Stage::start(limits());
    assert_eq!(stage.chat("").code(), "model_not_ready");
}

#[test]
fn strangers_are_refused_at_a_pace_that_holds_up_nobody_with_a_key() {
    let (stage, _worker) = Stage::honest(limits());
    let started = std::time::Instant::now();
    let mut strangers: Vec<_> = (0..60).map(|_| stage.client()).collect();
    for stranger in &mut strangers {
        stranger.send("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    assert_eq!(stage.chat("").status, 200);
    for stranger in &mut strangers {
        assert_eq!(stranger.reply().code(), "invalid_api_key");
    }
    // Eight at a time, each turn a tenth of a second.
    assert!(started.elapsed() >= std::time::Duration::from_millis(600));
}
