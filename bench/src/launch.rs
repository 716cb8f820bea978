//! From the order to start a sandbox to the first instruction inside it.

use std::{
    fs,
    io::{Read, Write as _},
    os::fd::OwnedFd,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sandbox::{
    filter,
    jail::{self, Ceilings, Identity, JailSpec, Mount, MountSource, Network, SealedProgram},
    rootless::Privilege,
};
use serde_json::json;
use stockade_tests::{is_root, places};
use tempfile::TempDir;

use crate::{
    peers,
    samples::Samples,
    table::{Row, Table},
};

/// Measures the start of a jail beside the kernel's floor and beside other sandboxes.
pub(crate) fn measure(table: &mut Table) {
    if !is_root() {
        return table.skip("launch", "the jail is measured as root, where it does the most");
    }
    let folder = places::scratch("launch");
    let (first, floor) = (folder.path().join("first"), folder.path().join("floor"));
    if !peers::compile("first.c", &first) || !peers::compile("floor.c", &floor) {
        return table.skip("launch", "there is no C compiler that links statically");
    }
    let bundle = Bundle::new(&first);
    let mut candidates = vec![Candidate { name: "floor", times: Vec::new() }, Candidate::new("stockade")];
    candidates.extend(
        ["bwrap", "crun", "runc"]
            .into_iter()
            .filter(|name| peers::installed(name).is_some())
            .map(Candidate::new),
    );
    for _ in 0..ROUNDS {
        for candidate in &mut candidates {
            let times = match candidate.name {
                "floor" => floor_times(&floor, &first, &bundle.package()),
                "stockade" => (0..EACH).map(|_| jail_time(&first, &bundle.package())).collect(),
                other => bundle.peer_times(other),
            };
            candidate.times.extend(times);
        }
    }
    report(table, &candidates);
}

/// One way to start a sandbox, and how long it took.
struct Candidate {
    name: &'static str,
    times: Vec<Duration>,
}

impl Candidate {
    fn new(name: &'static str) -> Self {
        Self { name, times: Vec::new() }
    }
}

fn report(table: &mut Table, candidates: &[Candidate]) {
    let median = |name: &str| {
        let found = candidates.iter().find(|candidate| candidate.name == name);
        found.map(|candidate| Samples::of_times(candidate.times.iter().copied()).median())
    };
    let (Some(floor), Some(own)) = (median("floor"), median("stockade")) else { return };
    table.add(Row::new("sandbox start, bare kernel floor", floor, "ms").note(
        "same namespaces, mounts, Landlock, a filter, no capabilities; a C program that checks nothing",
    ));
    table.add(Row::new("sandbox start, Stockade", own, "ms").note("control groups and observation included"));
    table.add(Row::new("sandbox start, Stockade over floor", own / floor, "×").at_most(1.5));
    for peer in ["bwrap", "crun", "runc"] {
        let name = format!("sandbox start, Stockade over {peer}");
        match median(peer) {
            None => table.skip(&name, &format!("{peer} is not installed")),
            Some(time) => {
                let note = format!("{peer} took {time:.2} ms; {}", peers::version(peer));
                table.add(Row::new(name, own / time, "×").at_most(1.0).note(note));
            }
        }
    }
}

/// The kernel's floor: many starts by one resident parent, as in a supervisor.
fn floor_times(floor: &Path, first: &Path, package: &Path) -> Vec<Duration> {
    let mut command = places::program(floor);
    command.arg(first).arg(package).arg(EACH.to_string());
    times(command)
}

fn jail_time(first: &Path, package: &Path) -> Duration {
    let engine = SealedProgram::load(first).expect("the program is sealed");
    let spec = JailSpec {
        process: "worker".to_owned(),
        engine,
        identity: Identity::numbered(Privilege::Root, 2),
        network: Network::None,
        mounts: vec![Mount {
            source: MountSource::Path(package.to_owned()),
            target: "/package".to_owned(),
            writable: false,
            executable: false,
        }],
        descriptors: Vec::new(),
        profile: filter::named("worker").expect("the worker's filter"),
        ceilings: CEILINGS,
        #[cfg(feature = "outside")]
        removed: jail::Removed::default(),
    };
    let begun = Instant::now();
    let mut jailed = jail::spawn(&spec).expect("the jail starts");
    first_byte(jailed.take_log().expect("a log"));
    let took = begun.elapsed();
    let _ = jailed.wait(Instant::now() + Duration::from_secs(10));
    took
}

fn first_byte(log: OwnedFd) {
    fs::File::from(log).read_exact(&mut [0]).expect("the program runs");
}

/// A root filesystem and a description of it, for the peers.
struct Bundle {
    folder: TempDir,
}

impl Bundle {
    fn new(first: &Path) -> Self {
        let folder = places::scratch("bundle");
        let root = folder.path().join("rootfs");
        for name in ["package", "dev", "proc"] {
            fs::create_dir_all(root.join(name)).expect("the root's directories");
        }
        fs::create_dir_all(folder.path().join("package")).expect("a package's directory");
        fs::copy(first, root.join("first")).expect("copy the program");
        fs::write(folder.path().join("config.json"), description().to_string()).expect("write");
        Self { folder }
    }

    fn package(&self) -> std::path::PathBuf {
        self.folder.path().join("package")
    }

    /// A resident parent of the peer's own, which is this program again, in a mount namespace with one
    /// hierarchy of control groups: crun refuses two at once.
    fn peer_times(&self, peer: &str) -> Vec<Duration> {
        let own = std::env::current_exe().expect("this program has a path");
        let mut command = places::program("unshare");
        command.args(["--mount", "sh", "-c", "umount /sys/fs/cgroup/unified 2>/dev/null; exec \"$@\"", "sh"]);
        command.arg(own).arg(TIMES_OF).arg(peer).arg(self.folder.path());
        times(command)
    }
}

/// What [`TIMES_OF`] does: starts a peer again and again and prints the microseconds of each start.
pub(crate) fn print_times_of(peer: &str, folder: &str) {
    for round in 0..EACH {
        let took = peer_time(peer, Path::new(folder), round);
        let _ = writeln!(std::io::stdout(), "{:.1}", took.as_secs_f64() * 1e6);
    }
}

fn peer_time(peer: &str, folder: &Path, round: usize) -> Duration {
    let mut command = places::program(peer);
    if peer == "bwrap" {
        command.args(["--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--ro-bind"]);
        command.arg(folder.join("rootfs")).args(["/", "/first"]);
    } else {
        let name = format!("stockade-bench-{}-{round}", std::process::id());
        command.args(["run", "--bundle"]).arg(folder).arg(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let begun = Instant::now();
    let mut child = command.spawn().expect("the peer starts");
    let started = child.stdout.take().expect("a pipe").read_exact(&mut [0]);
    let took = begun.elapsed();
    let status = child.wait().expect("the peer ends");
    assert!(started.is_ok() && status.success(), "{peer} did not run the program: {status}");
    took
}

/// Runs a program that prints microseconds, one number a line.
fn times(mut command: Command) -> Vec<Duration> {
    let output = command.stdin(Stdio::null()).output().expect("the program starts");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let micros = |line: &str| line.parse::<f64>().expect("microseconds") / 1e6;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| Duration::from_secs_f64(micros(line)))
        .collect()
}

/// The peers' own format: the same program, all namespaces, no capabilities.
fn description() -> serde_json::Value {
    let namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup"].map(|kind| json!({"type": kind}));
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false, "user": {"uid": 1000, "gid": 1000}, "args": ["/first"], "env": [], "cwd": "/",
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": true},
        "hostname": "bench",
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {"namespaces": namespaces},
    })
}

const CEILINGS: Ceilings = Ceilings {
    memory_bytes_max: 64 << 20,
    pids_max: 4,
    cpu_millicores_max: 2000,
    files_max: 64,
    file_bytes_max: 0,
};

/// The first argument of this program as a peer's resident parent.
pub(crate) const TIMES_OF: &str = "times-of";

/// Rounds over all candidates: a busy moment then hits all alike.
const ROUNDS: usize = 10;

/// Starts of one candidate in one round.
const EACH: usize = 20;
