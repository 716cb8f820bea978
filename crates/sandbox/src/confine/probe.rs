//! Every control, tried from inside. An attempt that succeeds is a control that is absent.

use std::{ffi::CStr, io};

use crate::{
    control::{Control, ControlReport},
    sys::{attempt, process},
};

/// Tries everything that can be tried from inside.
pub(super) fn all(name: &str) -> Vec<ControlReport> {
    [
        ("identity", identity()),
        ("user-namespace", user_namespace()),
        ("mount-namespace", refused("a mount", &attempt::mount())),
        ("pid-namespace", pid_namespace()),
        ("network-namespace", network()),
        ("uts-namespace", host_name(name)),
        ("private-root", private_root()),
        ("read-only-root", refused("creating a file", &attempt::create(c"/probe"))),
        ("capabilities", capabilities()),
        ("no-new-privileges", says(&process::has_no_new_privileges(), "it may gain rights by executing")),
        ("seccomp", seccomp()),
        ("landlock", refused("listing the root", &attempt::open(c"/"))),
        ("core-dumps", says(&process::dumpable().map(|dumpable| !dumpable), "its memory can be dumped")),
        ("environment", environment()),
        ("parent-death", parent_death()),
        ("write-xor-execute", write_xor_execute()),
    ]
    .into_iter()
    .map(|(control, status)| ControlReport::new(control, status))
    .collect()
}

/// Which descriptors are open, among those that the process may have.
pub(super) fn descriptors() -> Vec<u32> {
    let count =
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(DESCRIPTORS_MAX);
    let count = u32::try_from(count.min(DESCRIPTORS_MAX)).unwrap_or(0);
    attempt::open_descriptors(count).unwrap_or_default()
}

/// Whether the process is in a jail at all: what every process outside one lacks.
pub(super) fn inside(controls: &[ControlReport]) -> bool {
    let absent = |name: &str| {
        controls
            .iter()
            .any(|control| control.name == name && matches!(control.status, Control::Absent { .. }))
    };
    !["seccomp", "private-root", "no-new-privileges"].into_iter().any(absent)
}

fn identity() -> Control {
    let user = rustix::process::getuid().as_raw();
    let effective = rustix::process::geteuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    Control::held(user != 0 && user == effective && group != 0, || format!("it is user {effective} inside"))
}

fn user_namespace() -> Control {
    if cfg!(feature = "ablation") && matches!(process::is_filtered(), Ok(false)) {
        // A test took the filter away: the attempt might succeed, and its attack begin elsewhere.
        return Control::Enforced;
    }
    refused("a new user namespace", &attempt::unshare())
}

fn pid_namespace() -> Control {
    let own = rustix::process::getpid();
    Control::held(own.is_init(), || "other processes can be seen".to_owned())
}

fn network() -> Control {
    let families = [
        ("an IPv4 socket", libc::AF_INET, libc::SOCK_STREAM),
        ("a VM socket", libc::AF_VSOCK, libc::SOCK_STREAM),
        ("a netlink socket", libc::AF_NETLINK, libc::SOCK_RAW),
    ];
    families
        .into_iter()
        .map(|(what, family, kind)| refused(what, &attempt::socket(family, kind)))
        .fold(Control::Enforced, Control::worst)
}

fn host_name(name: &str) -> Control {
    let system = rustix::system::uname();
    let found = system.nodename().to_string_lossy();
    Control::held(found == name, || "it sees the host's name".to_owned())
}

/// The host's files are not there, and the way up from the root leads nowhere.
fn private_root() -> Control {
    let there = HOST_FILES.iter().find(|path| exists(path));
    let same = match (rustix::fs::stat("/"), rustix::fs::stat("/..")) {
        (Ok(root), Ok(above)) => root.st_ino == above.st_ino && root.st_dev == above.st_dev,
        // A filter that refuses to look leaves nothing to find.
        _ => true,
    };
    match there {
        Some(path) => Control::Absent { why: format!("{} is there", path.to_string_lossy()) },
        None => Control::held(same, || "the root has something above it".to_owned()),
    }
}

/// Whether a path leads somewhere: only the kernel's "no such file", or its refusal to look, says no.
fn exists(path: &CStr) -> bool {
    match rustix::fs::stat(path) {
        Ok(_) => true,
        // Landlock lets a path be looked up, and the filter refuses with EPERM.
        Err(error) => error == rustix::io::Errno::ACCESS,
    }
}

fn capabilities() -> Control {
    match rustix::thread::capabilities(None) {
        Ok(held) => Control::held(
            held.effective.is_empty() && held.permitted.is_empty() && held.inheritable.is_empty(),
            || "it holds capabilities".to_owned(),
        ),
        // The filter refuses to say; the supervisor sees them from outside.
        Err(_) => Control::Enforced,
    }
}

fn seccomp() -> Control {
    let filtered = says(&process::is_filtered(), "system calls are not filtered");
    let refusals = [
        ("starting a process", attempt::fork()),
        ("tracing", by_filter(attempt::trace())),
        ("a socket", attempt::socket(libc::AF_INET, libc::SOCK_DGRAM)),
    ];
    refusals.into_iter().map(|(what, outcome)| refused(what, &outcome)).fold(filtered, Control::worst)
}

/// Without a filter the kernel finds no such process: then the attempt counts as a success.
fn by_filter(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        other => other,
    }
}

fn environment() -> Control {
    let count = std::env::vars_os().take(ENVIRONMENT_COUNTED).count();
    Control::held(count == 0, || format!("{count} variables are set"))
}

fn parent_death() -> Control {
    let signal = process::parent_death_signal().unwrap_or(0);
    Control::held(signal == libc::SIGKILL, || "it would outlive its supervisor".to_owned())
}

fn write_xor_execute() -> Control {
    let attempts = [
        refused("memory that is writable and executable", &attempt::map_writable_executable()),
        refused("making writable memory executable", &attempt::turn_executable()),
    ];
    let tried = attempts.into_iter().fold(Control::Enforced, Control::worst);
    let by_kernel = match process::denies_executable_gain() {
        Ok(true) => Control::Enforced,
        _ => Control::Degraded {
            missing: "the kernel's own rule (Linux 6.3): only the filter holds".to_owned(),
        },
    };
    tried.worst(by_kernel)
}

fn says(answer: &io::Result<bool>, why: &str) -> Control {
    match answer {
        Ok(true) => Control::Enforced,
        Ok(false) => Control::Absent { why: why.to_owned() },
        Err(_) => Control::Absent { why: "the kernel does not say".to_owned() },
    }
}

fn refused(what: &str, outcome: &io::Result<()>) -> Control {
    Control::held(outcome.is_err(), || format!("{what} was possible"))
}

/// Files of a host that no jail has.
const HOST_FILES: &[&CStr] =
    &[c"/proc/self", c"/sys/kernel", c"/etc/passwd", c"/dev/null", c"/usr/bin", c"/home"];

/// Highest descriptor number that is looked at.
const DESCRIPTORS_MAX: u64 = 4096;

/// Variables counted; more don't matter.
const ENVIRONMENT_COUNTED: usize = 1000;
