//! Stopping, in order.

use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use proto::link::engine::Finish;
use proto::link::gateway::{FromGateway, ToGateway};

use super::client::request;
use super::stage::{KEY, LONG, Stage, chat, eventually, limits};

#[test]
fn what_is_in_flight_may_end_and_nothing_new_begins() {
    let mut stage = Stage::start(limits());
    let (go_on, told) = channel();
    let told = Mutex::new(told);
    let _worker = stage.worker(move |engine, request| {
        engine.accept(request);
        engine.piece(request, "half");
        told.lock().unwrap().recv_timeout(LONG).unwrap();
        engine.piece(request, " whole");
        engine.finish(request, Finish::Stop, 2);
    });
    let mut idle = stage.client();
    assert_eq!(idle.ask(&request("GET", "/healthz", KEY, "")).status, 200);
    let mut client = stage.client();
    client.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
    assert_eq!(client.head().status, 200);
    client.chunk_with("half");
    stage.say(&ToGateway::Stop { drain_ms_max: 15_000 });
    eventually("no connection is taken any more", || TcpStream::connect(stage.address).is_err());
    assert!(idle.is_closed());
    go_on.send(()).unwrap();
    client.chunk_with("[DONE]");
    assert_eq!(stage.hear(), FromGateway::Drained);
    assert_eq!(stage.exit(), ExitCode::SUCCESS);
    assert_eq!(stage.auditor.events().len(), 2);
}

#[test]
fn what_does_not_end_in_time_is_ended() {
    let mut stage = Stage::start(limits());
    let _worker = stage.worker(|engine, request| {
        engine.accept(request);
        engine.piece(request, "half");
    });
    let mut client = stage.client();
    client.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
    assert_eq!(client.head().status, 200);
    client.chunk_with("half");
    stage.say(&ToGateway::Stop { drain_ms_max: 100 });
    client.chunk_with("\"code\":\"shutting_down\"");
    assert_eq!(client.chunk(), None);
    assert_eq!(stage.hear(), FromGateway::Drained);
    assert_eq!(stage.exit(), ExitCode::SUCCESS);
}

#[test]
fn without_its_supervisor_the_gateway_ends() {
    let mut stage = Stage::start(limits());
    stage.hang_up();
    assert_eq!(stage.exit(), ExitCode::FAILURE);
}

#[test]
fn a_supervisors_frame_that_is_none_ends_the_gateway() {
    let mut stage = Stage::start(limits());
    stage.say_bytes(&[1, 0, 0, 0, 0xff]);
    assert_eq!(stage.exit(), ExitCode::FAILURE);
}
