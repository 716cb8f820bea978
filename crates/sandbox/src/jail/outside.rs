//! A jail seen from outside, in the kernel's own words about the process.

use std::{collections::BTreeMap, fs, path::Path};

use super::{
    cgroup::{Group, Limited},
    plan::{self, Plan},
    spec::{JailSpec, Network},
};
use crate::{
    confine::report::Report,
    control::{Control, ControlReport},
    rootless::Privilege,
};

/// What the process should be, remembered from its start.
#[derive(Debug)]
pub(super) struct Expected {
    process: String,
    outside_id: u32,
    privilege: Privilege,
    network: Network,
    descriptors: u32,
    mounts: BTreeMap<String, Rights>,
    limits: Vec<(&'static str, u64)>,
    landlock: Control,
    limited: Limited,
}

/// What is declared of one mount.
#[derive(Clone, Copy, Debug, Default)]
struct Rights {
    write: bool,
    execute: bool,
}

impl Expected {
    pub(super) fn new(spec: &JailSpec, plan: &Plan, group: &Group) -> Self {
        let names = plan::wanted(spec, group.limited());
        Self {
            process: spec.process.clone(),
            outside_id: spec.identity.id(),
            privilege: spec.identity.privilege(),
            network: spec.network,
            descriptors: u32::try_from(spec.descriptors.len()).unwrap_or(u32::MAX),
            mounts: spec
                .mounts
                .iter()
                .map(|mount| {
                    (mount.target.clone(), Rights { write: mount.writable, execute: mount.executable })
                })
                .collect(),
            limits: names
                .into_iter()
                .filter_map(|(_, number, value)| Some((limit_name(number)?, value)))
                .collect(),
            landlock: plan.rules.status.clone(),
            limited: group.limited().clone(),
        }
    }

    /// What the supervisor alone can judge in a report; `None` when it is another process's.
    pub(super) fn compare(&self, report: &Report) -> Option<Vec<ControlReport>> {
        if report.process != self.process {
            return None;
        }
        let wanted: Vec<u32> = (0..4 + self.descriptors).collect();
        let descriptors = if report.descriptors == wanted {
            Control::Enforced
        } else {
            Control::Absent { why: format!("open: {:?}, should be {wanted:?}", report.descriptors) }
        };
        Some(vec![ControlReport::new("descriptors", descriptors)])
    }

    /// Looks at the running process.
    pub(super) fn observe(&self, process: i32) -> Vec<ControlReport> {
        let status = Status::read(process);
        let mut findings = vec![
            ControlReport::new("identity", self.identity(&status)),
            ControlReport::new("landlock", self.landlock.clone()),
            ControlReport::new("rlimits", self.limits(process, |name| name != CORE)),
            ControlReport::new("core-dumps", self.core_dumps(process)),
            ControlReport::new("capabilities", status.capabilities()),
            ControlReport::new("no-new-privileges", status.is("NoNewPrivs", "1")),
            ControlReport::new("seccomp", status.is("Seccomp", "2")),
            ControlReport::new("memory-ceiling", self.memory()),
            ControlReport::new("pids-ceiling", self.pids()),
            ControlReport::new("cpu-ceiling", self.cpu()),
        ];
        findings.extend(self.namespaces(process));
        findings.extend(self.mounts(process));
        findings
    }

    fn identity(&self, status: &Status) -> Control {
        let id = self.outside_id.to_string();
        let ids = format!("{id}\t{id}\t{id}\t{id}");
        let groups = status.field("Groups").map_or(0, |groups| groups.split_whitespace().count());
        if status.field("Uid") != Some(ids.as_str()) || status.field("Gid") != Some(ids.as_str()) {
            Control::Absent { why: "it runs as another identity than its own".to_owned() }
        } else if self.privilege == Privilege::Rootless {
            Control::Degraded { missing: "an identity of its own: outside it is the operator's".to_owned() }
        } else if groups > 0 {
            Control::Degraded { missing: "the supervisor's supplementary groups remain".to_owned() }
        } else {
            Control::Enforced
        }
    }

    fn namespaces(&self, process: i32) -> Vec<ControlReport> {
        let link = |whose: &str, kind: &str| fs::read_link(format!("/proc/{whose}/ns/{kind}")).ok();
        NAMESPACES
            .iter()
            .map(|(control, kind)| {
                let status = match (link(&process.to_string(), kind), link("self", kind)) {
                    (Some(its), Some(ours)) if its != ours => Control::Enforced,
                    (Some(_), Some(_)) if *kind == "net" && self.network == Network::Host => {
                        Control::Absent { why: "it was given the supervisor's network".to_owned() }
                    }
                    (Some(_), Some(_)) => Control::Absent { why: "it shares the supervisor's".to_owned() },
                    _ => Control::Absent { why: "the kernel does not say".to_owned() },
                };
                ControlReport::new(control, status)
            })
            .collect()
    }

