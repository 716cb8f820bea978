//! The supervisor's side of a start.

use std::{
    fs, io,
    os::fd::{AsFd, BorrowedFd},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    cgroup::Group,
    fault::{JailError, preparing},
    identity::INSIDE_ID,
    jailed::Jailed,
    outside::Expected,
    plan::Plan,
    spec::JailSpec,
};
use crate::{
    descriptor::readable,
    sys::child::{self, FAILURE_BYTES, STEPS},
};

/// Starts `spec`'s program in a jail of its own. When this gives a [`Jailed`], the program runs.
///
/// The process dies with the *thread* that calls this: call it on one that lives as long as the
/// supervisor.
///
/// # Errors
/// [`JailError`]; nothing is left running.
pub fn spawn(spec: &JailSpec) -> Result<Jailed, JailError> {
    let group = Group::new(&spec.ceilings, |control| spec.lacks(control));
    let (child, plan) = {
        // Between making the pipes and closing the child's ends, a second start would copy them into
        // its own process: then neither process could see its supervisor die.
        let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut plan = Plan::new(spec, &group)?;
        let child = child::start(&plan.orders).map_err(preparing("make a process in new namespaces"))?;
        plan.held.clear();
        (child, plan)
    };
    let process = child.process;
    let expected = Expected::new(spec, &plan, &group);
    // From here on the process is ended and reaped by dropping this, whatever fails.
    let jailed = Jailed::new(child, plan.log, plan.report, group, expected);
    map_identity(process, spec).map_err(preparing("map the process's identity"))?;
    if !spec.lacks("core-dumps") {
        // A piped core pattern ignores the resource limit, but not an empty selection of memory.
        fs::write(format!("/proc/{process}/coredump_filter"), "0")
            .map_err(preparing("turn core dumps off"))?;
    }
    rustix::io::write(&plan.go, b"g").map_err(preparing("let the process go"))?;
    await_program(plan.failures.as_fd())?;
    Ok(jailed)
}

/// Maps the one id inside to the process's own outside. The host's root is never mapped.
fn map_identity(process: i32, spec: &JailSpec) -> io::Result<()> {
    let outside = spec.identity.id();
    let map = format!("{INSIDE_ID} {outside} 1");
    fs::write(format!("/proc/{process}/gid_map"), &map)?;
    fs::write(format!("/proc/{process}/uid_map"), &map)
}

/// Waits until the program is executed, which closes the pipe, or a step failed, which names it.
fn await_program(failures: BorrowedFd<'_>) -> Result<(), JailError> {
    let deadline = Instant::now() + START_WITHIN;
    if !readable(failures, deadline).map_err(preparing("wait for the process"))? {
        return Err(JailError::Deadline { step: "start" });
    }
    let mut failure = [0; FAILURE_BYTES];
    let length = rustix::io::read(failures, &mut failure).map_err(preparing("wait for the process"))?;
    if length == 0 {
        return Ok(());
    }
    let [s0, s1, s2, s3, e0, e1, e2, e3] = failure;
    let step = usize::try_from(u32::from_ne_bytes([s0, s1, s2, s3])).unwrap_or(usize::MAX);
    Err(JailError::Child {
        step: STEPS.get(step).copied().unwrap_or("start"),
        source: io::Error::from_raw_os_error(i32::from_ne_bytes([e0, e1, e2, e3])),
    })
}

static STARTING: Mutex<()> = Mutex::new(());

/// How long a process may take from its birth to its program, on a machine that is very busy.
const START_WITHIN: Duration = Duration::from_secs(20);
