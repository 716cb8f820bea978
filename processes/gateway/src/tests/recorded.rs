//! Nothing is served that is not on record.

use hmac::{Hmac, KeyInit as _, Mac as _};
use proto::event::{Event, RequestAdmitted, RequestEnded};
use proto::link::engine::ToEngine;
use proto::link::gateway::FromGateway;
use proto::{Code, KeyedDigest};
use sha2::Sha256;

use super::auditor::Mood;
use super::client::request;
use super::stage::{KEY, Stage, chat, eventually, limits, package, patience};
use super::worker::Engine;
use crate::gateway::Patience;

fn keyed(content: &[u8]) -> KeyedDigest {
    let mut mac = Hmac::<Sha256>::new_from_slice(&[7; 32]).unwrap();
    mac.update(content);
    KeyedDigest(mac.finalize().into_bytes().into())
}

fn admitted(event: &Event) -> &RequestAdmitted {
    match event {
        Event::RequestAdmitted(admitted) => admitted,
        other => panic!("expected an admission, not {other:?}"),
    }
}

fn ended(event: &Event) -> &RequestEnded {
    match event {
        Event::RequestEnded(ended) => ended,
        other => panic!("expected an end, not {other:?}"),
    }
}

#[test]
fn an_answered_request_is_two_records_without_its_content() {
    let (stage, _worker) = Stage::honest(limits());
    assert_eq!(stage.chat(",\"stream\":true").status, 200);
    let events = stage.auditor.await_events(2);
    let (begin, end) = (admitted(&events[0]), ended(&events[1]));
    assert_eq!((begin.principal.as_str(), begin.model.as_str(), begin.package), ("first", "demo", package()));
    assert_eq!((begin.route.as_str(), begin.stream), ("/v1/chat/completions", true));
    let body = chat(",\"stream\":true");
    assert_eq!((begin.prompt, begin.prompt_bytes), (keyed(body.as_bytes()), body.len() as u64));
    assert_eq!((end.request, end.failed, end.finish.as_str()), (begin.request, None, "stop"));
    assert_eq!((end.output, end.output_bytes), (keyed(b"Hello world"), 11));
    assert_eq!((end.prompt_tokens, end.output_tokens), (3, 2));
    assert!(end.first_token_us.is_some_and(|first| first <= end.wall_us));
}

#[test]
fn no_byte_leaves_before_the_admission_is_on_disk() {
    let (stage, worker) = Stage::honest(limits());
    stage.auditor.set(Mood::Waits);
    for more in ["", ",\"stream\":true"] {
        let mut client = stage.client();
        client.send(request("POST", "/v1/chat/completions", KEY, &chat(more)));
        // The worker works meanwhile.
        worker.hear();
        assert!(client.is_silent(), "{more}");
        stage.auditor.set(Mood::Commits);
        assert_eq!(client.reply().status, 200);
        stage.auditor.set(Mood::Waits);
    }
}

#[test]
fn the_end_is_not_told_before_it_is_on_disk() {
    let mut stage = Stage::start(limits());
    let auditor = stage.auditor.clone();
    let _worker = stage.worker(move |engine, request| {
        engine.accept(request);
        engine.piece(request, "text");
        // The admission has been committed by the time that this is read.
        eventually("the admission is heard", || !auditor.events().is_empty());
        std::thread::sleep(std::time::Duration::from_millis(50));
        auditor.set(Mood::Waits);
        engine.finish(request, proto::link::engine::Finish::Stop, 1);
    });
    let mut client = stage.client();
    client.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
    assert_eq!(client.head().status, 200);
    client.chunk_with("text");
    stage.auditor.await_events(2);
    assert!(client.is_silent());
    stage.auditor.set(Mood::Commits);
    client.chunk_with("[DONE]");
}

#[test]
fn a_request_whose_record_is_refused_is_not_served() {
    let mut stage = Stage::start(limits());
    // Generates until it is told to stop.
    let worker = stage.worker(Engine::accept);
    stage.auditor.set(Mood::Refuses);
    let reply = stage.chat("");
    assert_eq!((reply.status, reply.code().as_str()), (503, "ledger_unavailable"));
    assert!(matches!(worker.hear(), ToEngine::Generate { .. }));
    assert!(matches!(worker.hear(), ToEngine::Cancel { .. }));
    let reply = stage.get("/v1/nothing");
    assert_eq!((reply.status, reply.code().as_str()), (503, "ledger_unavailable"));
}

#[test]
fn when_the_link_is_lost_everything_fails_until_it_is_back() {
    let mut stage = Stage::start(limits());
    let worker = stage.worker(|engine, request| {
        engine.accept(request);
        engine.piece(request, "half");
    });
    let mut client = stage.client();
    client.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
    assert_eq!(client.head().status, 200);
    client.chunk_with("half");
    stage.auditor.die();
    assert_eq!(stage.hear(), FromGateway::RecordsLost);
    client.chunk_with("\"code\":\"ledger_unavailable\"");
    assert_eq!(client.chunk(), None);
    assert!(matches!(worker.hear(), ToEngine::Generate { .. }));
    assert!(matches!(worker.hear(), ToEngine::Cancel { .. }));
    for reply in [stage.chat(""), stage.get("/v1/nothing"), stage.post("/v1/completions", "{")] {
        assert_eq!((reply.status, reply.code().as_str()), (503, "ledger_unavailable"));
    }
    assert_eq!(stage.get("/readyz").status, 503);
    stage.new_auditor();
    // What ended unrecorded is owed, and comes first.
    let events = stage.auditor.await_events(1);
    assert_eq!(ended(&events[0]).failed, Some(Code::LedgerUnavailable));
    let mut stage_with_honest_worker = stage;
    worker.die();
    stage_with_honest_worker.await_workers(0);
    let _worker = stage_with_honest_worker.worker(Engine::answer_honestly);
    assert_eq!(stage_with_honest_worker.chat("").status, 200);
}

#[test]
fn an_auditor_that_does_not_commit_is_given_up() {
    let mut stage =
        Stage::start_with(limits(), Patience { commit: std::time::Duration::from_millis(200), ..patience() });
    let _worker = stage.worker(Engine::answer_honestly);
    stage.auditor.set(Mood::Waits);
    assert_eq!(stage.chat("").code(), "ledger_unavailable");
    assert_eq!(stage.hear(), FromGateway::RecordsLost);
}

#[test]
fn an_auditor_that_commits_what_was_never_sent_is_given_up() {
    let (stage, _worker) = Stage::honest(limits());
    stage.auditor.set(Mood::Lies);
    assert_eq!(stage.chat("").code(), "ledger_unavailable");
    assert_eq!(stage.hear(), FromGateway::RecordsLost);
}

#[test]
fn a_failed_request_is_recorded_with_its_code() {
    let mut stage = Stage::start(limits());
    let _worker = stage.worker(|engine, request| {
        engine.accept(request);
        engine.piece(request, "half an ");
        engine.die();
    });
    assert_eq!(stage.chat("").code(), "worker_crashed");
    let events = stage.auditor.await_events(2);
    let end = ended(&events[1]);
    assert_eq!(
        (end.failed, end.finish.as_str(), end.output_bytes, end.output),
        (Some(Code::WorkerCrashed), "", 8, keyed(b"half an "))
    );
}
