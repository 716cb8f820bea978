//! What the engine says on its link.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};

use proto::link::engine::{FROM_ENGINE_BYTES_MAX, Finish, FromEngine};
use proto::{Code, RequestId, frame};

use crate::inbox::Inbox;

/// The writing end of the link, for any thread. Every request ends with exactly one of `finished` and
/// `failed`.
#[derive(Debug)]
pub struct Voice {
    link: Mutex<UnixStream>,
}

impl Voice {
    /// Speaks on a link.
    pub fn new(link: UnixStream) -> Self {
        Self { link: Mutex::new(link) }
    }

    /// Generation begins.
    pub fn accepted(&self, inbox: &Inbox, request: RequestId, prompt_tokens: u32) {
        self.say(inbox, &FromEngine::Accepted { request, prompt_tokens });
    }

    /// More of the answer. A frame holds so much and no more: longer texts go in several.
    pub fn piece(&self, inbox: &Inbox, request: RequestId, text: &str, tokens: u32) {
        let (mut rest, mut tokens) = (text, tokens);
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES_MAX));
            self.say(inbox, &FromEngine::Piece { request, text: now.to_owned(), tokens });
            (rest, tokens) = (later, 0);
        }
    }

    /// The answer is complete.
    pub fn finished(&self, inbox: &Inbox, request: RequestId, finish: Finish, output_tokens: u32) {
        inbox.forget(request);
        self.say(inbox, &FromEngine::Finished { request, finish, output_tokens });
    }

    /// There is no answer, or no more of it.
    pub fn failed(&self, inbox: &Inbox, request: RequestId, code: Code, message: String) {
        inbox.forget(request);
        self.refused(inbox, request, code, message);
    }

    /// A request is not taken at all.
    pub fn refused(&self, inbox: &Inbox, request: RequestId, code: Code, message: String) {
        self.say(inbox, &FromEngine::Failed { request, code, message });
    }

    /// A peer that cannot be told anything is gone.
    fn say(&self, inbox: &Inbox, message: &FromEngine) {
        let Ok(frame) = frame::encode(message, FROM_ENGINE_BYTES_MAX) else { return inbox.close() };
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.write_all(&frame).is_err() {
            inbox.close();
        }
    }
}

/// Most bytes of text in one frame: half of what it may hold.
const PIECE_BYTES_MAX: usize = FROM_ENGINE_BYTES_MAX / 2;
