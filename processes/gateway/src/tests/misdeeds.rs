//! Workers that break the rules of their link, or leave.

use std::time::Duration;

use proto::event::Event;
use proto::limits::RequestLimits;
use proto::link::engine::{FROM_ENGINE_BYTES_MAX, Finish, FromEngine, ToEngine};
use proto::link::gateway::{FromGateway, ToGateway};
use proto::{Code, RequestId};

use super::client::request;
use super::stage::{KEY, Stage, chat, limits, patience};
use super::worker::Engine;
use crate::gateway::Patience;

type Misdeed = fn(&mut Engine, RequestId);

/// What a hostile worker may say, and whether a client may have seen part of an answer by then.
const MISDEEDS: &[(&str, Misdeed)] = &[
    ("answer_for_ever", |engine, request| {
        engine.accept(request);
        for _ in 0..200_000 {
            engine.piece(request, "more ");
        }
    }),
    ("answer_for_ever_without_tokens", |engine, request| {
        engine.accept(request);
        engine.piece(request, "one");
        for _ in 0..100_000 {
            engine.say(&FromEngine::Piece { request, text: "more ".to_owned(), tokens: 0 });
        }
    }),
    ("answer_with_nothing", |engine, request| {
        engine.accept(request);
        engine.say(&FromEngine::Piece { request, text: String::new(), tokens: 0 });
    }),
    ("answer_for_another_request", |engine, _| {
        engine.say(&FromEngine::Accepted { request: RequestId(u64::MAX), prompt_tokens: 1 });
    }),
    ("answer_before_accepting", |engine, request| engine.piece(request, "early")),
    ("accept_twice", |engine, request| {
        engine.accept(request);
        engine.accept(request);
    }),
    ("accept_a_prompt_over_the_ceiling", |engine, request| {
        engine.say(&FromEngine::Accepted { request, prompt_tokens: 1_001 });
    }),
    ("finish_before_accepting", |engine, request| engine.finish(request, Finish::Stop, 0)),
    ("cancel_by_itself", |engine, request| {
        engine.accept(request);
        engine.finish(request, Finish::Cancelled, 0);
    }),
    ("claim_more_tokens_than_allowed", |engine, request| {
        engine.accept(request);
        engine.finish(request, Finish::Stop, u32::MAX);
    }),
    ("claim_fewer_tokens_than_sent", |engine, request| {
        engine.accept(request);
        engine.piece(request, "text");
        engine.finish(request, Finish::Stop, 0);
    }),
    ("answer_a_huge_piece", |engine, request| {
        engine.accept(request);
        engine.piece(request, &"x".repeat(60 * 1024));
    }),
    ("announce_a_huge_frame", |engine, _| engine.raw(&u32::MAX.to_le_bytes())),
    ("answer_rubbish", |engine, _| engine.raw(&[5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff])),
    ("answer_an_empty_frame", |engine, _| engine.raw(&[0, 0, 0, 0])),
    ("answer_invalid_utf8", |engine, request| {
        engine.accept(request);
        engine.raw(&[5, 0, 0, 0, 1, u8::try_from(request.0).unwrap(), 1, 0xff, 1]);
    }),
    ("claim_a_foreign_failure", |engine, request| {
        engine.say(&FromEngine::Failed { request, code: Code::InvalidApiKey, message: "x".repeat(40_000) });
    }),
    ("claim_a_foreign_code", |engine, request| {
        engine.say(&FromEngine::Failed { request, code: Code::LedgerUnavailable, message: "no".to_owned() });
    }),
    ("tell_a_long_message", |engine, request| {
        engine.say(&FromEngine::Failed { request, code: Code::EngineFailed, message: "x".repeat(513) });
    }),
];