    /// The root and the declared mounts, and no other, each with the rights that were declared.
    fn mounts(&self, process: i32) -> [ControlReport; 2] {
        let text = fs::read_to_string(format!("/proc/{process}/mountinfo")).unwrap_or_default();
        let mut found: Vec<(String, &str)> = text.lines().filter_map(place_and_options).collect();
        found.sort_unstable();
        let has = |options: &str, wanted: &str| options.split(',').any(|option| option == wanted);
        let mut wanted: Vec<&str> = self.mounts.keys().map(String::as_str).chain(["/"]).collect();
        wanted.sort_unstable();
        let places: Vec<&str> = found.iter().map(|(place, _)| place.as_str()).collect();
        let private = if places == wanted {
            Control::Enforced
        } else {
            Control::Absent { why: format!("{} mounts are there, should be {}", places.len(), wanted.len()) }
        };
        let open = found.iter().find(|(place, options)| {
            let declared = self.mounts.get(place).copied().unwrap_or_default();
            !(declared.write || has(options, "ro"))
                || !(declared.execute || has(options, "noexec"))
                || !has(options, "nosuid")
                || !has(options, "nodev")
        });
        let read_only = match open {
            None if !found.is_empty() => Control::Enforced,
            None => Control::Absent { why: "the kernel does not say".to_owned() },
            Some((place, _)) => Control::Absent { why: format!("`{place}` is not restricted as declared") },
        };
        [ControlReport::new("private-root", private), ControlReport::new("read-only-root", read_only)]
    }

    /// Whether the limits chosen by name are in force, or tighter.
    fn limits(&self, process: i32, chosen: impl Fn(&str) -> bool) -> Control {
        let text = fs::read_to_string(format!("/proc/{process}/limits")).unwrap_or_default();
        for (name, wanted) in self.limits.iter().filter(|(name, _)| chosen(name)) {
            let hard = text
                .lines()
                .find_map(|line| line.strip_prefix(name)?.split_whitespace().nth(1)?.parse().ok());
            if hard.is_none_or(|hard: u64| hard > *wanted) {
                return Control::Absent { why: format!("`{name}` is above {wanted}") };
            }
        }
        Control::Enforced
    }

    fn core_dumps(&self, process: i32) -> Control {
        let filter = fs::read_to_string(format!("/proc/{process}/coredump_filter")).unwrap_or_default();
        if !self.limits.iter().any(|(name, _)| *name == CORE) {
            Control::Absent { why: "left out by a test".to_owned() }
        } else if u32::from_str_radix(filter.trim(), 16) != Ok(0) {
            Control::Degraded { missing: "an empty selection of memory to dump".to_owned() }
        } else {
            self.limits(process, |name| name == CORE)
        }
    }

    fn memory(&self) -> Control {
        fallen_back(&self.limited.memory, "only RLIMIT_DATA and RLIMIT_AS of each process hold")
    }

    fn pids(&self) -> Control {
        fallen_back(&self.limited.pids, "only RLIMIT_NPROC holds")
    }

    fn cpu(&self) -> Control {
        match &self.limited.cpu {
            Ok(()) => Control::Enforced,
            Err(why) => Control::Absent { why: why.clone() },
        }
    }
}

/// The file-system place and the options of one line of mountinfo.
fn place_and_options(line: &str) -> Option<(String, &str)> {
    let mut words = line.split(' ').skip(4);
    Some((unescaped(words.next()?), words.next()?))
}

/// A path as it is: the kernel writes spaces and the like as a backslash and three octal digits.
fn unescaped(path: &str) -> String {
    let mut parts = path.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(3).unwrap_or((part, ""));
        plain.extend(u8::from_str_radix(digits, 8).ok().map(char::from));
        plain.push_str(rest);
    }
    plain
}

fn fallen_back(ceiling: &Result<(), String>, instead: &str) -> Control {
    match ceiling {
        Ok(()) => Control::Enforced,
        Err(why) => Control::Degraded { missing: format!("{why}; {instead}") },
    }
}

/// The fields of `/proc/<pid>/status`.
struct Status(BTreeMap<String, String>);

impl Status {
    fn read(process: i32) -> Self {
        let path = format!("/proc/{process}/status");
        let text = fs::read_to_string(Path::new(&path)).unwrap_or_default();
        let pair =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Self(text.lines().filter_map(pair).collect())
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn is(&self, name: &str, wanted: &str) -> Control {
        match self.field(name) {
            Some(found) if found == wanted => Control::Enforced,
            found => {
                Control::Absent { why: format!("the kernel says {name} {}", found.unwrap_or("nothing")) }
            }
        }
    }

    fn capabilities(&self) -> Control {
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            let held = self.field(set).and_then(|text| u64::from_str_radix(text, 16).ok());
            if held != Some(0) {
                return Control::Absent { why: format!("{set} is not empty") };
            }
        }
        Control::Enforced
    }
}

/// How the kernel names a limit in `/proc/<pid>/limits`.
fn limit_name(number: u32) -> Option<&'static str> {
    match number {
        libc::RLIMIT_NOFILE => Some("Max open files"),
        libc::RLIMIT_NPROC => Some("Max processes"),
        libc::RLIMIT_FSIZE => Some("Max file size"),
        libc::RLIMIT_MEMLOCK => Some("Max locked memory"),
        libc::RLIMIT_DATA => Some("Max data size"),
        libc::RLIMIT_AS => Some("Max address space"),
        libc::RLIMIT_CORE => Some(CORE),
        _ => None,
    }
}

const CORE: &str = "Max core file size";

/// The namespaces, by control and by the kernel's name.
const NAMESPACES: &[(&str, &str)] = &[
    ("user-namespace", "user"),
    ("mount-namespace", "mnt"),
    ("pid-namespace", "pid"),
    ("network-namespace", "net"),
    ("ipc-namespace", "ipc"),
    ("uts-namespace", "uts"),
    ("cgroup-namespace", "cgroup"),
];
