//! The processes of one Stockade, found from its own process downwards.

use std::{collections::BTreeMap, fs};

use rustix::process::{Pid, Signal, kill_process};

/// One process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Process {
    /// Its id.
    pub pid: i32,
    /// Its parent's id.
    pub parent: i32,
    /// Argument zero, without directories: `stockade`, `stockade-supervisor`, `worker`, …
    pub name: String,
    /// Clock ticks from the machine's start to the process's: with the id, it names the process for ever.
    pub started: u64,
}

impl Process {
    /// Looks a process up.
    pub fn find(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut words = stat.rsplit_once(") ")?.1.split(' ');
        let state = words.next()?;
        let parent = words.next()?.parse().ok()?;
        let started = words.nth(17)?.parse().ok()?;
        if state == "Z" || state == "X" {
            return None;
        }
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let first = String::from_utf8_lossy(arguments.split(|byte| *byte == 0).next()?).into_owned();
        let name = first.rsplit('/').next()?.to_owned();
        Some(Self { pid, parent, name, started })
    }

    /// Whether it still runs.
    pub fn lives(&self) -> bool {
        Self::find(self.pid).is_some_and(|found| found.started == self.started)
    }

    /// Kills it, if it still runs.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Sends it a signal, if it still runs.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.lives()) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Bytes of memory that are its own part: what it shares counts by halves, thirds and so on.
    pub fn proportional_bytes(&self) -> Option<u64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).ok()?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    }
}

/// A process and all that it started, parents before children.
pub fn tree(root: i32) -> Vec<Process> {
    let mut children: BTreeMap<i32, Vec<Process>> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let Some(process) = pid.and_then(Process::find) {
            children.entry(process.parent).or_default().push(process);
        }
    }
    let mut found: Vec<Process> = Process::find(root).into_iter().collect();
    let mut next = 0;
    while let Some(process) = found.get(next) {
        let below = children.remove(&process.pid).unwrap_or_default();
        found.extend(below);
        next += 1;
    }
    found
}
