//! An engine that answers at once, so that everything around an engine can be measured.
//!
//! # Role
//! Stands where the worker stands. A prompt's last word says how many pieces to answer with and how
//! many microseconds lie between them: `pieces=100,pace_us=500`. Each piece's text is the time on the
//! monotonic clock, in nanoseconds, at which it was sent.
//!
//! # Security
//! Reads: prompts of the benchmark. Holds: nothing. If taken over: a worker's jail is around it.
//!
//! # Non-goals
//! Shipping.
#![forbid(unsafe_code)]

use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::Duration;

use proto::link::engine::{FROM_ENGINE_BYTES_MAX, Finish, FromEngine, Prompt, TO_ENGINE_BYTES_MAX, ToEngine};
use proto::link::worker::{self, FromWorker, ToWorker};
use proto::{FrameError, RequestId, read_frame, write_frame};
use rustix::time::{ClockId, clock_gettime};

fn main() -> ExitCode {
    let served = sandbox::confine::enter("worker").is_ok_and(|_confined| serve().is_ok());
    if served { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn serve() -> Result<(), FrameError> {
    let mut control = UnixStream::from(sandbox::descriptor::adopt(4).map_err(FrameError::Io)?);
    let mut engine = UnixStream::from(sandbox::descriptor::adopt(5).map_err(FrameError::Io)?);
    let ToWorker::Load { limits } = read_frame(&mut control, worker::FRAME_BYTES_MAX)?;
    let loaded = FromWorker::Loaded { context_tokens_max: limits.context_tokens_max };
    write_frame(&mut control, &loaded, worker::FRAME_BYTES_MAX)?;
    loop {
        match read_frame(&mut engine, TO_ENGINE_BYTES_MAX)? {
            ToEngine::Generate { request, prompt, .. } => answer(&mut engine, request, &prompt)?,
            ToEngine::Cancel { .. } => {}
        }
    }
}

fn answer(engine: &mut UnixStream, request: RequestId, prompt: &Prompt) -> Result<(), FrameError> {
    let text = match prompt {
        Prompt::Chat { messages, .. } => messages.last().map_or("", |message| message.content.as_str()),
        Prompt::Text(text) => text,
    };
    let (pieces, pace) = (number(text, "pieces=").unwrap_or(1), number(text, "pace_us=").unwrap_or(0));
    let mut send = |message: &FromEngine| write_frame(engine, message, FROM_ENGINE_BYTES_MAX);
    send(&FromEngine::Accepted { request, prompt_tokens: 1 })?;
    for _ in 0..pieces {
        if pace > 0 {
            std::thread::sleep(Duration::from_micros(pace.into()));
        }
        let time = clock_gettime(ClockId::Monotonic);
        let nanos = time.tv_sec * 1_000_000_000 + time.tv_nsec;
        send(&FromEngine::Piece { request, text: format!("{nanos} "), tokens: 1 })?;
    }
    send(&FromEngine::Finished { request, finish: Finish::Stop, output_tokens: pieces })
}

fn number(text: &str, name: &str) -> Option<u32> {
    let (_, rest) = text.split_once(name)?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}
