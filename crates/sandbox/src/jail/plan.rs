//! From a specification to the orders that the new process carries out.

use std::{
    ffi::CString,
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use rustix::{io::fcntl_dupfd_cloexec, pipe::PipeFlags, process::Resource};

use super::{
    cgroup::{Entry, Group, Limited},
    fault::{JailError, preparing},
    identity::INSIDE_ID,
    landlock::{self, Rules},
    root::Root,
    spec::{JailSpec, Network},
};
use crate::{
    control::Control,
    filter,
    rootless::Privilege,
    sys::child::{Orders, PREPARED_MIN},
};

/// Everything that a start needs, open and prepared. Dropping it closes the parent's copies.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) rules: Rules,
    /// The supervisor's ends.
    pub(super) log: OwnedFd,
    pub(super) report: OwnedFd,
    pub(super) failures: OwnedFd,
    pub(super) go: OwnedFd,
    pub(super) orders: Orders,
    /// What the orders name by number: it must stay open until the process is made.
    pub(super) held: Vec<OwnedFd>,
}

impl Plan {
    /// Prepares the start of `spec`.
    pub(super) fn new(spec: &JailSpec, group: &Group) -> Result<Self, JailError> {
        check(spec)?;
        let root = Root::build(spec)?;
        let rules = if spec.lacks("landlock") {
            let status = Control::Absent { why: "left out by a test".to_owned() };
            Rules { descriptor: None, status, logged: false }
        } else {
            landlock::build(&root)?
        };
        let mut held = Vec::new();
        let (log, log_end) = pipe()?;
        let (report, report_end) = pipe()?;
        let (failures, failures_end) = pipe()?;
        let (go_end, go) = pipe()?;
        let null =
            rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC, NO_MODE)
                .map_err(preparing("open the null device"))?;
        let mut placed = Vec::with_capacity(spec.descriptors.len() + 4);
        for one in [&null, &log_end, &log_end, &report_end].into_iter().chain(&spec.descriptors) {
            placed.push(raise(one, &mut held)?);
        }
        if spec.lacks("descriptors") {
            placed.push(raise(&null, &mut held)?);
        }
        let landlock = match &rules.descriptor {
            Some(descriptor) => Some((raise(descriptor, &mut held)?, landlock_flags(&rules))),
            None => None,
        };
        let orders = Orders {
            namespaces: namespaces(spec),
            born_into: births(group).next(),
            groups: tasks(group).collect(),
            go: go_end.as_raw_fd(),
            go_parent: go.as_raw_fd(),
            failures: raise(&failures_end, &mut held)?,
            id: INSIDE_ID,
            forbid_nested: !spec.lacks("user-namespace"),
            drop_groups: spec.identity.privilege() == Privilege::Root,
            root: (!spec.lacks("private-root")).then(|| attachments(&root)),
            host_name: (!spec.lacks("uts-namespace")).then(|| name(spec)).transpose()?,
            limits: if spec.lacks("rlimits") { Vec::new() } else { limits(spec, group.limited()) },
            drop_capabilities: !spec.lacks("capabilities"),
            no_new_privileges: !spec.lacks("no-new-privileges"),
            deny_executable_gain: !spec.lacks("write-xor-execute"),
            die_with_parent: !spec.lacks("parent-death"),
            landlock,
            placed,
            close_others: !spec.lacks("descriptors"),
            program: raise(&spec.engine.descriptor(), &mut held)?,
            name: name(spec)?,
            environment: spec.lacks("environment").then(|| CString::from(c"SECRET=left-by-a-test")),
            filter: (!spec.lacks("seccomp")).then(|| filter::assemble(spec.profile)),
        };
        held.push(go_end);
        // The mounts stay detached until the process attaches them.
        held.push(root.base);
        held.extend(root.attachments.into_iter().map(|one| one.tree));
        Ok(Self { rules, log, report, failures, go, orders, held })
    }
}

/// Groups that the process is born into: version 2 has one for all controllers.
fn births(group: &Group) -> impl Iterator<Item = i32> {
    group
        .entries()
        .iter()
        .filter(|entry| matches!(entry, Entry::Birth(_)))
        .map(|entry| entry.as_fd().as_raw_fd())
}

/// Groups that the process enters first of all: version 1.
fn tasks(group: &Group) -> impl Iterator<Item = i32> {
    group
        .entries()
        .iter()
        .filter(|entry| matches!(entry, Entry::Tasks(_)))
        .map(|entry| entry.as_fd().as_raw_fd())
}

