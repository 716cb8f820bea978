//! Waiting with a ceiling.

use std::time::{Duration, Instant};

/// Longest that any wait of a test goes on, unless it names another ceiling. The machine may be busy:
/// a wait that ends early is a claim, one that ends late is only a slow machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Asks `look` again and again until it finds something.
///
/// # Panics
/// When it finds nothing within [`PATIENCE`].
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, look).unwrap_or_else(|| panic!("{what}: not within {PATIENCE:?}"))
}

/// Asks `look` again and again until it finds something or the time is over.
pub fn within<T>(longest: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + longest;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(BETWEEN);
    }
}

/// Between two looks.
const BETWEEN: Duration = Duration::from_millis(10);
