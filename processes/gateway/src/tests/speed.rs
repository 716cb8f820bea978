//! What the gateway adds. Ceilings here are far above the aim, which the benchmark measures: they tell
//! a mistake of kind, such as a wait for a timer or for the client's acknowledgement.

use std::time::{Duration, Instant};

use super::client::request;
use super::stage::{KEY, Stage, chat, limits};

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
