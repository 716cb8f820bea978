//! Starting and stopping, in order.

use serde_json::json;
use stockade_tests::{Ledger, Options, Stockade, demo, places};

#[test]
fn a_stop_ends_everything_in_order_and_says_the_last_checkpoint() {
    let state = places::scratch("state");
    let stockade = Stockade::start(Options::demo().state(state.path()));
    assert_eq!(stockade.chat("Hello!").status(), 200);
    let programs = stockade.programs().to_owned();
    let ran = stockade.stop();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let last: serde_json::Value = serde_json::from_str(ran.output.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "stopped");
    let note = last["checkpoint"].as_str().unwrap();
    assert_eq!(note, std::fs::read_to_string(state.path().join("ledger/checkpoint")).unwrap());
    let ledger = Ledger::new(&programs, state.path());
    let records = ledger.records();
    let phase = |record: &serde_json::Value| record["data"]["phase"].as_str().map(str::to_owned);
    // The auditor must run before anything can be recorded: its own start comes first.
    assert_eq!(records.get(1).and_then(phase).as_deref(), Some("started"));
    assert_eq!(records.last().and_then(phase).as_deref(), Some("stopped"));
    assert_eq!(ledger.verify().code, Some(0));
    assert!(!state.path().join("status.json").exists());
}

#[test]
fn a_stop_lets_requests_in_flight_end() {
    let stockade = Stockade::start(Options::demo());
    let mut request = demo::prompt("repeat_forever").request(150);
    request["stream"] = json!(true);
    let mut stream = stockade.stream("/v1/chat/completions", &request);
    stream.first_text();
    let reader = std::thread::spawn(|| stream.whole());
    assert_eq!(stockade.stop().code, Some(0));
    let whole = reader.join().unwrap();
    assert!(whole.done && whole.finish == "length", "{whole:?}");
}

#[test]
fn two_of_them_do_not_share_a_state_directory() {
    let state = places::scratch("state");
    let stockade = Stockade::start(Options::demo().state(state.path()));
    let ran = Stockade::try_start(Options::demo().state(state.path())).unwrap_err();
    assert_eq!((ran.code, ran.failure_code().as_str()), (Some(5), "state_in_use"), "{ran:?}");
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?", "the first is not disturbed");
}

#[test]
fn what_protects_it_is_told_and_recorded() {
    let stockade = Stockade::shared();
    let worker = &stockade.serving()["models"][0]["controls"];
    let controls = worker.as_array().unwrap();
    assert!(controls.len() >= 10, "{worker}");
    let started = stockade.records_named("process_started");
    for process in ["worker", "gateway", "auditor"] {
        let record = started.iter().find(|record| record["data"]["process"] == process);
        let record = record.unwrap_or_else(|| panic!("no start of {process} is recorded: {started:?}"));
        assert!(record["data"]["controls"].as_array().unwrap().len() >= 10, "{record}");
    }
}
