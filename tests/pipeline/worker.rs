//! Workers that end in the middle.

use serde_json::json;
use stockade_tests::{Options, Package, Stockade, demo, eventually};

const CHAT: &str = "/v1/chat/completions";

fn endless(model: &str) -> serde_json::Value {
    let mut request = demo::prompt("repeat_forever").request(1900);
    request["model"] = json!(model);
    request["stream"] = json!(true);
    request
}

#[test]
fn a_worker_killed_in_the_middle_of_a_stream_reaches_the_client_as_an_event_and_comes_back() {
    let stockade = Stockade::start(Options::demo());
    let mut stream = stockade.stream(CHAT, &endless("demo"));
    stream.first_text();
    let worker = stockade.process("worker");
    worker.kill();
    let whole = stream.whole();
    assert_eq!(whole.error.as_deref(), Some("worker_crashed"), "{whole:?}");
    eventually("an answer of the next worker", || {
        let answer = stockade.chat("Hello!");
        if answer.status() == 200 {
            return Some(());
        }
        assert_eq!((answer.status(), answer.code().as_str()), (503, "model_not_ready"), "{}", answer.text());
        assert!(answer.head.header("retry-after").is_some());
        None
    });
    assert_ne!(stockade.process("worker"), worker);
    let restarting = stockade.events().into_iter().find(|event| event["event"] == "worker_restarting");
    assert!(
        restarting.is_some_and(|event| event["backoff_ms"].as_u64().unwrap() > 0),
        "{:?}",
        stockade.events()
    );
    let ended = stockade.records_named("process_ended");
    let ended = ended.iter().find(|record| record["data"]["process"] == "worker").unwrap();
    assert_eq!(
        (&ended["data"]["cause"], &ended["data"]["status"]),
        (&json!("signaled"), &json!(9)),
        "{ended}"
    );
    let requests = stockade.records_named("request_ended");
    assert!(requests.iter().any(|record| record["data"]["failed"] == "worker_crashed"), "{requests:?}");
}

#[test]
fn a_worker_killed_before_a_whole_answer_gives_a_typed_error() {
    let stockade = Stockade::start(Options::demo());
    let mut request = endless("demo");
    request["stream"] = json!(false);
    let mut connection = stockade.connect();
    stockade.send_on(&mut connection, "POST", CHAT, &request);
    eventually("admission", || (!stockade.records_named("request_admitted").is_empty()).then_some(()));
    stockade.process("worker").kill();
    let answer = connection.response().unwrap();
    assert_eq!((answer.status(), answer.code().as_str()), (502, "worker_crashed"), "{}", answer.text());
}

#[test]
fn a_worker_that_ends_takes_no_other_model_with_it() {
    let stockade = Stockade::start(Options::demo().model("other", Package::demo_gguf()));
    let mut streams = [stockade.stream(CHAT, &endless("demo")), stockade.stream(CHAT, &endless("other"))];
    for stream in &mut streams {
        stream.first_text();
    }
    let workers = stockade.named("worker");
    assert_eq!(workers.len(), 2, "each package has a sandbox of its own");
    workers[0].kill();
    let ends = streams.map(stockade_tests::Stream::whole);
    let crashed = ends.iter().filter(|end| end.error.as_deref() == Some("worker_crashed")).count();
    let finished =
        ends.iter().filter(|end| end.error.is_none() && end.done && end.finish == "length").count();
    assert_eq!((crashed, finished), (1, 1), "{ends:?}");
}

#[test]
fn a_worker_that_ends_again_and_again_is_started_with_growing_pauses() {
    let stockade = Stockade::start(Options::demo());
    for _ in 0..4 {
        let worker = eventually("a worker", || stockade.named("worker").pop());
        worker.kill();
        eventually("its end", || (!worker.lives()).then_some(()));
    }
    let pauses = eventually("four restarts", || {
        let events = stockade.events();
        let pauses: Vec<u64> = events
            .iter()
            .filter(|event| event["event"] == "worker_restarting")
            .filter_map(|event| event["backoff_ms"].as_u64())
            .collect();
        (pauses.len() >= 4).then_some(pauses)
    });
    assert!(pauses.is_sorted() && pauses[0] < pauses[3], "{pauses:?}");
    eventually("an answer all the same", || {
        stockade.try_chat("Hello!").ok().filter(|answer| answer.status() == 200).map(|_| ())
    });
}
