//! Without a record no request is served.

use std::sync::atomic::{AtomicBool, Ordering};

use stockade_tests::{Options, Stockade, eventually};

use crate::crashes::{ask, missing};

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
    let over = AtomicBool::new(false);
    let acknowledged: Vec<usize> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|client| {
                let (stockade, over) = (&stockade, &over);
                scope.spawn(move || {
                    let mut served = Vec::new();
                    for number in 0..2000 {
                        if over.load(Ordering::Relaxed) {
                            break;
                        }
                        let bytes = 400 + client * 2000 + number;
                        match ask(stockade, bytes) {
                            Ok(answer) if answer.status() == 200 => served.push(bytes),
                            Ok(answer) => {
                                assert_eq!(answer.code(), "ledger_unavailable", "{}", answer.text())
                            }
                            Err(error) => panic!("the gateway went away: {error}"),
                        }
                    }
                    served
                })
            })
            .collect();
        for _ in 0..4 {
            std::thread::sleep(std::time::Duration::from_millis(400));
            if let Some(auditor) = stockade.named("auditor").pop() {
                auditor.kill();
            }
        }
        eventually("served again", || (stockade.chat("Hello!").status() == 200).then_some(()));
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(acknowledged.len() > 10, "{} requests were served", acknowledged.len());
    assert_eq!(missing(&stockade.records(), &acknowledged), Vec::<usize>::new());
    assert_eq!(stockade.ledger().verify().code, Some(0));
}
