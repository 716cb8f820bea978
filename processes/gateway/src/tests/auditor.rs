//! The auditor's part: commits records, or does not.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use proto::event::Event;
use proto::link::record::{FRAME_BYTES_MAX, FromAuditor, FromProducer};
use proto::{read_frame, write_frame};

use super::stage::{LONG, eventually};

/// How the auditor answers from now on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mood {
    Commits,
    Refuses,
    Waits,
    /// Commits what was never sent.
    Lies,
}

/// An auditor and what it has heard.
#[derive(Clone)]
pub(super) struct Auditor {
    shared: Arc<(Mutex<Heard>, Condvar)>,
    link: Arc<UnixStream>,
}

struct Heard {
    events: Vec<Event>,
    mood: Mood,
}

impl Auditor {
    /// An auditor that commits, and the gateway's end of its link.
    pub(super) fn start() -> (Self, UnixStream) {
        let (link, theirs) = UnixStream::pair().unwrap();
        let shared =
            Arc::new((Mutex::new(Heard { events: Vec::new(), mood: Mood::Commits }), Condvar::new()));
        let auditor = Self { shared, link: Arc::new(link) };
        let own = auditor.clone();
        thread::spawn(move || own.serve());
        (auditor, theirs)
    }

    fn serve(&self) {
        let mut link: &UnixStream = &self.link;
        let mut expected = 0;
        while let Ok(FromProducer::Append { seq, event }) = read_frame(&mut link, FRAME_BYTES_MAX) {
            assert_eq!(seq, expected, "each link counts from 0");
            expected += 1;
            let (heard, changed) = &*self.shared;
            let mut heard = heard.lock().unwrap();
            heard.events.push(event);
            changed.notify_all();
            while heard.mood == Mood::Waits {
                heard = changed.wait(heard).unwrap();
            }
            let answer = match heard.mood {
                Mood::Refuses => FromAuditor::Refused { seq, why: "disk full".to_owned() },
                Mood::Lies => FromAuditor::Committed { seq: seq + 1000, index: 0 },
                Mood::Commits | Mood::Waits => FromAuditor::Committed { seq, index: seq },
            };
            drop(heard);
            if write_frame(&mut link, &answer, FRAME_BYTES_MAX).is_err() {
                return;
            }
        }
    }

    pub(super) fn set(&self, mood: Mood) {
        self.shared.0.lock().unwrap().mood = mood;
        self.shared.1.notify_all();
    }

    /// Closes the link.
    pub(super) fn die(&self) {
        self.link.shutdown(std::net::Shutdown::Both).unwrap();
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.shared.0.lock().unwrap().events.clone()
    }

    /// Waits until so many records were heard.
    pub(super) fn await_events(&self, count: usize) -> Vec<Event> {
        eventually(&format!("{count} records within {LONG:?}"), || self.events().len() >= count);
        self.events()
    }
}
