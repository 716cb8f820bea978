//! Nothing survives its supervisor.

use stockade_tests::{Options, Process, Stockade, eventually, places};

#[test]
fn no_process_survives_a_killed_supervisor_and_the_next_start_recovers() {
    let state = places::scratch("state");
    let stockade = Stockade::start(Options::demo().state(state.path()));
    assert_eq!(stockade.chat("Hello!").status(), 200);
    let processes = stockade.processes();
    assert!(processes.len() >= 5, "{processes:?}");
    stockade.process("stockade-supervisor").kill();
    eventually("the end of every process", || (!processes.iter().any(Process::lives)).then_some(()));
    drop(stockade);
    let stockade = Stockade::start(Options::demo().state(state.path()));
    assert_eq!(stockade.chat("Hello!").answer(), "Hello! How can I help?");
    assert_eq!(stockade.ledger().verify().code, Some(0));
    let served = stockade.records_named("request_ended");
    assert_eq!(served.len(), 2, "the first run's record is there: {served:?}");
}

#[test]
fn no_process_survives_a_killed_command_line() {
    let stockade = Stockade::start(Options::demo());
    let processes = stockade.processes();
    stockade.process("stockade").kill();
    eventually("the end of every process", || (!processes.iter().any(Process::lives)).then_some(()));
}
