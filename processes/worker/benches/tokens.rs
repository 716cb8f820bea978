//! Tokens per second of one package: reading a prompt, answering one request, answering several.
//!
//! # Role
//! `cargo bench -p stockade-worker -- FOLDER [THREADS]`; a folder with a manifest. With one thread, the
//! default, its processor time counts, with more the wall's; of many steps the fastest tenth: the others
//! tell how busy the machine is.
//!
//! # Security
//! Reads: a package of the caller's choice, outside any jail.
//!
//! # Non-goals
//! Compares nothing: `bench/` does.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use proto::limits::EngineLimits;
use rustix::time::{ClockId, clock_gettime};
use stockade_worker::decoder::{Decoder, Span};
use stockade_worker::load::Model;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let folder = arguments.next().ok_or("which package?")?;
    let threads = arguments.next().map_or(Ok(1), |threads| threads.parse())?;
    stockade_worker::threads::start(usize::try_from(threads)?)?;
    let limits = EngineLimits { slots: 8, context_tokens_max: 2048, queue_max: 0, threads };
    let clock = if threads == 1 { ClockId::ThreadCPUTime } else { ClockId::Monotonic };
    let load = || -> Result<(Model, f64), Box<dyn Error>> {
        let before = now(clock);
        let model = Model::load(Path::new(&folder), &limits)?;
        Ok((model, now(clock).saturating_sub(before).as_secs_f64()))
    };
    let (mut model, mut seconds) = load()?;
    for _ in 0..5 {
        let again;
        (model, again) = load()?;
        seconds = seconds.min(again);
    }
    say("load, ms", seconds * 1000.0);
    for (what, sequences, tokens, from) in [
        ("prompt of 512, tok/s", 1, 128, 0),
        ("one answer, tok/s", 1, 1, 0),
        ("one answer behind 1024, tok/s", 1, 1, 1024),
        ("four answers, tok/s", 4, 1, 0),
        ("eight answers, tok/s", 8, 1, 0),
    ] {
        say(what, speed(clock, &mut model.decoder, sequences, tokens, from)?);
    }
    Ok(())
}

fn speed(
    clock: ClockId,
    decoder: &mut Decoder,
    sequences: usize,
    tokens: usize,
    from: usize,
) -> Result<f64, Box<dyn Error>> {
    let ids: Vec<u32> = (3..).take(tokens).map(|id| id % 1000 + 3).collect();
    let mut seconds = Vec::new();
    for step in (0..512 / tokens).cycle().take(256.min(2048 / tokens) * 2) {
        let span = |slot| Span { slot, position: from + step * tokens, tokens: &ids, wanted: tokens == 1 };
        let spans: Vec<_> = (0..sequences).map(span).collect();
        let before = now(clock);
        decoder.step(&spans)?;
        seconds.push(now(clock).saturating_sub(before).as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let tenth = seconds.get(seconds.len() / 10).copied().unwrap_or(f64::NAN);
    Ok((sequences * tokens) as f64 / tenth)
}

fn now(clock: ClockId) -> Duration {
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

fn say(what: &str, number: f64) {
    let _ = writeln!(std::io::stdout(), "{what:32} {number:10.1}");
}
