//! Reaching other processes, or becoming another one.

use crate::{
    attack::{Attack, Outcome, all, judge, reach},
    payload,
    raw::{call, number, text},
};

const FILTER: &[&str] = &["seccomp"];
const RIGHTS: &[&str] = &["seccomp", "capabilities"];

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("fork", fork).guarded(FILTER).refused(&["fork", "clone"]),
    Attack::new("run_a_program", exec)
        .guarded(&["seccomp", "read-only-root", "landlock"])
        .refused(&["execve"])
        .deadly(),
    Attack::new("run_from_memory", exec_from_memory)
        .guarded(&["seccomp", "rlimits"])
        .refused(&["memfd_create"])
        .deadly(),
    Attack::new("run_itself_again", exec_itself).guarded(FILTER).refused(&["execveat"]).deadly(),
    Attack::new("signal_another_process", signal)
        .guarded(&["pid-namespace", "seccomp", "landlock"])
        .refused(&["kill"]),
    Attack::new("trace_another_process", trace).guarded(FILTER).refused(&["ptrace"]),
    Attack::new("read_another_process_memory", read_memory).guarded(FILTER).refused(&["process_vm_readv"]),
    Attack::new("take_another_process_descriptor", take_descriptor).guarded(FILTER).refused(&["pidfd_open"]),
    Attack::new("become_another_user", become_another).guarded(RIGHTS).refused(&["setuid", "setgroups"]),
    Attack::new("enter_a_user_namespace", user_namespace)
        .guarded(&["seccomp", "user-namespace"])
        .refused(&["unshare"]),
    Attack::new("enter_other_namespaces", other_namespaces).guarded(RIGHTS).refused(&["unshare"]),
    Attack::new("leave_the_root", leave_root).guarded(RIGHTS).refused(&["chroot", "setns"]),
    Attack::new("mount_something", mount).guarded(RIGHTS).refused(&["mount", "fsopen"]),
    Attack::new("raise_its_limits", raise_limits).guarded(&["seccomp", "rlimits"]).refused(&["prlimit64"]),
    Attack::new("allow_its_memory_to_be_dumped", allow_dumps).guarded(FILTER).refused(&["prctl"]),
];

fn fork(_: &str) -> Outcome {
    // vfork is left out: a child that the attack wins would share this stack.
    let forked = call(libc::SYS_fork, [0; 6]);
    if forked == Ok(0) {
        // The child of an attack that got through has nothing to do.
        std::process::exit(0);
    }
    let cloned = call(libc::SYS_clone, [number(libc::SIGCHLD), 0, 0, 0, 0, 0]);
    if cloned == Ok(0) {
        std::process::exit(0);
    }
    all([judge(forked, "forked"), judge(cloned, "cloned")])
}

/// A program that the test put into the package. Where it is not there, asking is enough to be killed.
fn exec(_: &str) -> Outcome {
    let path = text(c"/package/program");
    let arguments = [path, 0];
    judge(call(libc::SYS_execve, [path, arguments.as_ptr() as usize, 0, 0, 0, 0]), "executed")
}

fn exec_from_memory(_: &str) -> Outcome {
    let program = payload::program("run_from_memory");
    let name = text(c"payload");
    let executed = call(libc::SYS_memfd_create, [name, 0, 0, 0, 0, 0]).and_then(|memory| {
        call(libc::SYS_write, [memory, program.as_ptr() as usize, program.len(), 0, 0, 0])?;
        exec_descriptor(memory)
    });
    judge(executed, "executed")
}

/// The program stood at descriptor 63 when it was executed: it must be gone by now. If it is not, it
/// would start anew, without its probe.
fn exec_itself(_: &str) -> Outcome {
    reach(exec_descriptor(63), "execution")
}

fn exec_descriptor(descriptor: usize) -> Result<usize, i32> {
    let arguments = [text(c"payload"), 0];
    let flags = number(libc::AT_EMPTY_PATH);
    call(libc::SYS_execveat, [descriptor, text(c""), arguments.as_ptr() as usize, 0, flags, 0])
}

/// Signal 0 reaches nobody; whether it may be sent is the question. The target is a process of the same
/// user, as the host counts.
fn signal(target: &str) -> Outcome {
    let target = target.parse().unwrap_or(2);
    all([target, 2, 3, 4].map(|pid| judge(call(libc::SYS_kill, [pid, 0, 0, 0, 0, 0]), "signalled")))
}

/// First its own first process, then its parent is asked to trace it: neither harms.
fn trace(_: &str) -> Outcome {
    const TRACE_ME: usize = 0;
    const SEIZE: usize = 0x4206;
    let seized = call(libc::SYS_ptrace, [SEIZE, 1, 0, 0, 0, 0]);
    all([judge(seized, "seized"), judge(call(libc::SYS_ptrace, [TRACE_ME, 0, 0, 0, 0, 0]), "traced")])
}