#[test]
fn each_misdeed_ends_the_worker_and_fails_its_requests_with_a_typed_error() {
    let mut stage = Stage::start(limits());
    for (name, misdeed) in MISDEEDS {
        for more in ["", ",\"stream\":true"] {
            let worker = stage.worker(misdeed);
            let reply = stage.chat(more);
            let code = if reply.header("content-type") == Some("text/event-stream") {
                reply.last_error()
            } else {
                reply.code()
            };
            assert_eq!(code, "worker_misbehaved", "{name} {more}");
            assert!(!reply.text().contains("[DONE]"), "{name}");
            let FromGateway::WorkerMisbehaved { worker: id, rule } = stage.hear() else {
                panic!("{name} is told")
            };
            assert!(id == worker.id && !rule.is_empty() && rule.len() <= 256, "{name}");
            stage.await_workers(0);
            worker.await_closed();
        }
    }
    let _worker = stage.worker(Engine::answer_honestly);
    assert_eq!(stage.chat("").status, 200);
}

#[test]
fn an_answer_after_the_end_ends_the_worker() {
    let mut stage = Stage::start(limits());
    let _worker = stage.worker(|engine, request| {
        engine.answer_honestly(request);
        engine.piece(request, "late");
    });
    // The answer was complete: what came after is not its client's matter.
    assert_eq!(stage.chat("").status, 200);
    assert!(matches!(stage.hear(), FromGateway::WorkerMisbehaved { .. }));
}

#[test]
fn one_workers_misdeed_is_nothing_to_another_worker() {
    let mut stage = Stage::start(limits());
    let victim = stage.worker(|engine, request| {
        engine.accept(request);
        engine.piece(request, "half");
    });
    let mut client = stage.client();
    client.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
    assert_eq!(client.head().status, 200);
    client.chunk_with("half");
    let _hostile = stage.worker(|engine, _| engine.raw(&[0xff; 64]));
    // The busier worker is not chosen.
    stage.await_workers(2);
    assert_eq!(stage.chat("").code(), "worker_misbehaved");
    assert!(matches!(stage.hear(), FromGateway::WorkerMisbehaved { .. }));
    assert!(client.is_silent());
    assert!(matches!(victim.hear(), ToEngine::Generate { .. }));
}

#[test]
fn a_worker_that_stops_in_the_middle_is_told_as_an_event() {
    let mut stage = Stage::start(limits());
    let _worker = stage.worker(|engine, request| {
        engine.accept(request);
        engine.piece(request, "half an ");
        engine.die();
    });
    let reply = stage.chat(",\"stream\":true");
    assert_eq!((reply.status, reply.last_error().as_str()), (200, "worker_crashed"));
    assert!(reply.text().contains("half an ") && !reply.text().contains("[DONE]"));
    stage.await_workers(0);
    assert!(stage.is_silent(), "a crash is not a misdeed");
    assert_eq!(stage.chat("").code(), "model_not_ready");
}

#[test]
fn a_worker_that_dies_before_its_first_word_is_told_with_a_status() {
    let mut stage = Stage::start(limits());
    let _worker = stage.worker(|engine, _| engine.die());
    let reply = stage.chat(",\"stream\":true");
    assert_eq!((reply.status, reply.code().as_str()), (502, "worker_crashed"));
}

#[test]
fn a_worker_that_the_supervisor_ends_fails_its_requests() {
    let mut stage = Stage::start(limits());
    let worker = stage.worker(Engine::accept);
    let mut client = stage.client();
    client.send(request("POST", "/v1/chat/completions", KEY, &chat(",\"stream\":true")));
    assert_eq!(client.head().status, 200);
    stage.say(&ToGateway::WorkerDown { worker: worker.id });
    assert_eq!(client.reply_rest().last_error(), "worker_crashed");
    worker.await_closed();
}

#[test]
fn a_worker_that_says_nothing_is_stopped_at_the_deadline() {
    let ceilings = RequestLimits { wall_ms_max: 300, ..limits() };
    let mut stage =
        Stage::start_with(ceilings, Patience { cancel: Duration::from_millis(300), ..patience() });
    let worker = stage.worker(|_, _| {});
    let reply = stage.chat("");
    assert_eq!((reply.status, reply.code().as_str()), (504, "deadline_passed"));
    assert!(matches!(worker.hear(), ToEngine::Generate { .. }));
    assert!(matches!(worker.hear(), ToEngine::Cancel { .. }));
    // It does not confirm that it stopped, either.
    assert!(matches!(stage.hear(), FromGateway::WorkerMisbehaved { .. }));
}

