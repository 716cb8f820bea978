//! Which processes there are: to know whose a denial is, and to kill one that a thread waits for.

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use proto::WorkerId;
use rustix::process::{Signal, pidfd_send_signal};
use sandbox::{filter::Profile, jail::Jailed};

use crate::{cell::CellId, topology::Process};

/// Which processes there are, and which there were a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Roster(Mutex<BTreeMap<i32, Entry>>);

/// One process.
#[derive(Debug)]
struct Entry {
    cell: CellId,
    member: Member,
    pidfd: OwnedFd,
    ended: Option<Instant>,
}

/// Who a process is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Member {
    /// Its name in `topology.toml`.
    pub(crate) process: &'static str,
    /// Which start of a worker it is, or is for.
    pub(crate) worker: Option<WorkerId>,
}

impl Roster {
    /// Takes a process in.
    pub(crate) fn add(
        &self,
        cell: CellId,
        process: &Process,
        worker: Option<WorkerId>,
        jailed: &Jailed,
    ) -> io::Result<()> {
        let pidfd = jailed.pidfd().try_clone_to_owned()?;
        let member = Member { process: process.name, worker };
        let mut entries = self.entries();
        // The kernel's word on a process may come after its end, but not long after.
        entries.retain(|_, entry| entry.ended.is_none_or(|ended| ended.elapsed() < REMEMBERED));
        entries.insert(jailed.pid(), Entry { cell, member, pidfd, ended: None });
        Ok(())
    }

    /// Notes a process's end.
    pub(crate) fn end(&self, cell: CellId) {
        for entry in self.entries().values_mut().filter(|entry| entry.cell == cell) {
            entry.ended = Some(Instant::now());
        }
    }

    /// Who the process of this id is, if it is ours.
    pub(crate) fn member(&self, pid: i32) -> Option<(CellId, Member)> {
        self.entries().get(&pid).map(|entry| (entry.cell, entry.member))
    }

    /// Kills every process that serves a start of a worker, its inspector included.
    pub(crate) fn kill_worker(&self, worker: WorkerId) {
        self.kill(|entry| entry.member.worker == Some(worker));
    }

    /// Kills every process with one of these names.
    pub(crate) fn kill_named(&self, names: &[&str]) {
        self.kill(|entry| names.contains(&entry.member.process));
    }

    /// Kills every process.
    pub(crate) fn kill_all(&self) {
        self.kill(|_| true);
    }

    fn kill(&self, chosen: impl Fn(&Entry) -> bool) {
        for entry in self.entries().values().filter(|entry| entry.ended.is_none() && chosen(entry)) {
            // One that has ended meanwhile needs no signal.
            let _ = pidfd_send_signal(&entry.pidfd, Signal::KILL);
        }
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<i32, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Whether the process is known to ask for this call and be refused.
    pub(crate) fn expects(self, call: &str) -> bool {
        let profiles = [self.process, "worker-serve"].into_iter().filter_map(sandbox::filter::named);
        let own = |profile: &&'static Profile| profile.name.split("-serve").next() == Some(self.process);
        profiles.filter(|profile| own(profile)).any(|profile| profile.expects(call))
    }
}

/// How long a process is remembered after its end.
const REMEMBERED: Duration = Duration::from_secs(5);
