//! Memory of the whole system while nobody asks anything.

use std::time::Duration;

use stockade_tests::{Build, Options, Stockade};

use crate::table::{Row, Table};

/// Measures what every process of a serving Stockade holds, a while after its first answer.
pub(crate) fn measure(table: &mut Table) {
    let stockade = Stockade::start(Options::demo().build(Build::Release));
    stockade.chat("Hello!").answer();
    std::thread::sleep(Duration::from_secs(2));
    let weights = stockade.serving()["models"][0]["package"]["weight_bytes"].as_f64().unwrap_or(0.0);
    let mut all = 0.0;
    let mut parts = Vec::new();
    for process in stockade.processes() {
        let Some(bytes) = process.proportional_bytes() else {
            return table.skip("idle memory", "the memory of jailed processes can only be seen by root");
        };
        parts.push(format!("{} {:.1}", process.name, bytes as f64 / MIB));
        all += bytes as f64 / MIB;
    }
    let note = format!(
        "proportional set size of every process, {:.1} MiB of weights taken off: {}",
        weights / MIB,
        parts.join(", ")
    );
    table.add(Row::new("idle memory without weights", all - weights / MIB, "MiB").at_most(120.0).note(note));
}

const MIB: f64 = 1024.0 * 1024.0;
