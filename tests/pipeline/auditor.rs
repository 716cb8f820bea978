//! Without a record no request is served.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use stockade_tests::{Options, Response, Stockade, eventually};

use crate::crashes::{BYTES_MIN, ask_on, missing};

#[test]
fn while_the_auditor_is_away_requests_fail_closed_and_later_they_are_served_again() {
    let stockade = Stockade::start(Options::demo());
    assert_eq!(stockade.chat("Hello!").status(), 200);
    let auditor = stockade.process("auditor");
    auditor.kill();
    let first = stockade.chat("Hello!");
    if first.status() != 200 {
        assert_eq!((first.status(), first.code().as_str()), (503, "ledger_unavailable"), "{}", first.text());
    }
    eventually("an answer of after the restart", || {
        let answer = stockade.chat("Hello!");
        if answer.status() == 200 {
            return Some(());
        }
        assert_eq!(
            (answer.status(), answer.code().as_str()),
            (503, "ledger_unavailable"),
            "{}",
            answer.text()
        );
        None
    });
    assert_ne!(stockade.process("auditor"), auditor);
    let state = stockade.state().to_owned();
    let ended = stockade.records_named("process_ended");
    assert!(ended.iter().any(|record| record["data"]["process"] == "auditor"), "{ended:?}");
    assert_eq!(stockade.ledger().verify().code, Some(0), "{}", state.display());
}

#[test]
fn no_answer_is_given_while_the_auditor_hangs() {
    let stockade = Stockade::start(Options::demo());
    let auditor = stockade.process("auditor");
    auditor.signal(rustix::process::Signal::STOP);
    let mut connection = stockade.connect();
    let request = serde_json::json!({"model": "demo", "temperature": 0, "messages": [
        {"role": "user", "content": "Hello!"}]});
    stockade.send_on(&mut connection, "POST", "/v1/chat/completions", &request);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(!connection.has_sent(), "an answer left before its record was on disk");
    auditor.signal(rustix::process::Signal::CONT);
    let answer = connection.response().unwrap();
    assert!(
        answer.status() == 200 || answer.code() == "ledger_unavailable",
        "{} {}",
        answer.status(),
        answer.text()
    );
    eventually("answers again", || (stockade.chat("Hello!").status() == 200).then_some(()));
}

#[test]
fn no_acknowledged_request_is_lost_when_the_auditor_is_killed_again_and_again() {
    let stockade = Stockade::start(Options::demo());
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    let refused = |answer: &std::io::Result<Response>| {
        let answer = answer.as_ref().expect("the gateway is there");
        assert_eq!(answer.code(), "ledger_unavailable", "{}", answer.text());
        !over.load(Ordering::Relaxed)
    };
    let acknowledged: Vec<usize> = std::thread::scope(|scope| {
        let (stockade, served, over, refused) = (&stockade, &served, &over, &refused);
        let client = |number: usize| {
            let first = BYTES_MIN + number * 5000;
            scope.spawn(move || ask_on(stockade, first, served, |answer| refused(answer)))
        };
        let clients: Vec<_> = (0..3).map(client).collect();
        for round in 1..=4 {
            eventually("more answers", || (served.load(Ordering::Relaxed) >= round * 7).then_some(()));
            let auditor = eventually("an auditor", || stockade.named("auditor").pop());
            auditor.kill();
            served.store(round * 7, Ordering::Relaxed);
        }
        eventually("answers after the last", || (served.load(Ordering::Relaxed) >= 35).then_some(()));
        over.store(true, Ordering::Relaxed);
        stockade.process("auditor").kill();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    eventually("served again", || (stockade.chat("Hello!").status() == 200).then_some(()));
    assert_eq!(missing(&stockade.records(), &acknowledged), Vec::<usize>::new());
    assert_eq!(stockade.ledger().verify().code, Some(0));
}
