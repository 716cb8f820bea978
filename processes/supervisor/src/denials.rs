//! Denied calls, counted: a flood of them is one record a second for each call, and none is lost from
//! the count.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use proto::event::{AttemptDenied, Event as Record};
use sandbox::observe::{Denial, PROBE_END};

use crate::{cell::CellId, roster::Member};

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
    /// Counts a denial, if it is one of ours: `whose` says so.
    pub(crate) fn add(&mut self, denial: &Denial, whose: Option<(CellId, Member)>) {
        self.lost = self.lost.saturating_add(denial.lost);
        let Some((cell, member)) = whose else {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proto::WorkerId;

    const WORKER: Member = Member { process: "worker", worker: Some(WorkerId(1)) };

    fn denial(call: &str) -> Denial {
        Denial { pid: 1, call: call.to_owned(), killed: false, lost: 0 }
    }

    fn begun() -> Denials {
        let mut denials = Denials::default();
        denials.add(&denial(PROBE_END), Some((CellId(0), WORKER)));
        denials
    }

    /// Every record until nothing is left, as what was tried and how often.
    fn taken(denials: &mut Denials) -> Vec<(String, u64)> {
        let later = Instant::now() + 2 * RECORD_EVERY;
        let told = |record| match record {
            Record::AttemptDenied(AttemptDenied { target, count, .. }) => (target, count),
            other => panic!("{other:?}"),
        };
        denials.take_due(later).into_iter().map(told).collect()
    }

    #[test]
    fn a_flood_of_one_call_is_one_record_a_while_and_every_call_is_counted() {
        let mut denials = begun();
        let now = Instant::now() + Duration::from_millis(1);
        let mut counted = 0;
        let mut records = 0;
        for _ in 0..10_000 {
            denials.add(&denial("connect"), Some((CellId(0), WORKER)));
            for record in denials.take_due(now) {
                let Record::AttemptDenied(AttemptDenied { count, .. }) = record else { continue };
                (counted, records) = (counted + count, records + 1);
            }
        }
        assert_eq!(records, 1);
        let rest: u64 = taken(&mut denials).into_iter().map(|(_, count)| count).sum();
        assert_eq!(counted + rest, 10_000);
    }

    #[test]
    fn what_a_process_was_denied_while_it_tried_its_jail_is_no_attempt() {
        let mut denials = Denials::default();
        denials.add(&denial("mount"), Some((CellId(0), WORKER)));
        denials.add(&denial(PROBE_END), Some((CellId(0), WORKER)));
        assert_eq!(taken(&mut denials), []);
        denials.add(&denial("mount"), Some((CellId(0), WORKER)));
        assert_eq!(taken(&mut denials), [("mount".to_owned(), 1)]);
    }

    #[test]
    fn a_process_that_is_killed_for_a_call_has_tried_it_whatever_came_before() {
        let mut denials = Denials::default();
        denials.add(&Denial { killed: true, ..denial("ptrace") }, Some((CellId(0), WORKER)));
        assert_eq!(taken(&mut denials), [("ptrace".to_owned(), 1)]);
    }

    #[test]
    fn what_other_processes_of_the_host_are_denied_is_not_ours() {
        let mut denials = begun();
        denials.add(&denial("mount"), None);
        assert_eq!(taken(&mut denials), []);
    }

    #[test]
    fn denials_that_the_kernel_lost_are_counted_as_nobodys() {
        let mut denials = begun();
        denials.add(&Denial { lost: 7, ..denial("mount") }, Some((CellId(0), WORKER)));
        let unknown = "calls that the kernel had no room to tell".to_owned();
        assert_eq!(taken(&mut denials), [("mount".to_owned(), 1), (unknown, 7)]);
    }

    #[test]
    fn calls_without_end_are_counted_together() {
        let mut denials = begun();
        for number in 0..2 * TALLIES_MAX {
            denials.add(&denial(&format!("x86_64:{number}")), Some((CellId(0), WORKER)));
        }
        let found = taken(&mut denials);
        assert_eq!(found.len(), TALLIES_MAX + 1);
        assert_eq!(found.into_iter().map(|(_, count)| count).sum::<u64>(), 2 * TALLIES_MAX as u64);
    }
}
