//! Clients that go away.

use serde_json::json;
use stockade_tests::{Options, Stockade, demo, eventually};

const CHAT: &str = "/v1/chat/completions";

#[test]
fn a_client_that_goes_away_in_the_middle_stops_the_generation_and_frees_its_slot() {
    let stockade = Stockade::start(Options::demo().engine("slots", 1).engine("queue-max", 1));
    let mut request = demo::prompt("repeat_forever").request(1900);
    request["stream"] = json!(true);
    for _ in 0..3 {
        let mut stream = stockade.stream(CHAT, &request);
        stream.first_text();
        drop(stream);
        // The only slot is free again, long before 1,900 tokens are through.
        let answer = eventually("a slot", || {
            let answer = stockade.chat("Hello!");
            (answer.status() == 200).then_some(answer)
        });
        assert_eq!(answer.answer(), "Hello! How can I help?");
    }
    let gone = eventually("three records of clients that went away", || {
        let mut ended = stockade.records_named("request_ended");
        ended.retain(|record| record["data"]["failed"] == "client_gone");
        (ended.len() == 3).then_some(ended)
    });
    for record in gone {
        assert!(record["data"]["output_tokens"].as_u64().unwrap() < 1900, "it was stopped: {record}");
    }
}

#[test]
fn a_client_that_goes_away_before_a_whole_answer_stops_the_generation_too() {
    let stockade = Stockade::start(Options::demo().engine("slots", 1).engine("queue-max", 1));
    let request = demo::prompt("repeat_forever").request(1900);
    let mut connection = stockade.connect();
    stockade.send_on(&mut connection, "POST", CHAT, &request);
    eventually("admission", || (!stockade.records_named("request_admitted").is_empty()).then_some(()));
    drop(connection);
    let ended = eventually("the end's record", || stockade.records_named("request_ended").pop());
    assert_eq!(ended["data"]["failed"], "client_gone");
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?");
}

#[test]
fn memory_does_not_grow_with_clients_that_go_away() {
    let stockade = Stockade::start(Options::demo());
    let mut request = demo::prompt("repeat_forever").request(500);
    request["stream"] = json!(true);
    let round = || {
        for _ in 0..8 {
            let mut stream = stockade.stream(CHAT, &request);
            stream.first_text();
        }
        eventually("all of them ended", || {
            let (begun, ended) =
                (stockade.records_named("request_admitted"), stockade.records_named("request_ended"));
            (begun.len() == ended.len()).then_some(())
        });
        let all: u64 =
            stockade.processes().iter().filter_map(stockade_tests::Process::proportional_bytes).sum();
        all
    };
    // The first rounds touch the cache that was reserved, and fill what allocators keep.
    (0..3).for_each(|_| _ = round());
    let before = round();
    (0..2).for_each(|_| _ = round());
    let after = round();
    // Twenty-four requests: a third of a mebibyte each would be a leak.
    assert!(after < before + 8 * 1024 * 1024, "{before} bytes, then {after}");
}
