//! A harness of our own: the test program is also the program that is jailed, so its `main` must be ours.
//!
//! It must also be able to enter a user namespace before the first thread starts, which the standard
//! harness is too late for.

use std::{
    io::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// One test: its name says what it claims.
pub(crate) struct Test {
    name: String,
    run: Box<dyn Fn() -> Ran + Sync>,
}

/// How a test that did not fail ended.
pub(crate) enum Ran {
    /// It holds.
    Held,
    /// It can't be shown here.
    Skipped(String),
}

impl Test {
    pub(crate) fn new(name: impl Into<String>, run: impl Fn() -> Ran + Sync + 'static) -> Self {
        Self { name: name.into(), run: Box::new(run) }
    }
}

/// Runs the tests whose name holds every word of the command line, two at a time or so.
pub(crate) fn run(tests: &[Test]) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen: Vec<&Test> =
        tests.iter().filter(|test| words.iter().all(|word| test.name.contains(word.as_str()))).collect();
    if std::env::args().any(|word| word == "--list") {
        for test in chosen {
            say(&format!("{}: test", test.name));
        }
        return ExitCode::SUCCESS;
    }
    let (next, failed, skipped) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some(test) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
            match catch_unwind(AssertUnwindSafe(|| (test.run)())) {
                Ok(Ran::Held) => say(&format!("test {} ... ok", test.name)),
                Ok(Ran::Skipped(why)) => {
                    skipped.fetch_add(1, Ordering::Relaxed);
                    say(&format!("SKIPPED {} because {why}", test.name));
                }
                Err(_) => {
                    failed.fetch_add(1, Ordering::Relaxed);
                    say(&format!("test {} ... FAILED", test.name));
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX) {
            scope.spawn(work);
        }
    });
    let (failed, skipped) = (failed.into_inner(), skipped.into_inner());
    say(&format!(
        "\ntest result: {}. {} passed; {failed} failed; {skipped} skipped\n",
        if failed == 0 { "ok" } else { "FAILED" },
        chosen.len() - failed - skipped,
    ));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One line, whole, whoever else speaks.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

const THREADS_MAX: usize = 4;
