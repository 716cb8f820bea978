//! A worker's part.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use proto::link::engine::{FROM_ENGINE_BYTES_MAX, Finish, FromEngine, TO_ENGINE_BYTES_MAX, ToEngine};
use proto::{RequestId, read_frame};

use super::stage::LONG;

/// A worker, and what it was told.
pub(super) struct Worker {
    pub(super) id: proto::WorkerId,
    told: Receiver<ToEngine>,
    link: UnixStream,
}

impl Worker {
    /// A worker that runs `script` for each request, and the gateway's end of its link.
    pub(super) fn start(
        id: u64,
        script: impl Fn(&mut Engine, RequestId) + Send + 'static,
    ) -> (Self, UnixStream) {
        let (link, theirs) = UnixStream::pair().unwrap();
        let mut reading = link.try_clone().unwrap();
        let mut engine = Engine(link.try_clone().unwrap());
        let (heard, told) = channel();
        let (asked, questions) = channel();
        // Two threads, so that what the gateway says is heard while the script runs.
        thread::spawn(move || {
            while let Ok(message) = read_frame::<ToEngine>(&mut reading, TO_ENGINE_BYTES_MAX) {
                if let ToEngine::Generate { request, .. } = &message {
                    let _ = asked.send(*request);
                }
                let _ = heard.send(message);
            }
        });
        thread::spawn(move || {
            while let Ok(request) = questions.recv() {
                script(&mut engine, request);
            }
        });
        (Self { id: proto::WorkerId(id), told, link }, theirs)
    }

    /// What it is told next.
    pub(super) fn hear(&self) -> ToEngine {
        self.told.recv_timeout(LONG).expect("the gateway says something")
    }

    /// Closes its link, as a worker does that is killed.
    pub(super) fn die(&self) {
        self.link.shutdown(std::net::Shutdown::Both).unwrap();
    }

    /// Waits until the gateway has closed its link.
    pub(super) fn await_closed(&self) {
        while self.told.recv_timeout(LONG).is_ok() {}
    }
}

/// A worker's way to speak.
pub(super) struct Engine(UnixStream);

impl Engine {
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        // The gateway may have closed the link, which some tests are about.
        let _ = self.0.write_all(bytes);
    }

    pub(super) fn say(&mut self, message: &FromEngine) {
        self.raw(&proto::frame::encode(message, FROM_ENGINE_BYTES_MAX).unwrap());
    }

    pub(super) fn accept(&mut self, request: RequestId) {
        self.say(&FromEngine::Accepted { request, prompt_tokens: 3 });
    }

    pub(super) fn piece(&mut self, request: RequestId, text: &str) {
        self.say(&FromEngine::Piece { request, text: text.to_owned(), tokens: 1 });
    }

    pub(super) fn finish(&mut self, request: RequestId, finish: Finish, output_tokens: u32) {
        self.say(&FromEngine::Finished { request, finish, output_tokens });
    }

    /// "Hello world", in two pieces.
    pub(super) fn answer_honestly(&mut self, request: RequestId) {
        self.accept(request);
        self.piece(request, "Hello");
        self.piece(request, " world");
        self.finish(request, Finish::Stop, 2);
    }

    /// Closes the link.
    pub(super) fn die(&mut self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}
