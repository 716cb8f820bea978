//! What the gateway adds. Ceilings here are far above the aim, which the benchmark measures: they tell
//! a mistake of kind, such as a wait for a timer or for the client's acknowledgement.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::auditor::Mood;
use super::client::request;
use super::stage::{KEY, LONG, Stage, chat, limits};

#[test]
fn an_answer_waits_for_no_timer() {
    let (stage, _worker) = Stage::honest(limits());
    let mut client = stage.client();
    let question = request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true"));
    client.ask(&question);
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let started = Instant::now();
            client.ask(&question);
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    eprintln!("request through gateway, worker and auditor: p50 {:?}, p99 {:?}", times[100], times[198]);
    // Nagle's algorithm or a polling timer would make it 40 ms.
    assert!(times[100] < Duration::from_millis(20), "{:?}", times[100]);
}

#[test]
fn pieces_that_wait_leave_in_one_event() {
    let mut stage = Stage::start(limits());
    stage.auditor.set(Mood::Waits);
    let (said, all_said) = channel();
    let _worker = stage.worker(move |engine, request| {
        engine.accept(request);
        for piece in ["many ", "pieces ", "joined"] {
            engine.piece(request, piece);
        }
        said.send(()).unwrap();
    });
    let mut client = stage.client();
    client.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
    all_said.recv_timeout(LONG).unwrap();
    // So that the gateway has read them, too.
    std::thread::sleep(Duration::from_millis(300));
    stage.auditor.set(Mood::Commits);
    assert_eq!(client.head().status, 200);
    client.chunk_with("\"content\":\"many pieces joined\"");
}
