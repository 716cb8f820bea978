//! `kill -9` of everything, at any moment: what was acknowledged is in the ledger, and the ledger is
//! whole.

use std::{
    io,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use stockade_tests::{Options, Response, Stockade, eventually, places};

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

/// Asks again and again with bodies of `first` bytes and more, counts what is served, and gives it back.
/// Ends when `goes_on` says so of an answer that is not one.
pub(crate) fn ask_on(
    stockade: &Stockade,
    first: usize,
    served: &AtomicUsize,
    goes_on: impl Fn(&io::Result<Response>) -> bool,
) -> Vec<usize> {
    let mut acknowledged = Vec::new();
    for bytes in first..first + EACH_MAX {
        match ask(stockade, bytes) {
            Ok(answer) if answer.status() == 200 => {
                acknowledged.push(bytes);
                served.fetch_add(1, Ordering::Relaxed);
            }
            other if !goes_on(&other) => break,
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    acknowledged
}

#[test]
fn what_was_acknowledged_survives_a_kill_of_everything_at_any_moment() {
    let state = places::scratch("state");
    let programs = places::programs(places::Build::Development);
    let ledger = stockade_tests::Ledger::new(programs, state.path());
    let mut acknowledged = Vec::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..ROUNDS {
        let stockade = Stockade::start(Options::demo().state(state.path()));
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (enough, pause) = (usize::try_from(random % 20).unwrap(), Duration::from_micros(random % 40_000));
        let served = AtomicUsize::new(0);
        let all: Vec<usize> = std::thread::scope(|scope| {
            let client = |number: usize| {
                let first = BYTES_MIN + (round * CLIENTS + number) * EACH_MAX;
                let (stockade, served) = (&stockade, &served);
                // Everything is being killed: no answer, or one that says so, is the end.
                scope.spawn(move || ask_on(stockade, first, served, |_| false))
            };
            let clients: Vec<_> = (0..CLIENTS).map(client).collect();
            eventually("some answers", || (served.load(Ordering::Relaxed) >= enough).then_some(()));
            std::thread::sleep(pause);
            stockade.processes().iter().for_each(stockade_tests::Process::kill);
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
        });
        stockade.kill();
        acknowledged.extend(all);
        let verified = ledger.verify();
        assert_eq!(
            verified.code,
            Some(0),
            "round {round}, after {enough} answers and {pause:?}: {verified:?}"
        );
        assert_eq!(missing(&ledger.records(), &acknowledged), Vec::<usize>::new(), "round {round}");
    }
    assert!(acknowledged.len() > ROUNDS, "{} requests were served", acknowledged.len());
}

const ROUNDS: usize = 10;
const CLIENTS: usize = 3;

/// Most requests of one client.
const EACH_MAX: usize = 2000;

/// Every body has at least so many bytes.
pub(crate) const BYTES_MIN: usize = 400;
