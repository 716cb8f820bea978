//! Watches one process: what it says on its control link, and its end.

use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    sync::mpsc::SyncSender,
    time::{Duration, Instant},
};

use proto::code::Failure;
use rustix::event::{PollFd, PollFlags, poll};

use crate::{
    cell::{Cell, CellId},
    event::Event,
    failure::host,
    link::{self, LinkFault},
    threads,
};

/// Watches a process until it ends.
pub(crate) fn watch(cell: &Cell, bytes_max: usize, events: SyncSender<Event>) -> Result<(), Failure> {
    let pidfd = cell.jailed.pidfd().try_clone_to_owned().map_err(host("copy a descriptor"))?;
    let control = cell.control.try_clone().map_err(host("copy a link"))?;
    let warden = Warden { cell: cell.id, pidfd, control: Some(control), bytes_max, events };
    threads::start(&format!("watch {}", cell.process.name), move || warden.run())
}

struct Warden {
    cell: CellId,
    pidfd: OwnedFd,
    /// Until it is closed or its rules are broken.
    control: Option<UnixStream>,
    bytes_max: usize,
    events: SyncSender<Event>,
}

impl Warden {
    fn run(mut self) {
        let cell = self.cell;
        loop {
            let (speaks, ended) = self.wait();
            // What it said before it ended comes first.
            let event = if speaks {
                match self.hear() {
                    Some(event) => event,
                    None => continue,
                }
            } else if ended {
                Event::Ended { cell }
            } else {
                continue;
            };
            if self.events.send(event).is_err() || !speaks {
                return;
            }
        }
    }

    /// Whether there is something to read, and whether the process has ended.
    fn wait(&self) -> (bool, bool) {
        let mut asked = vec![PollFd::new(&self.pidfd, PollFlags::IN)];
        asked.extend(self.control.as_ref().map(|control| PollFd::new(control, PollFlags::IN)));
        if poll(&mut asked, None).is_err() {
            return (false, false);
        }
        let ready = |place: usize| asked.get(place).is_some_and(|one| !one.revents().is_empty());
        (ready(1), ready(0))
    }

    fn hear(&mut self) -> Option<Event> {
        let cell = self.cell;
        let control = self.control.as_ref()?;
        match link::receive_body(control, self.bytes_max, Instant::now() + FRAME_WITHIN) {
            Ok(body) => Some(Event::Said { cell, body }),
            Err(fault) => {
                self.control = None;
                match fault {
                    // Its end follows; if not, it broke the rules by closing the link.
                    LinkFault::Closed if self.ends_soon() => None,
                    fault => Some(Event::Broke { cell, rule: fault.to_string() }),
                }
            }
        }
    }

    fn ends_soon(&self) -> bool {
        let timeout = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };
        let mut asked = [PollFd::new(&self.pidfd, PollFlags::IN)];
        matches!(poll(&mut asked, Some(&timeout)), Ok(1))
    }
}

/// How long a frame may take from its first byte to its last.
const FRAME_WITHIN: Duration = Duration::from_secs(2);
