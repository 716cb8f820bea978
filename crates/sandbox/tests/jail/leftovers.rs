//! Nothing of a jail outlives its supervisor's interest in it.

use std::{
    fs::{DirEntry, File},
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use sandbox::jail;

use crate::{
    runner::{Ran, Test},
    support::{becomes, is_root, soon, spec, start},
};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        Test::new("a_dropped_jail_leaves_nothing", dropped),
        Test::new("a_start_that_fails_leaves_nothing", failed),
        Test::new("a_jail_dies_with_its_supervisor_and_its_groups_are_swept", orphaned),
    ]
}

/// What this program is asked to be by its command line, apart from a test.
pub(crate) fn order(word: &str) -> Option<fn() -> ExitCode> {
    (word == "--supervise-and-wait").then_some(supervise_and_wait)
}

/// Our groups, wherever they are.
fn groups(owner: u32) -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1).filter(|_| line.contains(" cgroup")))
        .flat_map(|mount| std::fs::read_dir(mount).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().contains(&format!("/stockade-{owner}-")))
        .collect()
}

/// The mount namespace of a process. While it is held open, no other can be given its number.
struct Mounts {
    number: PathBuf,
    _open: File,
}

impl Mounts {
    fn of(process: i32) -> Self {
        let path = format!("/proc/{process}/ns/mnt");
        Self { number: std::fs::read_link(&path).unwrap(), _open: File::open(path).unwrap() }
    }

    /// Whether any process is in it.
    fn are_used(&self) -> bool {
        let is_in = |entry: DirEntry| {
            std::fs::read_link(entry.path().join("ns/mnt")).is_ok_and(|found| found == self.number)
        };
        std::fs::read_dir("/proc").unwrap().flatten().any(is_in)
    }
}

fn dropped() -> Ran {
    let mut jailed = start(spec("sleeps"));
    jailed.report(soon()).unwrap();
    let (process, mounts) = (jailed.pid(), Mounts::of(jailed.pid()));
    let its_groups: Vec<PathBuf> = groups(std::process::id())
        .into_iter()
        .filter(|group| {
            let members = std::fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
            members.lines().any(|line| line == process.to_string())
        })
        .collect();
    assert!(!is_root() || !its_groups.is_empty());
    drop(jailed);
    assert!(!Path::new(&format!("/proc/{process}")).exists());
    assert!(!mounts.are_used());
    for group in its_groups {
        assert!(!group.exists(), "{}", group.display());
    }
    Ran::Held
}

fn failed() -> Ran {
    let before = mounted();
    let mut spec = spec("exits");
    spec.mounts.push(jail::Mount {
        source: jail::MountSource::Path("/nonexistent".into()),
        target: "/in".to_owned(),
        writable: false,
        executable: false,
    });
    jail::spawn(&spec).unwrap_err();
    assert_eq!(mounted(), before);
    Ran::Held
}

fn mounted() -> usize {
    std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count()
}

/// Starts a jail, says who it is, and lives until it is killed.
fn supervise_and_wait() -> ExitCode {
    let mut jailed = start(spec("sleeps"));
    jailed.report(soon()).unwrap();
    std::io::Write::write_all(&mut std::io::stdout(), format!("{}\n", jailed.pid()).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_mins(1));
    ExitCode::FAILURE
}

fn orphaned() -> Ran {
    let mut supervisor =
        Command::new("/proc/self/exe").arg("--supervise-and-wait").stdout(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    let mut stdout = supervisor.stdout.take().unwrap();
    let mut byte = [0];
    while stdout.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        said.push(char::from(byte[0]));
    }
    let process: i32 = said.parse().unwrap();
    let mounts = Mounts::of(process);
    assert!(mounts.are_used());
    supervisor.kill().unwrap();
    supervisor.wait().unwrap();
    assert!(becomes(|| !mounts.are_used()));
    if is_root() {
        assert!(!groups(supervisor.id()).is_empty());
    }
    assert!(becomes(|| {
        jail::sweep();
        groups(supervisor.id()).is_empty()
    }));
    Ran::Held
}