/// Of the processes that it can name, itself among them: a filter can't tell whose memory it is.
fn read_memory(_: &str) -> Outcome {
    let source = [7_u8; 8];
    let mut buffer = [0_u8; 8];
    let local = [buffer.as_mut_ptr() as usize, buffer.len()];
    let remote = [source.as_ptr() as usize, source.len()];
    all([1_usize, 2, 3].map(|pid| {
        let arguments = [pid, local.as_ptr() as usize, 1, remote.as_ptr() as usize, 1, 0];
        judge(call(libc::SYS_process_vm_readv, arguments), "memory read")
    }))
}

fn take_descriptor(_: &str) -> Outcome {
    let opened = call(libc::SYS_pidfd_open, [1, 0, 0, 0, 0, 0]);
    let taken = opened.and_then(|process| call(libc::SYS_pidfd_getfd, [process, 4, 0, 0, 0, 0]));
    all([judge(taken, "descriptor taken"), judge(opened, "process opened")])
}

fn become_another(_: &str) -> Outcome {
    let calls = [libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setresuid, libc::SYS_setgroups];
    all(calls.map(|number| judge(call(number, [0; 6]), "identity changed")))
}

fn user_namespace(_: &str) -> Outcome {
    let unshared = call(libc::SYS_unshare, [number(libc::CLONE_NEWUSER), 0, 0, 0, 0, 0]);
    // struct clone_args: flags first, exit_signal fifth.
    let flags = u64::from(libc::CLONE_NEWUSER.cast_unsigned());
    let signal = u64::from(libc::SIGCHLD.cast_unsigned());
    let arguments: [u64; 11] = [flags, 0, 0, 0, signal, 0, 0, 0, 0, 0, 0];
    let address = arguments.as_ptr() as usize;
    let cloned = call(libc::SYS_clone3, [address, size_of_val(&arguments), 0, 0, 0, 0]);
    if cloned == Ok(0) {
        std::process::exit(0);
    }
    all([judge(unshared, "unshared"), judge(cloned, "cloned")])
}

fn other_namespaces(_: &str) -> Outcome {
    let kinds = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWCGROUP,
    ];
    all(kinds.map(|kind| judge(call(libc::SYS_unshare, [number(kind), 0, 0, 0, 0, 0]), "unshared")))
}

fn leave_root(_: &str) -> Outcome {
    let root = text(c"/package");
    all([
        judge(call(libc::SYS_chroot, [root, 0, 0, 0, 0, 0]), "chroot"),
        judge(call(libc::SYS_pivot_root, [root, root, 0, 0, 0, 0]), "pivot_root"),
        judge(call(libc::SYS_setns, [3, 0, 0, 0, 0, 0]), "setns"),
        judge(call(libc::SYS_open_by_handle_at, [3, root, 0, 0, 0, 0]), "open_by_handle_at"),
    ])
}

fn mount(_: &str) -> Outcome {
    let (kind, target) = (text(c"tmpfs"), text(c"/package"));
    let remount = usize::try_from(libc::MS_REMOUNT | libc::MS_BIND).unwrap_or(0);
    let here = number(libc::AT_FDCWD);
    all([
        judge(call(libc::SYS_mount, [kind, target, kind, 0, 0, 0]), "mounted"),
        judge(call(libc::SYS_mount, [0, target, 0, remount, 0, 0]), "remounted"),
        judge(call(libc::SYS_umount2, [target, number(libc::MNT_DETACH), 0, 0, 0, 0]), "unmounted"),
        judge(call(libc::SYS_fsopen, [kind, 0, 0, 0, 0, 0]), "fsopen"),
        judge(call(libc::SYS_open_tree, [here, target, 1, 0, 0, 0]), "open_tree"),
    ])
}

fn raise_limits(_: &str) -> Outcome {
    let wanted: [u64; 2] = [1 << 30, 1 << 30];
    let limits = [libc::RLIMIT_NOFILE, libc::RLIMIT_FSIZE, libc::RLIMIT_CORE, libc::RLIMIT_DATA];
    all(limits.map(|limit| {
        let arguments = [0, limit as usize, wanted.as_ptr() as usize, 0, 0, 0];
        judge(call(libc::SYS_prlimit64, arguments), "limit raised")
    }))
}

fn allow_dumps(_: &str) -> Outcome {
    judge(call(libc::SYS_prctl, [number(libc::PR_SET_DUMPABLE), 1, 0, 0, 0, 0]), "dumpable again")
}
