//! The groups of one jail: made before it starts, removed after it ended.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use super::{
    PREFIX,
    hierarchy::{Hierarchy, Root, Version},
};
use crate::jail::spec::Ceilings;

/// The control groups of one jail. Dropping it removes them.
#[derive(Debug)]
pub(in crate::jail) struct Group {
    _folders: Folders,
    /// How the process comes into the groups.
    entries: Vec<Entry>,
    /// Where out-of-memory kills are counted.
    kills: Option<PathBuf>,
    limited: Limited,
}

/// The way into a group. The process takes it itself, while it has one thread: moving another process
/// makes the kernel wait until none of its processors looks at it.
#[derive(Debug)]
pub(in crate::jail) enum Entry {
    /// Version 1: a thread that writes 0 here comes in.
    Tasks(File),
    /// Version 2: a process can be born into the group of this folder.
    Birth(File),
}

/// Which ceilings a group holds.
#[derive(Clone, Debug)]
pub(in crate::jail) struct Limited {
    pub(in crate::jail) memory: Ceiling,
    pub(in crate::jail) pids: Ceiling,
    pub(in crate::jail) cpu: Ceiling,
}

/// One ceiling: held by the kernel, or why not.
pub(in crate::jail) type Ceiling = Result<(), String>;

impl Group {
    /// Makes the groups and sets their ceilings. What cannot be had is left out and said so.
    pub(in crate::jail) fn new(ceilings: &Ceilings, lacks: impl Fn(&str) -> bool) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let hierarchy = Hierarchy::of_this_process();
        let mut folders = Folders(Vec::new());
        let mut entries = Vec::new();
        let mut hold = |control: &str, root: Option<&Root>, files: &dyn Fn(Version) -> Files| -> Ceiling {
            if lacks(control) {
                return Err("left out by a test".to_owned());
            }
            let root = root.ok_or_else(|| "no control group of this kind may be made here".to_owned())?;
            let folder = root.folder.join(&name);
            let refused = |error| format!("no control group may be made here: {error}");
            if folders.add(&folder).map_err(refused)? {
                entries.push(entry(&folder, root.version).map_err(refused)?);
            }
            set(&folder, &files(root.version)).map_err(|error| format!("the ceiling was refused: {error}"))
        };
        let memory =
            hold("memory-ceiling", hierarchy.memory.as_ref(), &|version| memory_files(version, ceilings));
        let pids = hold("pids-ceiling", hierarchy.pids.as_ref(), &|_| pids_files(ceilings));
        let cpu = hold("cpu-ceiling", hierarchy.cpu.as_ref(), &|version| cpu_files(version, ceilings));
        let kills = hierarchy
            .memory
            .as_ref()
            .filter(|_| memory.is_ok())
            .map(|root| root.folder.join(&name).join(kills_file(root.version)));
        Self { _folders: folders, entries, kills, limited: Limited { memory, pids, cpu } }
    }

    /// How the process comes into the groups.
    pub(in crate::jail) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(in crate::jail) fn limited(&self) -> &Limited {
        &self.limited
    }

    /// Whether the kernel killed a process of the group at its memory ceiling.
    pub(in crate::jail) fn ran_out_of_memory(&self) -> bool {
        let Some(text) = self.kills.as_ref().and_then(|file| fs::read_to_string(file).ok()) else {
            return false;
        };
        text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
    }
}

/// The folders made, one for each hierarchy. Dropping them removes them.
#[derive(Debug)]
struct Folders(Vec<PathBuf>);

impl Folders {
    /// Makes the folder, unless another controller's is the same; says whether it is new.
    fn add(&mut self, folder: &Path) -> io::Result<bool> {
        let new = !self.0.iter().any(|known| known == folder);
        if new {
            fs::create_dir(folder)?;
            self.0.push(folder.to_owned());
        }
        Ok(new)
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        for folder in &self.0 {
            // A process that was just reaped may stay in its group for a moment.
            for _ in 0..REMOVALS_MAX {
                match fs::remove_dir(folder) {
                    Err(error) if error.raw_os_error() == Some(libc::EBUSY) => thread::sleep(REMOVAL_PAUSE),
                    _ => break,
                }
            }
        }
    }
}

fn entry(folder: &Path, version: Version) -> io::Result<Entry> {
    match version {
        Version::One => OpenOptions::new().write(true).open(folder.join("tasks")).map(Entry::Tasks),
        Version::Two => File::open(folder).map(Entry::Birth),
    }
}

impl AsFd for Entry {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tasks(file) | Self::Birth(file) => file.as_fd(),
        }
    }
}

/// Files of a group and what is written to them, and whether the kernel may lack the file.
type Files = Vec<(&'static str, String, bool)>;

fn set(folder: &Path, files: &Files) -> io::Result<()> {
    for (file, text, optional) in files {
        match fs::write(folder.join(file), text) {
            Err(error) if !*optional => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn memory_files(version: Version, ceilings: &Ceilings) -> Files {
    let bytes = ceilings.memory_bytes_max.to_string();
    match version {
        Version::One => vec![
            ("memory.limit_in_bytes", bytes.clone(), false),
            // Only there when the kernel counts swap.
            ("memory.memsw.limit_in_bytes", bytes, true),
        ],
        Version::Two => vec![
            ("memory.max", bytes, false),
            ("memory.swap.max", "0".to_owned(), true),
            ("memory.oom.group", "1".to_owned(), true),
        ],
    }
}

fn kills_file(version: Version) -> &'static str {
    match version {
        Version::One => "memory.oom_control",
        Version::Two => "memory.events",
    }
}

fn pids_files(ceilings: &Ceilings) -> Files {
    vec![("pids.max", ceilings.pids_max.to_string(), false)]
}

fn cpu_files(version: Version, ceilings: &Ceilings) -> Files {
    let quota = u64::from(ceilings.cpu_millicores_max) * CPU_PERIOD_MICROS / 1000;
    match version {
        Version::One => vec![
            ("cpu.cfs_period_us", CPU_PERIOD_MICROS.to_string(), false),
            ("cpu.cfs_quota_us", quota.to_string(), false),
        ],
        Version::Two => vec![("cpu.max", format!("{quota} {CPU_PERIOD_MICROS}"), false)],
    }
}

/// The time over which processor time is shared out.
const CPU_PERIOD_MICROS: u64 = 100_000;

const REMOVALS_MAX: u32 = 200;
const REMOVAL_PAUSE: Duration = Duration::from_millis(1);
