//! Counters, in Prometheus' text format. Names and numbers only: nothing that a client wrote.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use policy::Route;
use proto::Code;

use crate::gateway::Gateway;

/// Every counter of the gateway.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Requests,
    connections_refused: AtomicU64,
    workers_misbehaved: AtomicU64,
    prompt_tokens: AtomicU64,
    output_tokens: AtomicU64,
    first_token: Histogram,
    total: Histogram,
    added: Histogram,
}

/// How long one generation took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// From arrival to the first token.
    pub(crate) first_token: Option<Duration>,
    /// From arrival to the end.
    pub(crate) total: Duration,
    /// What of it the gateway took, and the ledger: before the worker was asked, after it had finished.
    pub(crate) added: Option<Duration>,
}

impl Metrics {
    /// A request ended with an answer, or was refused with a code.
    pub(crate) fn request(&self, route: Route, code: Option<Code>) {
        if let Some(count) = self.requests.of(route, code) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A generation ended.
    pub(crate) fn tokens(&self, prompt_tokens: u32, output_tokens: u32) {
        self.prompt_tokens.fetch_add(u64::from(prompt_tokens), Ordering::Relaxed);
        self.output_tokens.fetch_add(u64::from(output_tokens), Ordering::Relaxed);
    }

    /// A generation's end was told.
    pub(crate) fn timing(&self, timing: Timing) {
        self.total.observe(timing.total);
        if let Some(first) = timing.first_token {
            self.first_token.observe(first);
        }
        if let Some(added) = timing.added {
            self.added.observe(added);
        }
    }

    /// A connection was closed at once: too many were open.
    pub(crate) fn connection_refused(&self) {
        self.connections_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A worker broke the rules of its link.
    pub(crate) fn worker_misbehaved(&self) {
        self.workers_misbehaved.fetch_add(1, Ordering::Relaxed);
    }
}

/// The text that Prometheus reads.
pub(crate) fn render(gateway: &Gateway) -> String {
    let metrics = &gateway.metrics;
    let mut page = Page(String::with_capacity(8 * 1024));
    page.describe(
        "requests_total",
        "counter",
        "Requests by path and outcome; an answered one has the code ok.",
    );
    for route in Route::ALL {
        for code in std::iter::once(None).chain(Code::ALL.iter().copied().map(Some)) {
            let count = metrics.requests.of(*route, code).map_or(0, |count| count.load(Ordering::Relaxed));
            if count > 0 {
                let code = code.map_or("ok", Code::as_str);
                page.line("requests_total", &format!("route=\"{}\",code=\"{code}\"", route.as_str()), count);
            }
        }
    }
    page.single("requests_in_flight", "gauge", "Requests in flight.", u64::from(gateway.seats.taken()));
    page.counter(
        "connections_refused_total",
        "Connections closed at once because too many were open.",
        &metrics.connections_refused,
    );
    page.counter(
        "workers_misbehaved_total",
        "Workers that broke the rules of their link.",
        &metrics.workers_misbehaved,
    );
    page.counter("prompt_tokens_total", "Tokens of prompts.", &metrics.prompt_tokens);
    page.counter("output_tokens_total", "Tokens of answers.", &metrics.output_tokens);
    page.single(
        "records_pending",
        "gauge",
        "Records sent and not committed.",
        gateway.records.pending() as u64,
    );
    page.single("records_up", "gauge", "Whether records can be sent.", u64::from(gateway.records.up()));
    page.describe("workers_up", "gauge", "Workers that are up, by model.");
    for model in &gateway.config.models {
        page.line("workers_up", &format!("model=\"{model}\""), gateway.fleet.up(model) as u64);
    }
    page.histogram(
        "first_token_seconds",
        "From a request's arrival to its first token.",
        &metrics.first_token,
    );
    page.histogram("request_seconds", "From a request's arrival to the end of its answer.", &metrics.total);
    page.histogram("added_seconds", "What of it the gateway took, records included.", &metrics.added);
    page.0
}

/// One counter for each route and outcome.
#[derive(Debug)]
struct Requests(Vec<AtomicU64>);

impl Default for Requests {
    fn default() -> Self {
        Self((0..Route::ALL.len() * OUTCOMES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Requests {
    fn of(&self, route: Route, code: Option<Code>) -> Option<&AtomicU64> {
        let row = Route::ALL.iter().position(|other| *other == route)?;
        let column = match code {
            None => 0,
            Some(code) => 1 + Code::ALL.iter().position(|other| *other == code)?,
        };
        self.0.get(row * OUTCOMES + column)
    }
}

/// Every code, and the outcome without one.
const OUTCOMES: usize = Code::ALL.len() + 1;

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BOUNDS_US.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    fn observe(&self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS_US) {
            if us <= *bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }
}

/// Upper bounds of the buckets in microseconds: from what the gateway adds to what an answer takes.
const BOUNDS_US: &[u64; 16] = &[
    100,
    250,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    5_000_000,
    30_000_000,
    120_000_000,
];

/// The text as it grows. Writing to a `String` cannot fail.
struct Page(String);

impl Page {
    fn describe(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: u64) {
        let _ = writeln!(self.0, "{PREFIX}{name}{{{labels}}} {value}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.describe(name, kind, help);
        let _ = writeln!(self.0, "{PREFIX}{name} {value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: &AtomicU64) {
        self.single(name, "counter", help, value.load(Ordering::Relaxed));
    }

    fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.describe(name, "histogram", help);
        for (bucket, bound) in histogram.buckets.iter().zip(BOUNDS_US) {
            let seconds = Duration::from_micros(*bound).as_secs_f64();
            self.line(
                &format!("{name}_bucket"),
                &format!("le=\"{seconds}\""),
                bucket.load(Ordering::Relaxed),
            );
        }
        let count = histogram.count.load(Ordering::Relaxed);
        self.line(&format!("{name}_bucket"), "le=\"+Inf\"", count);
        let sum = Duration::from_micros(histogram.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        let _ = write!(self.0, "{PREFIX}{name}_sum {sum}\n{PREFIX}{name}_count {count}\n");
    }
}

const PREFIX: &str = "stockade_gateway_";
