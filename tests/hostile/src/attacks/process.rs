//! Reaching other processes, or becoming another one.

use crate::attack::{Attack, Outcome, all, judge};
use crate::raw::call;

pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "fork", guards: &["seccomp"], deadly: false, run: fork },
    Attack { name: "run_a_program", guards: &["seccomp", "after-start"], deadly: true, run: exec },
    Attack { name: "run_from_memory", guards: &["seccomp", "after-start"], deadly: true, run: exec_from_memory },
    Attack { name: "signal_other_processes", guards: &["pid-namespace", "seccomp"], deadly: false, run: signal },
    Attack { name: "trace_another_process", guards: &["seccomp"], deadly: false, run: trace },
    Attack { name: "read_another_process_memory", guards: &["seccomp", "pid-namespace"], deadly: false, run: read_memory },
    Attack { name: "take_another_process_descriptor", guards: &["seccomp"], deadly: false, run: take_descriptor },
    Attack { name: "become_root", guards: &["seccomp", "user-namespace", "capabilities"], deadly: false, run: become_root },
    Attack { name: "enter_new_namespaces", guards: &["seccomp"], deadly: false, run: new_namespaces },
    Attack { name: "leave_the_root", guards: &["seccomp", "capabilities"], deadly: false, run: leave_root },
    Attack { name: "mount_something", guards: &["seccomp", "capabilities"], deadly: false, run: mount },
    Attack { name: "raise_its_limits", guards: &["seccomp", "capabilities"], deadly: false, run: raise_limits },
    Attack { name: "allow_core_dumps", guards: &["seccomp"], deadly: false, run: allow_core_dumps },
];

fn fork(_: &str) -> Outcome {
    // vfork is left out: a child that the attack wins would share this stack.
    let forked = call(libc::SYS_fork, [0; 6]);
    let cloned = if forked.is_ok() { Ok(0) } else { call(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0]) };
    if forked == Ok(0) || cloned == Ok(0) && forked.is_err() {
        // The child of an attack that got through has nothing to do.
        std::process::exit(0);
    }
    all([judge(forked, "forked"), judge(cloned, "cloned")])
}

fn exec(_: &str) -> Outcome {
    let path = c"/package/manifest.json".as_ptr() as usize;
    let arguments = [path, 0];
    judge(call(libc::SYS_execve, [path, arguments.as_ptr() as usize, 0, 0, 0, 0]), "executed")
}

fn exec_from_memory(_: &str) -> Outcome {
    let Ok(memory) = call(libc::SYS_memfd_create, [c"payload".as_ptr() as usize, 0, 0, 0, 0, 0]) else {
        return Outcome::Denied("no anonymous file".to_owned());
    };
    let script = b"#!/bin/sh\n";
    let written = call(libc::SYS_write, [memory, script.as_ptr() as usize, script.len(), 0, 0, 0]);
    let arguments = [c"payload".as_ptr() as usize, 0];
    let empty = c"".as_ptr() as usize;
    let executed = call(libc::SYS_execveat, [memory, empty, arguments.as_ptr() as usize, 0, libc::AT_EMPTY_PATH as usize, 0]);
    match (written, executed) {
        (Ok(_), Ok(_)) => Outcome::Succeeded("executed".to_owned()),
        (_, Err(error)) => Outcome::Denied(format!("errno {error}")),
        (Err(error), _) => Outcome::Denied(format!("errno {error}")),
    }
}

/// Signal 0 reaches nobody; whether it may be sent is the question.
fn signal(_: &str) -> Outcome {
    let own = std::process::id() as usize;
    let others = [2_usize, 3, 4, 5, 10, 100, 1000].into_iter().filter(|pid| *pid != own);
    all(others.chain([usize::MAX]).map(|pid| judge(call(libc::SYS_kill, [pid, 0, 0, 0, 0, 0]), "signalled")))
}

fn trace(_: &str) -> Outcome {
    const TRACEME: usize = 0;
    const SEIZE: usize = 0x4206;
    all([judge(call(libc::SYS_ptrace, [SEIZE, 1, 0, 0, 0, 0]), "seized"), judge(call(libc::SYS_ptrace, [TRACEME, 0, 0, 0, 0, 0]), "traced")])
}

