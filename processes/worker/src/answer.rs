//! An answer's text: whole characters only, and nothing of a text that ends it.

use proto::link::engine::Finish;

/// Bytes of tokens become text that may be sent.
#[derive(Debug)]
pub struct Answer {
    stops: Vec<String>,
    /// Bytes of a character that is not complete.
    partial: Vec<u8>,
    /// Text that may turn out to be the beginning of a stop text.
    held: String,
    bytes_left: u64,
    strip_space: bool,
}

/// What may be sent after more tokens, and whether that was the end.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// More of the answer; may be empty.
    pub text: String,
    /// Why the answer ends here, when it does.
    pub end: Option<Finish>,
}

impl Answer {
    /// Begins an answer of at most `bytes_max` that ends before any of `stops`.
    pub fn new(stops: Vec<String>, bytes_max: u64, strip_space: bool) -> Self {
        Self { stops, partial: Vec::new(), held: String::new(), bytes_left: bytes_max, strip_space }
    }

    /// Takes the bytes of the next token.
    pub fn push(&mut self, bytes: &[u8]) -> Progress {
        self.partial.extend_from_slice(bytes);
        self.complete();
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop)).min() {
            self.held.truncate(at);
            let progress = self.release(at);
            return Progress { end: progress.end.or(Some(Finish::Stop)), ..progress };
        }
        self.release(self.held.len() - self.suspect())
    }

    /// Gives what was held back: the answer ends without a stop text.
    pub fn finish(&mut self) -> Progress {
        if !self.partial.is_empty() {
            self.partial.clear();
            self.held.push(char::REPLACEMENT_CHARACTER);
        }
        self.release(self.held.len())
    }

    /// Moves every complete character from bytes to text. Bytes that are no UTF-8 become U+FFFD.
    fn complete(&mut self) {
        let before = self.held.len();
        let mut bytes = self.partial.as_slice();
        loop {
            match str::from_utf8(bytes) {
                Ok(text) => {
                    self.held.push_str(text);
                    bytes = &[];
                    break;
                }
                Err(error) => {
                    let (valid, rest) = bytes.split_at(error.valid_up_to());
                    self.held.push_str(str::from_utf8(valid).unwrap_or_default());
                    bytes = rest;
                    // No length: the character may yet be completed.
                    let Some(wrong) = error.error_len() else { break };
                    self.held.push(char::REPLACEMENT_CHARACTER);
                    bytes = bytes.get(wrong..).unwrap_or_default();
                }
            }
        }
        self.partial = bytes.to_vec();
        if self.strip_space && self.held.len() > before {
            self.strip_space = false;
            if self.held.starts_with(' ') {
                self.held.remove(0);
            }
        }
    }

    /// Bytes at the end of what is held that may be the beginning of a stop text.
    fn suspect(&self) -> usize {
        let held = self.held.as_str();
        let longest = |stop: &String| {
            let beginnings = stop.char_indices().map(|(at, _)| at).skip(1).filter(|&at| at <= held.len());
            beginnings.filter(|&at| stop.get(..at).is_some_and(|part| held.ends_with(part))).max()
        };
        self.stops.iter().filter_map(longest).max().unwrap_or(0)
    }

    /// Lets go of the first `bytes` of what is held, or of as many as the ceiling allows.
    fn release(&mut self, bytes: usize) -> Progress {
        let left = usize::try_from(self.bytes_left).unwrap_or(usize::MAX);
        let allowed = if bytes > left { self.held.floor_char_boundary(left) } else { bytes };
        let rest = self.held.split_off(allowed);
        let text = std::mem::replace(&mut self.held, rest);
        self.bytes_left -= text.len() as u64;
        Progress { text, end: (allowed < bytes).then_some(Finish::Length) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(stops: &[&str], bytes_max: u64) -> Answer {
        Answer::new(stops.iter().map(|&stop| stop.to_owned()).collect(), bytes_max, false)
    }

    fn text(text: &str) -> Progress {
        Progress { text: text.to_owned(), end: None }
    }

    #[test]
    fn a_character_in_two_tokens_comes_whole() {
        let mut answer = answer(&[], 100);
        assert_eq!(answer.push(b"a\xf0\x9f"), text("a"));
        assert_eq!(answer.push(b"\x98"), text(""));
        assert_eq!(answer.push(b"\x80b"), text("\u{1f600}b"));
    }

    #[test]
    fn bytes_that_are_no_text_do_not_hold_the_rest_back() {
        let mut answer = answer(&[], 100);
        assert_eq!(answer.push(b"\xff\xc3"), text("\u{fffd}"));
        assert_eq!(answer.push(b"x"), text("\u{fffd}x"));
        assert_eq!(answer.push(b"\xe4\xb8"), text(""));
        assert_eq!(answer.finish(), text("\u{fffd}"));
    }

    #[test]
    fn a_stop_text_over_several_tokens_is_never_sent() {
        let mut answer = answer(&["\nUser:", "END"], 100);
        assert_eq!(answer.push(b"yes\n"), text("yes"));
        assert_eq!(answer.push(b"Us"), text(""));
        assert_eq!(answer.push(b"ing E"), text("\nUsing "));
        assert_eq!(answer.push(b"ND more"), Progress { text: String::new(), end: Some(Finish::Stop) });
    }

    #[test]
    fn what_only_looked_like_a_stop_text_is_sent_at_the_end() {
        let mut answer = answer(&["END"], 100);
        assert_eq!(answer.push(b"the EN"), text("the "));
        assert_eq!(answer.finish(), text("EN"));
    }

    #[test]
    fn the_earliest_stop_text_counts() {
        let mut answer = answer(&["c", "b"], 100);
        assert_eq!(answer.push(b"abcd"), Progress { text: "a".to_owned(), end: Some(Finish::Stop) });
    }

    #[test]
    fn an_answer_ends_at_its_ceiling_and_never_within_a_character() {
        let mut answer = answer(&[], 4);
        assert_eq!(answer.push("aé".as_bytes()), text("aé"));
        assert_eq!(answer.push("é".as_bytes()), Progress { text: String::new(), end: Some(Finish::Length) });
    }

    #[test]
    fn the_first_space_is_dropped_once_where_it_is_notation() {
        let mut answer = Answer::new(Vec::new(), 100, true);
        assert_eq!(answer.push(b""), text(""));
        assert_eq!(answer.push(b" a"), text("a"));
        assert_eq!(answer.push(b" b"), text(" b"));
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_text_is_the_same(
            whole in "[ab\u{e9}\u{1f600}]{0,24}", stop in "[ab\u{e9}]{1,4}", cuts in prop::collection::vec(1_usize..5, 0..48)
        ) {
            let mut answer = answer(&[&stop], 1000);
            let (mut sent, mut ended, mut rest) = (String::new(), false, whole.as_bytes());
            for cut in cuts.into_iter().chain([whole.len()]) {
                let (now, later) = rest.split_at(cut.min(rest.len()));
                rest = later;
                let progress = answer.push(now);
                sent += &progress.text;
                ended = progress.end.is_some();
                if ended { break; }
            }
            if !ended { sent += &answer.finish().text; }
            prop_assert_eq!(&sent, whole.split(&stop).next().unwrap());
        }
    }
}
