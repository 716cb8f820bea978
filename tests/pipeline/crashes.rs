//! `kill -9` of everything, at any moment: what was acknowledged is in the ledger, and the ledger is
//! whole.

use std::{io, time::Duration};

use serde_json::{Value, json};
use stockade_tests::{Options, Response, Stockade, places};

/// Asks with a body of exactly so many bytes: the record tells the size, so the size tells the record.
pub(crate) fn ask(stockade: &Stockade, bytes: usize) -> io::Result<Response> {
    let request = json!({"model": "demo", "temperature": 0, "max_tokens": 8, "messages": [
        {"role": "user", "content": "Hello!"}]});
    let mut body = request.to_string();
    assert!(body.len() <= bytes, "the body already has {} bytes", body.len());
    body.push_str(&" ".repeat(bytes - body.len()));
    let bearer = format!("Bearer {}", stockade.key());
    stockade.try_request("POST", "/v1/chat/completions", &[("Authorization", &bearer)], body.as_bytes())
}

/// The bodies among `acknowledged` whose admission or end is not in the records.
pub(crate) fn missing(records: &[Value], acknowledged: &[usize]) -> Vec<usize> {
    let held = |bytes: &usize| {
        let admitted = |record: &&Value| {
            record["event"] == "request_admitted" && record["data"]["prompt_bytes"] == json!(bytes)
        };
        let Some(at) = records.iter().find(admitted) else { return false };
        records.iter().any(|record| {
            record["event"] == "request_ended"
                && record["data"]["request"] == at["data"]["request"]
                && record["data"]["failed"].is_null()
                && record["index"].as_u64() > at["index"].as_u64()
        })
    };
    acknowledged.iter().copied().filter(|bytes| !held(bytes)).collect()
}

#[test]
fn what_was_acknowledged_survives_a_kill_of_everything_at_any_moment() {
    let state = places::scratch("state");
    let mut acknowledged = Vec::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..10 {
        let stockade = Stockade::start(Options::demo().state(state.path()));
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let pause = Duration::from_millis(random % 900);
        let served: Vec<usize> = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..3)
                .map(|client| {
                    let stockade = &stockade;
                    scope.spawn(move || {
                        let mut served = Vec::new();
                        for number in 0..500 {
                            let bytes = 400 + (round * 3 + client) * 500 + number;
                            match ask(stockade, bytes) {
                                Ok(answer) if answer.status() == 200 => served.push(bytes),
                                // Everything is being killed: no answer, or one that says so.
                                _ => break,
                            }
                        }
                        served
                    })
                })
                .collect();
            std::thread::sleep(pause);
            stockade.processes().iter().for_each(stockade_tests::Process::kill);
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        stockade.kill();
        acknowledged.extend(served);
        let programs = places::programs(places::Build::Development);
        let ledger = stockade_tests::Ledger::new(programs, state.path());
        let verified = ledger.verify();
        assert_eq!(verified.code, Some(0), "round {round}, after {pause:?}: {verified:?}");
        assert_eq!(missing(&ledger.records(), &acknowledged), Vec::<usize>::new(), "round {round}");
    }
    assert!(acknowledged.len() > 30, "{} requests were served", acknowledged.len());
}
