//! Clients that leave, do not read, or speak HTTP strangely.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proto::Code;
use proto::event::Event;
use proto::link::engine::{Finish, ToEngine};

use super::client::request;
use super::stage::{KEY, Stage, chat, eventually, limits, patience};
use crate::gateway::Patience;

#[test]
fn a_client_that_leaves_stops_its_generation() {
    for more in ["", ",\"stream\":true"] {
        let mut stage = Stage::start(limits());
        let worker = stage.worker(|engine, request| {
            engine.accept(request);
            engine.piece(request, "half");
        });
        let mut client = stage.client();
        client.send(request("POST", "/v1/chat/completions", KEY, &chat(more)));
        let ToEngine::Generate { request: asked, .. } = worker.hear() else { panic!("the worker is asked") };
        if !more.is_empty() {
            assert_eq!(client.head().status, 200);
            client.chunk_with("half");
        }
        drop(client);
        assert_eq!(worker.hear(), ToEngine::Cancel { request: asked });
        let events = stage.auditor.await_events(2);
        assert!(matches!(&events[1], Event::RequestEnded(ended) if ended.failed == Some(Code::ClientGone)));
        eventually("its place is given back", || {
            stage.metrics().contains("stockade_gateway_requests_in_flight 0")
        });
    }
}

#[test]
fn a_cancelled_generation_may_still_say_what_was_under_way() {
    let mut stage = Stage::start(limits());
    let worker = stage.worker(|engine, request| {
        engine.accept(request);
        engine.piece(request, "half");
        std::thread::sleep(Duration::from_millis(100));
        engine.piece(request, "more");
        engine.finish(request, Finish::Cancelled, 2);
    });
    let mut client = stage.client();
    client.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
    assert_eq!(client.head().status, 200);
    client.chunk_with("half");
    drop(client);
    assert!(matches!(worker.hear(), ToEngine::Generate { .. }));
    assert!(matches!(worker.hear(), ToEngine::Cancel { .. }));
    std::thread::sleep(Duration::from_millis(200));
    assert!(stage.is_silent(), "the worker did nothing wrong");
    stage.await_workers(1);
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_holds_up_nobody() {
    let mut stage = Stage::start_with(
        proto::limits::RequestLimits {
            output_bytes_max: 64 * 1024 * 1024,
            output_tokens_max: 10_000_000,
            ..limits()
        },
        Patience { write: Duration::from_millis(300), ..patience() },
    );
    let others = AtomicBool::new(false);
    let _worker = stage.worker(move |engine, request| {
        if others.swap(true, Ordering::Relaxed) {
            return engine.answer_honestly(request);
        }
        // More than the kernel's buffers hold, and no end.
        engine.accept(request);
        for _ in 0..40_000 {
            engine.piece(request, &"x".repeat(512));
        }
    });
    let mut deaf = stage.client();
    deaf.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
    stage.auditor.await_events(1);
    assert_eq!(stage.chat("").status, 200);
    eventually("it is cut off", || {
        stage.auditor.events().iter().any(
            |event| matches!(event, Event::RequestEnded(ended) if ended.failed == Some(Code::ClientGone)),
        )
    });
    drop(deaf);
}

#[test]
fn requests_that_are_sent_ahead_are_answered_in_order() {
    let (stage, _worker) = Stage::honest(limits());
    let mut client = stage.client();
    let chat = request("POST", "/v1/chat/completions", KEY, &chat(""));
    client.send(format!(
        "{}{chat}{}",
        request("GET", "/v1/models", KEY, ""),
        request("GET", "/v1/nothing", KEY, "")
    ));
    assert_eq!(client.reply().json()["object"], "list");
    assert_eq!(client.reply().json()["object"], "chat.completion");
    assert_eq!(client.reply().code(), "not_found");
}

#[test]
fn nothing_can_be_smuggled_behind_a_body_that_two_readers_frame_differently() {
    let (stage, _worker) = Stage::honest(limits());
    let head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk-test-first\r\n";
    let smuggled = request("GET", "/v1/models", KEY, "");
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let mut client = stage.client();
        client.send(format!("{head}{framing}{smuggled}"));
        let reply = client.reply();
        assert_eq!(
            (reply.code().as_str(), reply.header("connection")),
            ("invalid_request", Some("close")),
            "{framing}"
        );
        assert!(client.is_closed(), "{framing}");
    }
    for framing in [
        "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: +1\r\n\r\n{",
        "Content-Length: 0x1\r\n\r\n{",
        "Content-Length : 1\r\n\r\n{",
        "Transfer-Encoding: xchunked\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n",
        "Transfer-Encoding: chunked, identity\r\n\r\n",
        "X: y\r\n folded: line\r\n\r\n",
        "X\0: y\r\n\r\n",
    ] {
        let mut client = stage.client();
        client.send(format!("{head}{framing}{smuggled}"));
        assert_eq!(client.head().status, 400, "{framing}");
    }
}

#[test]
fn a_chunked_body_with_broken_chunks_is_refused() {
    let (stage, _worker) = Stage::honest(limits());
    let head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk-test-first\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunks in ["zz\r\n{}\r\n", "2\r\n{}x\r\n", "ffffffffffffffffff\r\n", "-1\r\n\r\n"] {
        let mut client = stage.client();
        client.send(format!("{head}{chunks}"));
        let reply = client.reply();
        assert_eq!((reply.status, reply.code().as_str()), (400, "invalid_request"), "{chunks}");
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let (stage, _worker) = Stage::honest(limits());
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello \r\n\r\n"[..],
        b"GET /\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let mut client = stage.client();
        client.send(bytes);
        assert_eq!(client.head().status, 400);
    }
    assert_eq!(stage.get("/healthz").status, 200);
}

#[test]
fn a_flood_of_wrong_keys_leaves_others_served() {
    let (stage, _worker) = Stage::honest(limits());
    let address = stage.address;
    let flood: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                for _ in 0..200 {
                    let mut client = super::client::Client::connect(address);
                    client.send(
                        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer wrong\r\n\r\n",
                    );
                }
            })
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(stage.chat("").status, 200);
    }
    for thread in flood {
        thread.join().unwrap();
    }
}
