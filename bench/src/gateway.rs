//! What the gateway adds to a request and to each streamed piece, all controls and the ledger on.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use stockade_tests::{Build, Connection, Options, Stockade, Stream, places};

use crate::{
    samples::Samples,
    table::{Row, Table},
};

/// Measures requests to an engine that answers at once, beside the same exchange without a gateway.
pub(crate) fn measure(table: &mut Table) {
    places::build_packages(Build::Release, &["stockade-bench"], &["--bin", STUB]);
    let stub = places::target(Build::Release).join(STUB);
    let stockade = Stockade::start(Options::demo().build(Build::Release).replace("stockade-worker", &stub));
    whole(table, &stockade);
    pieces(table, &stockade);
}

/// Whole answers, one after the other on one connection.
fn whole(table: &mut Table, stockade: &Stockade) {
    let bare = bare_server();
    let (mut direct, mut through) = (Connection::open(bare), stockade.connect());
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for round in 0..REQUESTS + WARM {
        let (one, other) = (exchange(stockade, &mut direct), exchange(stockade, &mut through));
        if round >= WARM {
            without.push(one);
            with.push(other);
        }
    }
    let (without, with) = (Samples::of_times(without), Samples::of_times(with));
    let added = |fraction: f64| with.quantile(fraction) - without.quantile(fraction);
    let note = |fraction: f64| {
        format!(
            "{:.3} ms against {:.3} ms of the same bytes from a bare loop over a socket; two durable records each",
            with.quantile(fraction),
            without.quantile(fraction)
        )
    };
    table.add(Row::new("gateway adds to a request, p50", added(0.5), "ms").at_most(0.5).note(note(0.5)));
    table.add(Row::new("gateway adds to a request, p99", added(0.99), "ms").at_most(2.0).note(note(0.99)));
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

/// A server that reads a request and answers the same bytes at once: what loopback and the client cost.
fn bare_server() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a listener");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            serve(stream);
        }
    });
    address
}

fn serve(mut stream: TcpStream) {
    let body = r#"{"id":"chatcmpl-0","object":"chat.completion","created":1700000000,"model":"demo","choices":[{"index":0,"message":{"role":"assistant","content":"12345678901234 "},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer = head + body;
    let _ = stream.set_nodelay(true);
    let mut received: Vec<u8> = Vec::new();
    let mut bytes = [0; 8192];
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        received.extend_from_slice(&bytes[..read]);
        // The client waits for each answer, so a body's end is the end of what was received.
        if received.ends_with(b"}") && stream.write_all(answer.as_bytes()).is_ok() {
            received.clear();
        }
    }
}

const CHAT: &str = "/v1/chat/completions";
const STUB: &str = "stockade-bench-stub";
const WARM: usize = 200;
const REQUESTS: usize = 3000;
const STREAMS: usize = 5;
const PIECES: u32 = 400;
const FLOOD: u32 = 3000;
