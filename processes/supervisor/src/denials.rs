//! Denied calls, counted: a flood of them is one record a second for each call, and none is lost from
//! the count.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use proto::event::{AttemptDenied, Event as Record};
use sandbox::observe::{Denial, PROBE_END};

use crate::{
    cell::CellId,
    roster::{Member, Roster},
};

/// What was denied and is not recorded yet.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    tallies: BTreeMap<(Member, String), Tally>,
    /// Processes that have begun their work: what they were denied before was their own probe.
    begun: BTreeSet<CellId>,
    /// Processes that have begun and are not known yet: who starts one says so a moment later.
    early: BTreeSet<i32>,
    /// Records that the kernel dropped: nobody knows whose they were.
    lost: u64,
}

#[derive(Debug)]
struct Tally {
    count: u64,
    /// When it may be recorded: at once for the first, a while later for the next.
    due: Instant,
}

impl Denials {
    /// Counts a denial, if it is one of ours.
    pub(crate) fn add(&mut self, denial: &Denial, roster: &Roster) {
        self.lost = self.lost.saturating_add(denial.lost);
        let Some((cell, member)) = roster.member(denial.pid) else {
            if denial.call == PROBE_END {
                remember(&mut self.early, denial.pid);
            }
            return;
        };
        // When some were lost, the mark at the end of the probe may be among them.
        if denial.call == PROBE_END || denial.lost > 0 || self.early.remove(&denial.pid) {
            remember(&mut self.begun, cell);
        }
        let known = !denial.killed && (member.expects(&denial.call) || !self.begun.contains(&cell));
        if denial.call != PROBE_END && !known {
            self.count(member, denial.call.clone());
        }
    }

    fn count(&mut self, member: Member, call: String) {
        let full = self.tallies.len() >= TALLIES_MAX;
        let call = if full && !self.tallies.contains_key(&(member, call.clone())) {
            "other calls".to_owned()
        } else {
            call
        };
        let tally =
            self.tallies.entry((member, call)).or_insert_with(|| Tally { count: 0, due: Instant::now() });
        tally.count = tally.count.saturating_add(1);
    }

    /// When there is something to record.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.tallies.values().filter(|tally| tally.count > 0).map(|tally| tally.due).min()
    }

    /// What is to be recorded now.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Record> {
        let mut records = Vec::new();
        self.tallies.retain(|(member, call), tally| {
            if tally.due > now {
                return true;
            }
            if tally.count == 0 {
                return false;
            }
            records.push(record(*member, call.clone(), tally.count));
            *tally = Tally { count: 0, due: now + RECORD_EVERY };
            true
        });
        if self.lost > 0 {
            let unknown = Member { process: "unknown", worker: None };
            records.push(record(unknown, "calls that the kernel had no room to tell".to_owned(), self.lost));
            self.lost = 0;
        }
        records
    }
}

/// Adds to a bounded memory: when it is full, the lowest goes.
fn remember<T: Ord>(memory: &mut BTreeSet<T>, new: T) {
    if memory.len() >= REMEMBERED_MAX {
        memory.pop_first();
    }
    memory.insert(new);
}

fn record(member: Member, target: String, count: u64) -> Record {
    Record::AttemptDenied(AttemptDenied {
        process: member.process.to_owned(),
        worker: member.worker,
        channel: "seccomp".to_owned(),
        target,
        count,
    })
}

/// At most one record in this time for each process and call.
const RECORD_EVERY: Duration = Duration::from_secs(1);

/// Most pairs of process and call that are told apart.
const TALLIES_MAX: usize = 4096;

/// Most processes that are remembered to have begun.
const REMEMBERED_MAX: usize = 1024;