#[test]
fn a_deadline_in_the_middle_of_a_stream_is_told_as_an_event() {
    let mut stage = Stage::start(RequestLimits { wall_ms_max: 300, ..limits() });
    let _worker = stage.worker(|engine, request| {
        engine.accept(request);
        engine.piece(request, "half");
    });
    let reply = stage.chat(",\"stream\":true");
    assert_eq!((reply.status, reply.last_error().as_str()), (200, "deadline_passed"));
}

#[test]
fn a_worker_that_does_not_read_its_link_cannot_stall_the_gateway() {
    let ceilings = RequestLimits { wall_ms_max: 300, body_bytes_max: 4 * 1024 * 1024, ..limits() };
    let mut stage =
        Stage::start_with(ceilings, Patience { cancel: Duration::from_millis(300), ..patience() });
    let (deaf, link) = std::os::unix::net::UnixStream::pair().unwrap();
    stage.attach(&link);
    drop(link);
    let body = format!("{{\"model\":\"demo\",\"prompt\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    for _ in 0..3 {
        let reply = stage.post("/v1/completions", &body);
        assert!(matches!(reply.code().as_str(), "deadline_passed" | "model_not_ready" | "worker_misbehaved"));
    }
    assert!(matches!(stage.hear(), FromGateway::WorkerMisbehaved { .. }));
    drop(deaf);
}

#[test]
fn a_worker_that_answers_a_question_which_it_has_not_read_is_ended() {
    let mut stage = Stage::start(RequestLimits { body_bytes_max: 4 * 1024 * 1024, ..limits() });
    let (mut deaf, link) = std::os::unix::net::UnixStream::pair().unwrap();
    stage.attach(&link);
    drop(link);
    stage.await_workers(1);
    let mut client = stage.client();
    let body = format!("{{\"model\":\"demo\",\"prompt\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    client.send(request("POST", "/v1/completions", KEY, &body));
    let Event::RequestAdmitted(admitted) = stage.auditor.await_events(1).remove(0) else {
        panic!("it is admitted")
    };
    // Ids can be guessed: without reading, such a worker would have the gateway queue questions for ever.
    let request = admitted.request;
    let failed = FromEngine::Failed { request, code: Code::EngineFailed, message: String::new() };
    proto::write_frame(&mut deaf, &failed, FROM_ENGINE_BYTES_MAX).unwrap();
    assert_eq!(client.reply().code(), "worker_misbehaved");
    assert!(matches!(stage.hear(), FromGateway::WorkerMisbehaved { .. }));
}

/// Numbers without a pattern that a test can repeat.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[test]
fn whatever_a_worker_says_each_request_ends_and_the_gateway_lives() {
    let mut stage = Stage::start(RequestLimits { wall_ms_max: 200, ..limits() });
    for seed in 1..30_u64 {
        let worker = stage.worker(move |engine, request| {
            let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ request.0);
            for _ in 0..12 {
                match dice.below(8) {
                    0 => engine.accept(request),
                    1 | 2 => engine.piece(request, "text"),
                    3 => engine
                        .piece(request, &"\u{1f600}".repeat(usize::try_from(dice.below(2_000)).unwrap())),
                    4 => engine.finish(request, Finish::Stop, u32::try_from(dice.below(8)).unwrap()),
                    5 => engine.finish(RequestId(dice.below(4)), Finish::Cancelled, 0),
                    6 => engine.say(&FromEngine::Failed {
                        request,
                        code: Code::EngineFailed,
                        message: String::new(),
                    }),
                    _ => {
                        let bytes: Vec<u8> =
                            (0..dice.below(12)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect();
                        engine.raw(&bytes);
                    }
                }
            }
        });
        for more in ["", ",\"stream\":true"] {
            let reply = stage.chat(more);
            let streamed = reply.header("content-type") == Some("text/event-stream");
            let ended_well =
                if streamed { reply.text().ends_with("[DONE]\n\n") } else { reply.status == 200 };
            if !ended_well {
                let code = if streamed { reply.last_error() } else { reply.code() };
                let codes = ["worker_misbehaved", "engine_failed", "deadline_passed", "model_not_ready"];
                assert!(codes.contains(&code.as_str()), "{seed}: {code}");
            }
        }
        worker.die();
        stage.await_workers(0);
    }
}
