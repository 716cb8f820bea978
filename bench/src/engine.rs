//! The built-in engine: what its jail costs, and how soon it answers after a start.

use std::time::Instant;

use serde_json::json;
use stockade_tests::{Build, Options, Package, Stockade, demo, is_root, places};

use crate::{
    link::Worker,
    samples::Samples,
    table::{Row, Table},
};

/// Measures the engine inside and outside of its jail, then its start.
pub(crate) fn measure(table: &mut Table) {
    speed(table);
    start(table);
}

fn speed(table: &mut Table) {
    const NAME: &str = "tokens/s inside the sandbox over outside";
    if !is_root() {
        return table.skip(NAME, "both are started by hand, which needs root");
    }
    places::build_packages(Build::Release, &["stockade-bench"], &["--features", "outside", "--bin", OUTSIDE]);
    let package = Package::demo();
    let mut inside =
        Worker::inside(&places::programs(Build::Release).join("stockade-worker"), package.path());
    let mut outside = Worker::outside(&places::target(Build::Release).join(OUTSIDE), package.path());
    let (mut within, mut without, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (one, other) = (inside.repeat(TOKENS), outside.repeat(TOKENS));
        within.push(one);
        without.push(other);
        ratios.push(one / other);
    }
    let (within, without) = (Samples::new(within), Samples::new(without));
    table.add(
        Row::new("tokens/s inside the sandbox", within.median(), "tok/s")
            .note("demo model, safetensors, one sequence, two threads, median of rounds"),
    );
    table.add(
        Row::new("tokens/s outside", without.median(), "tok/s").note("the same worker in a changed root"),
    );
    let note = format!("median of {ROUNDS} rounds of {TOKENS} tokens in turn");
    table.add(Row::new(NAME, Samples::new(ratios).median(), "×").at_least(0.99).note(note));
}

fn start(table: &mut Table) {
    let mut times = Vec::new();
    let mut firsts = Vec::new();
    for _ in 0..STARTS {
        let stockade = Stockade::start(Options::demo().build(Build::Release));
        let up = stockade.serving()["models"][0]["start_us"].as_f64().expect("the time of the start") / 1e3;
        let mut request = demo::prompt("greeting").request(8);
        request["stream"] = json!(true);
        let begun = Instant::now();
        stockade.stream("/v1/chat/completions", &request).first_text();
        let first = begun.elapsed().as_secs_f64() * 1e3;
        firsts.push(first);
        times.push(up + first);
    }
    let first = Samples::new(firsts).median();
    let note = format!(
        "median of {STARTS} starts of everything: the supervisor's time from verification to loaded, and then \
         the first token through the API ({first:.1} ms)"
    );
    table.add(
        Row::new("worker start to first token", Samples::new(times).median(), "ms").at_most(150.0).note(note),
    );
}

const OUTSIDE: &str = "stockade-bench-outside";
const ROUNDS: usize = 15;
const TOKENS: u32 = 1000;
const STARTS: usize = 7;