fn read_memory(_: &str) -> Outcome {
    let mut buffer = [0_u8; 8];
    let local = [buffer.as_mut_ptr() as usize, buffer.len()];
    let remote = [0x40_0000_usize, buffer.len()];
    all([1_usize, 2, 3].map(|pid| {
        let read = call(libc::SYS_process_vm_readv, [pid, local.as_ptr() as usize, 1, remote.as_ptr() as usize, 1, 0]);
        judge(read, "memory read")
    }))
}

fn take_descriptor(_: &str) -> Outcome {
    let taken = call(libc::SYS_pidfd_open, [1, 0, 0, 0, 0, 0]).and_then(|process| call(libc::SYS_pidfd_getfd, [process, 3, 0, 0, 0, 0]));
    let opened = call(libc::SYS_pidfd_open, [1, 0, 0, 0, 0, 0]);
    all([judge(taken, "descriptor taken"), judge(opened, "process opened")])
}

fn become_root(_: &str) -> Outcome {
    let calls = [
        call(libc::SYS_setuid, [0; 6]),
        call(libc::SYS_setgid, [0; 6]),
        call(libc::SYS_setresuid, [0; 6]),
        call(libc::SYS_setgroups, [0; 6]),
        call(libc::SYS_setfsuid, [0; 6]).and(Err(0)),
    ];
    all(calls.map(|result| judge(result, "identity changed")))
}

fn new_namespaces(_: &str) -> Outcome {
    let kinds = [libc::CLONE_NEWUSER, libc::CLONE_NEWNS, libc::CLONE_NEWNET, libc::CLONE_NEWPID, libc::CLONE_NEWIPC, libc::CLONE_NEWCGROUP];
    let unshared = kinds.map(|kind| judge(call(libc::SYS_unshare, [kind as usize, 0, 0, 0, 0, 0]), "unshared"));
    // struct clone_args: flags first, exit_signal fifth.
    let arguments: [u64; 11] = [libc::CLONE_NEWUSER as u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0, 0, 0, 0];
    let cloned = call(libc::SYS_clone3, [arguments.as_ptr() as usize, size_of_val(&arguments), 0, 0, 0, 0]);
    if cloned == Ok(0) {
        std::process::exit(0);
    }
    all(unshared.into_iter().chain([judge(cloned, "cloned")]))
}

fn leave_root(_: &str) -> Outcome {
    let root = c"/package".as_ptr() as usize;
    all([
        judge(call(libc::SYS_chroot, [root, 0, 0, 0, 0, 0]), "chroot"),
        judge(call(libc::SYS_pivot_root, [root, root, 0, 0, 0, 0]), "pivot_root"),
        judge(call(libc::SYS_setns, [3, 0, 0, 0, 0, 0]), "setns"),
        judge(call(libc::SYS_open_by_handle_at, [3, root, 0, 0, 0, 0]), "open_by_handle_at"),
    ])
}

fn mount(_: &str) -> Outcome {
    let (kind, target) = (c"tmpfs".as_ptr() as usize, c"/package".as_ptr() as usize);
    all([
        judge(call(libc::SYS_mount, [kind, target, kind, 0, 0, 0]), "mounted"),
        judge(call(libc::SYS_mount, [0, target, 0, (libc::MS_REMOUNT | libc::MS_BIND) as usize, 0, 0]), "remounted"),
        judge(call(libc::SYS_umount2, [target, libc::MNT_DETACH as usize, 0, 0, 0, 0]), "unmounted"),
        judge(call(libc::SYS_fsopen, [kind, 0, 0, 0, 0, 0]), "fsopen"),
        judge(call(libc::SYS_open_tree, [0, target, 1, 0, 0, 0]), "open_tree"),
        judge(call(libc::SYS_mount_setattr, [0, target, 0, target, 32, 0]), "mount_setattr"),
    ])
}

fn raise_limits(_: &str) -> Outcome {
    let wanted: [u64; 2] = [1 << 30, 1 << 30];
    all([libc::RLIMIT_NOFILE, libc::RLIMIT_FSIZE, libc::RLIMIT_CORE].map(|limit| {
        judge(call(libc::SYS_prlimit64, [0, limit as usize, wanted.as_ptr() as usize, 0, 0, 0]), "limit raised")
    }))
}

fn allow_core_dumps(_: &str) -> Outcome {
    judge(call(libc::SYS_prctl, [libc::PR_SET_DUMPABLE as usize, 1, 0, 0, 0, 0]), "dumpable again")
}
