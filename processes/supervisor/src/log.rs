//! What processes print, shown to the operator: untrusted bytes, bounded in length, number and kind.

use std::{
    fs::File,
    io::{self, Read, Write as _},
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use proto::code::Failure;

use crate::threads;

/// Prints one line of `name` on standard error.
pub(crate) fn say(name: &str, text: &str) {
    let mut line = format!("[{name}] ");
    line.extend(text.chars().filter(|letter| !is_obeyed(*letter)));
    line.push('\n');
    // A log that nobody reads stops nothing.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Prints what a process writes, until it ends.
pub(crate) fn follow(name: String, pipe: OwnedFd) -> Result<(), Failure> {
    let thread = format!("log {name}");
    threads::start(&thread, move || {
        let mut lines = Lines::new(move |line| say(&name, line));
        lines.read(&mut File::from(pipe));
    })
}

/// A letter that a terminal obeys instead of showing, or that shows others in another order.
pub(crate) fn is_obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Cuts bytes into lines, and drops what comes too fast.
struct Lines<P: FnMut(&str)> {
    print: P,
    line: Vec<u8>,
    cut: bool,
    /// Bytes that may be printed now.
    allowance: usize,
    since: Instant,
    dropped: u64,
}

impl<P: FnMut(&str)> Lines<P> {
    fn new(print: P) -> Self {
        Self {
            print,
            line: Vec::new(),
            cut: false,
            allowance: BURST_BYTES,
            since: Instant::now(),
            dropped: 0,
        }
    }

    fn read(&mut self, from: &mut impl Read) {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => self.take(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
            if self.dropped > 0 {
                // Who floods its log waits for it.
                thread::sleep(FLOOD_PAUSE);
            }
        }
        if !self.line.is_empty() {
            self.end_line();
        }
        self.tell_dropped();
    }

    fn take(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = match part {
                [text @ .., b'\n'] => (text, true),
                text => (text, false),
            };
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
            self.line.extend_from_slice(text.get(..room).unwrap_or(text));
            self.cut |= text.len() > room;
            if ends {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let earned = usize::try_from(self.since.elapsed().as_millis()).unwrap_or(usize::MAX);
        if earned > 0 {
            self.since = Instant::now();
            let more = earned.saturating_mul(BYTES_PER_MS);
            self.allowance = self.allowance.saturating_add(more).min(BURST_BYTES);
        }
        let cost = self.line.len() + LINE_COST_BYTES;
        if cost <= self.allowance {
            self.allowance -= cost;
            self.tell_dropped();
            let text = String::from_utf8_lossy(&self.line);
            let text = if self.cut { format!("{text}… (cut)") } else { text.into_owned() };
            (self.print)(&text);
        } else {
            self.dropped += 1;
        }
        self.line.clear();
        self.cut = false;
    }

    fn tell_dropped(&mut self) {
        if self.dropped > 0 {
            (self.print)(&format!("{} lines came too fast and were dropped", self.dropped));
            self.dropped = 0;
        }
    }
}

const LINE_BYTES_MAX: usize = 4096;
const READ_BYTES: usize = 16 * 1024;

/// What may be printed at once, and what is earned with time.
const BURST_BYTES: usize = 64 * 1024;
const BYTES_PER_MS: usize = 16;

/// An empty line costs something too.
const LINE_COST_BYTES: usize = 32;

const FLOOD_PAUSE: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        Lines::new(|line: &str| found.push(line.to_owned())).read(&mut &*bytes);
        found
    }

    #[test]
    fn lines_are_told_apart_and_the_last_needs_no_end() {
        assert_eq!(printed(b"one\n\ntwo"), ["one", "", "two"]);
    }

    #[test]
    fn a_long_line_is_cut() {
        let found = printed(&[b'x'; 3 * LINE_BYTES_MAX]);
        assert_eq!(found, [format!("{}… (cut)", "x".repeat(LINE_BYTES_MAX))]);
    }

    #[test]
    fn a_flood_is_dropped_and_counted() {
        let lines = 20_000;
        let found = printed(&b"flood\n".repeat(lines));
        assert!(found.len() < lines / 2, "{}", found.len());
        let dropped: u64 = found
            .iter()
            .filter_map(|line| {
                line.strip_suffix(" lines came too fast and were dropped")?.parse::<u64>().ok()
            })
            .sum();
        let shown = found.iter().filter(|line| *line == "flood").count() as u64;
        assert_eq!(shown + dropped, lines as u64);
    }

    #[test]
    fn letters_that_a_terminal_obeys_are_not_shown() {
        for letter in ['\u{1b}', '\r', '\u{202e}', '\u{9b}', '\u{7}'] {
            assert!(is_obeyed(letter), "{letter:?}");
        }
        assert!("é語 x".chars().all(|letter| !is_obeyed(letter)));
    }
}
