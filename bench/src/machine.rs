//! The machine that measured, and how busy it was.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::samples::Samples;

/// What results depend on.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    processor: String,
    processors: usize,
    memory_gib: u64,
    kernel: String,
    load: String,
    noise: f64,
}

impl Machine {
    /// Looks at the machine and at how evenly it computes.
    pub(crate) fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib: u64 = memory.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name"),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib >> 20,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            noise: noise(),
        }
    }

    /// The machine in a sentence.
    pub(crate) fn text(&self) -> String {
        format!(
            "{} × {}, {} GiB, Linux {}, load {} before, noise {:.2} (the 95th percentile of a fixed piece of \
             arithmetic over its median; 1.0 is a quiet machine)",
            self.processors, self.processor, self.memory_gib, self.kernel, self.load, self.noise
        )
    }

    /// The machine for programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "processor": self.processor, "processors": self.processors, "memory_gib": self.memory_gib,
            "kernel": self.kernel, "load_before": self.load, "noise": self.noise,
        })
    }
}

/// How uneven the same piece of work is over two seconds.
fn noise() -> f64 {
    let end = Instant::now() + Duration::from_secs(2);
    let mut times = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        let mut state = 1_u64;
        for _ in 0..2_000_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        }
        std::hint::black_box(state);
        times.push(begun.elapsed());
    }
    let samples = Samples::of_times(times);
    samples.quantile(0.95) / samples.median()
}
