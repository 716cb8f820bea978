//! What the gateway adds to a request and to each streamed piece, all controls and the ledger on.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use stockade_tests::{Build, Connection, Options, Stockade, Stream, places};

use crate::{
    bare, litellm,
    samples::Samples,
    table::{Row, Table},
};

/// Measures requests to an engine that answers at once, beside the same exchange without a gateway.
pub(crate) fn measure(table: &mut Table) {
    places::build_packages(Build::Release, &["stockade-bench"], &["--bin", STUB]);
    let stub = places::target(Build::Release).join(STUB);
    let options = || Options::demo().build(Build::Release).replace("stockade-worker", &stub);
    let stockade = Stockade::start(options());
    whole(table, &stockade);
    pieces(table, &stockade);
    drop(stockade);
    without_disk(table, options());
    litellm::measure(table);
}

/// Whole answers, one after the other on one connection.
fn whole(table: &mut Table, stockade: &Stockade) {
    let (without, with) = compared(stockade);
    for (name, fraction, goal) in [("p50", 0.5, 0.5), ("p99", 0.99, 2.0)] {
        let (through, direct) = (with.quantile(fraction), without.quantile(fraction));
        let note = format!(
            "{through:.3} ms against {direct:.3} ms of the same bytes from a bare loop over a socket; every \
             control, and two durable records for each request"
        );
        let row = Row::new(format!("gateway adds to a request, {name}"), through - direct, "ms");
        table.add(row.at_most(goal).note(note));
    }
}

/// The same with the ledger in memory: what is ours of the time, and what is the disk's.
fn without_disk(table: &mut Table, options: Options) {
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else {
        return table.skip("gateway without the disk", "there is no file system in memory");
    };
    let stockade = Stockade::start(options.state(memory.path()));
    let (without, with) = compared(&stockade);
    let row =
        Row::new("gateway adds to a request, p50, ledger in memory", with.median() - without.median(), "ms");
    table.add(row.note("the same without the disk's part of it"));
}

/// Milliseconds of an exchange with a bare loop over a socket, and through everything.
fn compared(stockade: &Stockade) -> (Samples, Samples) {
    let (mut direct, mut through) = (Connection::open(bare::serve()), stockade.connect());
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..REQUESTS + WARM {
        let (one, other) = (exchange(stockade, &mut direct), exchange(stockade, &mut through));
        if round >= WARM {
            without.push(one);
            with.push(other);
        }
    }
    (Samples::of_times(without), Samples::of_times(with))
}

/// Streamed pieces: each says when the engine sent it.
fn pieces(table: &mut Table, stockade: &Stockade) {
    let mut delays = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = ask(stockade, &format!("pieces={PIECES},pace_us=1000"));
        while let Some(event) = stream.event().expect("the stream goes on") {
            let arrived = nanos();
            if let Some(sent) = sent(&event) {
                delays.push(arrived.saturating_sub(sent) as f64 / 1e6);
            }
        }
    }
    let delays = Samples::new(delays);
    let note = format!("from the engine's write to the client's read, p99 {:.3} ms", delays.quantile(0.99));
    table.add(
        Row::new("gateway adds to a streamed piece, p50", delays.median(), "ms").at_most(0.1).note(note),
    );
    let begun = Instant::now();
    let whole = ask(stockade, &format!("pieces={FLOOD},pace_us=0")).whole();
    let each = begun.elapsed().as_secs_f64() * 1e3 / f64::from(FLOOD);
    assert!(whole.done, "{whole:?}");
    let row = Row::new("streamed piece, as fast as they come", each, "ms");
    table.add(row.at_most(0.1).note(format!("{FLOOD} pieces in one answer, in {} events", whole.events)));
}

fn exchange(stockade: &Stockade, connection: &mut Connection) -> Duration {
    let begun = Instant::now();
    stockade.send_on(connection, "POST", CHAT, &request("pieces=1", false));
    let answer = connection.response().expect("an answer");
    let took = begun.elapsed();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    took
}

fn ask(stockade: &Stockade, order: &str) -> Stream {
    let stream = stockade.stream(CHAT, &request(order, true));
    assert_eq!(stream.head().status, 200);
    stream
}

fn request(order: &str, stream: bool) -> Value {
    json!({"model": "demo", "max_tokens": 4000, "stream": stream, "messages": [{"role": "user", "content": order}]})
}

/// When the engine sent the piece in this event.
fn sent(event: &str) -> Option<u64> {
    let event: Value = serde_json::from_str(event).ok()?;
    event["choices"][0]["delta"]["content"].as_str()?.trim().parse().ok()
}

fn nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    (time.tv_sec * 1_000_000_000 + time.tv_nsec).cast_unsigned()
}

const CHAT: &str = "/v1/chat/completions";
const STUB: &str = "stockade-bench-stub";
const WARM: usize = 200;
const REQUESTS: usize = 3000;
const STREAMS: usize = 5;
const PIECES: u32 = 400;
const FLOOD: u32 = 3000;
