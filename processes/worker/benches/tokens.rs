//! Tokens per second of one package: reading a prompt, answering one request, answering several.
//!
//! # Role
//! `cargo bench -p stockade-worker -- FOLDER [THREADS]`; a folder with a manifest.
//!
//! # Security
//! Reads: a package of the caller's choice, outside any jail.
//!
//! # Non-goals
//! Compares nothing: `bench/` does.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use proto::limits::EngineLimits;
use stockade_worker::decoder::Span;
use stockade_worker::load::Model;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let folder = arguments.next().ok_or("which package?")?;
    let threads = arguments.next().map_or(Ok(2), |threads| threads.parse())?;
    stockade_worker::threads::start(usize::try_from(threads)?)?;
    let before = Instant::now();
    let limits = EngineLimits { slots: 8, context_tokens_max: 2048, queue_max: 0, threads };
    let mut model = Model::load(Path::new(&folder), &limits)?;
    say("load, ms", before.elapsed().as_secs_f64() * 1000.0);
    for (what, sequences, tokens, steps) in [
        ("prompt of 512, tok/s", 1, 128, 4),
        ("one answer, tok/s", 1, 1, 256),
        ("one answer behind 1024, tok/s", 1, 1, 256),
        ("four answers, tok/s", 4, 1, 256),
        ("eight answers, tok/s", 8, 1, 256),
    ] {
        let from = if what.contains("1024") { 1024 } else { 0 };
        let mut best = 0.0_f64;
        for _ in 0..5 {
            best = best.max(speed(&mut model, sequences, tokens, steps, from)?);
        }
        say(what, best);
    }
    Ok(())
}

fn speed(
    model: &mut Model,
    sequences: usize,
    tokens: usize,
    steps: usize,
    from: usize,
) -> Result<f64, Box<dyn std::error::Error>> {
    let ids: Vec<u32> = (3..).take(tokens).map(|id| id % 1000 + 3).collect();
    let before = Instant::now();
    for step in 0..steps {
        let span = |slot| Span { slot, position: from + step * tokens, tokens: &ids, wanted: tokens == 1 };
        let spans: Vec<_> = (0..sequences).map(span).collect();
        model.decoder.step(&spans)?;
    }
    Ok((sequences * tokens * steps) as f64 / before.elapsed().as_secs_f64())
}

fn say(what: &str, number: f64) {
    let _ = writeln!(std::io::stdout(), "{what:32} {number:10.1}");
}
