//! The table of results.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::machine::Machine;

/// What was measured so far.
#[derive(Debug)]
pub(crate) struct Table {
    machine: Machine,
    rows: Vec<Row>,
}

/// One measured value.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    goal: Option<Goal>,
    note: String,
}

#[derive(Clone, Copy, Debug)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    /// A value without a promise: a peer, a floor.
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, goal: None, note: String::new() }
    }

    /// A promise: the value is at most this.
    pub(crate) fn at_most(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtMost(goal));
        self
    }

    /// A promise: the value is at least this.
    pub(crate) fn at_least(mut self, goal: f64) -> Self {
        self.goal = Some(Goal::AtLeast(goal));
        self
    }

    /// How it was measured, or beside what.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn target(&self) -> String {
        match self.goal {
            None => String::new(),
            Some(Goal::AtMost(goal)) => format!("≤ {}", number(goal)),
            Some(Goal::AtLeast(goal)) => format!("≥ {}", number(goal)),
        }
    }

    fn passes(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::AtMost(goal) => self.value <= goal,
            Goal::AtLeast(goal) => self.value >= goal,
        })
    }

    fn verdict(&self) -> &'static str {
        match self.passes() {
            None => "",
            Some(true) => "pass",
            Some(false) => "miss",
        }
    }

    /// The value against its target: 1 is just reached, more is better.
    fn margin(&self) -> Option<f64> {
        self.goal.map(|goal| match goal {
            Goal::AtMost(goal) => goal / self.value,
            Goal::AtLeast(goal) => self.value / goal,
        })
    }
}

impl Table {
    /// An empty table of this machine.
    pub(crate) fn new() -> Self {
        Self { machine: Machine::look(), rows: Vec::new() }
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, row: Row) {
        let target = if row.goal.is_some() { format!(", target {}", row.target()) } else { String::new() };
        eprintln!("  {}: {} {}{target} {}", row.name, number(row.value), row.unit, row.verdict());
        self.rows.push(row);
    }

    /// Says by name what could not be measured.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        eprintln!("SKIPPED {name} because {why}");
        self.rows.push(Row::new(name, f64::NAN, "").note(format!("skipped: {why}")));
    }

    /// Prints everything.
    pub(crate) fn print(&self, json: bool) {
        let text = if json { format!("{:#}\n", self.json()) } else { self.text() };
        let _ = std::io::stdout().write_all(text.as_bytes());
    }

    fn json(&self) -> Value {
        let row = |row: &Row| {
            let value = Some(row.value).filter(|value| value.is_finite());
            json!({
                "name": row.name, "value": value, "unit": row.unit, "target": row.target(),
                "margin": row.margin(), "passes": row.passes(), "note": row.note,
            })
        };
        json!({"machine": self.machine.json(), "rows": self.rows.iter().map(row).collect::<Vec<_>>()})
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.machine.text());
        text.push_str(
            "| measured | value | target | margin | | how |\n| --- | ---: | ---: | ---: | --- | --- |\n",
        );
        for row in &self.rows {
            let value = if row.value.is_finite() {
                format!("{} {}", number(row.value), row.unit)
            } else {
                "–".to_owned()
            };
            let margin = row.margin().map_or_else(String::new, |margin| format!("{margin:.2} ×"));
            let (target, verdict) = (row.target(), row.verdict());
            // Writing to a String cannot fail.
            let _ =
                writeln!(text, "| {} | {value} | {target} | {margin} | {verdict} | {} |", row.name, row.note);
        }
        text
    }
}

/// Three significant digits or so.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
