//! Breaking the rules of the engine link.

use std::{
    io::{Error, Result, Write as _},
    os::unix::net::UnixStream,
};

use proto::{
    Code, RequestId, frame,
    link::{
        engine::{FROM_ENGINE_BYTES_MAX, Finish, FromEngine, TO_ENGINE_BYTES_MAX, ToEngine},
        worker::{FRAME_BYTES_MAX, FromWorker},
    },
    read_frame,
};

/// What an engine that lies about its loading writes to its supervisor, if `name` is such a lie.
pub(crate) fn lie(name: &str) -> Option<Vec<u8>> {
    let failed = |code| FromWorker::Failed { code, message: "\u{1b}[2J".repeat(100) };
    match name {
        "announce_a_huge_frame_while_loading" => Some(u32::MAX.to_le_bytes().to_vec()),
        "answer_rubbish_while_loading" => Some(vec![2, 0, 0, 0, 0xff, 0xff]),
        "accuse_the_ledger_while_loading" => {
            frame::encode(&failed(Code::LedgerTampered), FRAME_BYTES_MAX).ok()
        }
        "end_while_loading" => Some(Vec::new()),
        _ => None,
    }
}

/// Waits for somebody to ask, attacks, and tells whoever asked that there is no answer.
pub(crate) fn attack(mut engine: UnixStream, attack: impl FnOnce()) -> Result<()> {
    let request = next_request(&mut engine)?;
    attack();
    let message = "it was busy".to_owned();
    send(&mut engine, &FromEngine::Failed { request, code: Code::EngineFailed, message })?;
    // Stays as a live engine would, until the gateway or the supervisor ends it.
    loop {
        next_request(&mut engine)?;
    }
}

/// Waits for a request and answers it as `name` says.
pub(crate) fn misbehave(name: &str, mut engine: UnixStream) -> Result<()> {
    loop {
        let request = next_request(&mut engine)?;
        answer(name, &mut engine, request)?;
    }
}

fn next_request(engine: &mut UnixStream) -> Result<RequestId> {
    loop {
        let message = read_frame(engine, TO_ENGINE_BYTES_MAX).map_err(Error::other)?;
        if let ToEngine::Generate { request, .. } = message {
            return Ok(request);
        }
    }
}

fn answer(name: &str, engine: &mut UnixStream, request: RequestId) -> Result<()> {
    let accepted = FromEngine::Accepted { request, prompt_tokens: 3 };
    let piece = |text: String| FromEngine::Piece { request, text, tokens: 1 };
    match name {
        "answer_for_ever" => {
            send(engine, &accepted)?;
            loop {
                send(engine, &piece("more ".to_owned()))?;
            }
        }
        "answer_for_another_request" => {
            send(engine, &FromEngine::Accepted { request: RequestId(u64::MAX), prompt_tokens: 1 })
        }
        "answer_before_accepting" => send(engine, &piece("early".to_owned())),
        "answer_after_the_end" => {
            send(engine, &accepted)?;
            send(engine, &FromEngine::Finished { request, finish: Finish::Stop, output_tokens: 0 })?;
            send(engine, &piece("late".to_owned()))
        }
        "answer_a_huge_piece" => {
            send(engine, &accepted)?;
            send(engine, &piece("x".repeat(60 * 1024)))
        }
        "announce_a_huge_frame" => engine.write_all(&u32::MAX.to_le_bytes()),
        "answer_rubbish" => engine.write_all(&[5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff]),
        "answer_invalid_utf8" => {
            // A piece whose text is not UTF-8: variant 1, request, one byte of text, one token.
            engine.write_all(&[5, 0, 0, 0, 1, u8::try_from(request.0 & 0x7f).unwrap_or(0), 1, 0xff, 1])
        }
        "claim_a_foreign_failure" => send(
            engine,
            &FromEngine::Failed { request, code: Code::InvalidApiKey, message: "x".repeat(40_000) },
        ),
        "stop_in_the_middle" => {
            send(engine, &accepted)?;
            send(engine, &piece("half an ".to_owned()))?;
            std::process::exit(9)
        }
        "say_nothing" => Ok(()),
        _ => Err(Error::other("no attack of that name")),
    }
}

fn send(engine: &mut UnixStream, message: &FromEngine) -> Result<()> {
    let bytes = frame::encode(message, FROM_ENGINE_BYTES_MAX).map_err(Error::other)?;
    engine.write_all(&bytes)
}

/// Every way there is to break the rules of the engine link.
pub const MISDEEDS: &[&str] = &[
    "answer_for_ever",
    "answer_for_another_request",
    "answer_before_accepting",
    "answer_after_the_end",
    "answer_a_huge_piece",
    "announce_a_huge_frame",
    "answer_rubbish",
    "answer_invalid_utf8",
    "claim_a_foreign_failure",
    "stop_in_the_middle",
    "say_nothing",
];
