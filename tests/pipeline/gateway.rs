//! A gateway that ends comes back at the same address.

use serde_json::json;
use stockade_tests::{Options, Stockade, demo, eventually};

#[test]
fn a_killed_gateway_comes_back_and_serves_on_the_same_address() {
    let stockade = Stockade::start(Options::demo());
    assert_eq!(stockade.chat("Hello!").status(), 200);
    let (gateway, worker) = (stockade.process("gateway"), stockade.process("worker"));
    gateway.kill();
    eventually("an answer of the next gateway", || {
        stockade.try_chat("Hello!").ok().filter(|answer| answer.status() == 200).map(|_| ())
    });
    assert_ne!(stockade.process("gateway"), gateway);
    assert!(worker.lives() || stockade.process("worker") != worker);
    let ended = stockade.records_named("process_ended");
    assert!(ended.iter().any(|record| record["data"]["process"] == "gateway"), "{ended:?}");
    assert_eq!(stockade.ledger().verify().code, Some(0));
}

#[test]
fn a_gateway_killed_in_the_middle_of_a_stream_leaves_the_worker_free() {
    let stockade = Stockade::start(Options::demo().engine("slots", 1).engine("queue-max", 1));
    let mut request = demo::prompt("repeat_forever").request(1900);
    request["stream"] = json!(true);
    let mut stream = stockade.stream("/v1/chat/completions", &request);
    stream.first_text();
    stockade.process("gateway").kill();
    let whole = stream.whole();
    assert!(!whole.done, "a stream that was cut off does not look like a whole one");
    eventually("an answer", || {
        stockade.try_chat("Hello!").ok().filter(|answer| answer.status() == 200).map(|_| ())
    });
}