/// Refuses names and counts that a jail can't take.
fn check(spec: &JailSpec) -> Result<(), JailError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if spec.process.is_empty() || spec.process.len() > NAME_BYTES_MAX || !spec.process.bytes().all(plain) {
        return Err(JailError::Name { name: spec.process.chars().take(NAME_BYTES_MAX).collect() });
    }
    if spec.descriptors.len() > DESCRIPTORS_MAX {
        return Err(JailError::TooManyDescriptors { found: spec.descriptors.len() });
    }
    Ok(())
}

fn name(spec: &JailSpec) -> Result<CString, JailError> {
    CString::new(spec.process.as_str()).map_err(|_| JailError::Name { name: spec.process.clone() })
}

/// Both ends of a pipe: reading, writing.
fn pipe() -> Result<(OwnedFd, OwnedFd), JailError> {
    rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(preparing("make a pipe"))
}

/// A copy that placing the others can't overwrite.
fn raise(descriptor: &impl AsFd, held: &mut Vec<OwnedFd>) -> Result<i32, JailError> {
    let copy = fcntl_dupfd_cloexec(descriptor, PREPARED_MIN).map_err(preparing("copy a descriptor"))?;
    let number = copy.as_raw_fd();
    held.push(copy);
    Ok(number)
}

fn landlock_flags(rules: &Rules) -> u32 {
    // LANDLOCK_RESTRICT_SELF_LOG_NEW_EXEC_ON: the program's denials are what an operator wants to see.
    if rules.logged { 2 } else { 0 }
}

fn attachments(root: &Root) -> (i32, Vec<(i32, CString)>) {
    let list = root.attachments.iter().map(|one| (one.tree.as_raw_fd(), one.target.clone())).collect();
    (root.base.as_raw_fd(), list)
}

fn namespaces(spec: &JailSpec) -> u64 {
    let always = libc::CLONE_NEWUSER | libc::CLONE_NEWNS;
    let chosen = [
        ("pid-namespace", libc::CLONE_NEWPID),
        ("ipc-namespace", libc::CLONE_NEWIPC),
        ("uts-namespace", libc::CLONE_NEWUTS),
        ("cgroup-namespace", libc::CLONE_NEWCGROUP),
        ("network-namespace", if spec.network == Network::None { libc::CLONE_NEWNET } else { 0 }),
    ];
    let flags = chosen
        .into_iter()
        .filter(|(control, _)| !spec.lacks(control))
        .fold(always, |flags, (_, one)| flags | one);
    u64::from(flags.cast_unsigned())
}

/// Resource limits, both values alike. The supervisor's own hard limits are never exceeded: raising
/// one needs a right that even root may lack.
fn limits(spec: &JailSpec, limited: &Limited) -> Vec<(u32, u64)> {
    wanted(spec, limited)
        .into_iter()
        .map(|(resource, number, value)| {
            let hard = rustix::process::getrlimit(resource).maximum;
            (number, hard.map_or(value, |hard| hard.min(value)))
        })
        .collect()
}

/// The limits that a jail is meant to have: the resource, its number, its value.
pub(super) fn wanted(spec: &JailSpec, limited: &Limited) -> Vec<(Resource, u32, u64)> {
    let ceilings = &spec.ceilings;
    // Memory that the process can write. Without a control group this is the ceiling; with one it stands
    // behind it, so that the kernel ends the process there and says why.
    let writable = ceilings.memory_bytes_max.saturating_mul(if limited.memory.is_ok() { 2 } else { 1 });
    let mut list = vec![
        (Resource::Nofile, libc::RLIMIT_NOFILE, u64::from(ceilings.files_max).max(FILES_MIN)),
        (Resource::Nproc, libc::RLIMIT_NPROC, u64::from(ceilings.pids_max)),
        (Resource::Fsize, libc::RLIMIT_FSIZE, ceilings.file_bytes_max),
        (Resource::Memlock, libc::RLIMIT_MEMLOCK, 0),
        (Resource::Data, libc::RLIMIT_DATA, writable),
        // Reservations and mapped files count here too, so it is a far bound on what a process can map.
        (
            Resource::As,
            libc::RLIMIT_AS,
            ceilings.memory_bytes_max.saturating_mul(2).saturating_add(ADDRESSES_EXTRA),
        ),
    ];
    if !spec.lacks("core-dumps") {
        list.push((Resource::Core, libc::RLIMIT_CORE, 0));
    }
    list
}

/// Longest process name; it is also the host name inside.
const NAME_BYTES_MAX: usize = 32;

/// Most descriptors that a jail is handed.
const DESCRIPTORS_MAX: usize = 32;

/// The program is executed from a number below this.
const FILES_MIN: u64 = 64;

/// Address space beyond twice the memory ceiling: thread stacks, allocator reservations, mapped weights.
const ADDRESSES_EXTRA: u64 = 64 << 30;

const NO_MODE: rustix::fs::Mode = rustix::fs::Mode::empty();
