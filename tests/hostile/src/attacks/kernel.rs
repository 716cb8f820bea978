//! Reaching parts of the kernel that an engine never needs.

use crate::{
    attack::{Attack, Outcome, all, judge, reach},
    raw::{call, getpid_by_int80, number, text},
};

const FILTER: &[&str] = &["seccomp"];

pub(crate) const ATTACKS: &[Attack] = &[
    Attack::new("load_a_bpf_program", bpf).guarded(FILTER).refused(&["bpf"]),
    Attack::new("set_up_io_uring", io_uring).guarded(FILTER).refused(&["io_uring_setup"]),
    Attack::new("use_the_keyring", keyring).guarded(FILTER).refused(&["add_key"]),
    Attack::new("handle_page_faults", page_faults).guarded(FILTER).refused(&["userfaultfd"]),
    Attack::new("count_performance_events", perf).guarded(FILTER).refused(&["perf_event_open"]),
    Attack::new("watch_the_file_system", watch).guarded(FILTER).refused(&["inotify_init1"]),
    Attack::new("use_the_32_bit_entry", int80).guarded(FILTER).refused(&["i386:20"]).deadly(),
    Attack::new("use_x32_calls", x32).guarded(FILTER).refused(&["x32:39"]).deadly(),
    Attack::new("push_input_into_a_terminal", terminal).guarded(FILTER).refused(&["ioctl"]),
    Attack::new("change_how_it_executes", personality).guarded(FILTER).refused(&["personality"]),
    Attack::new("map_memory_writable_and_executable", executable)
        .guarded(&["seccomp", "write-xor-execute"])
        .refused(&["mmap"]),
    Attack::new("find_shared_memory_by_key", shared_memory)
        .guarded(&["seccomp", "ipc-namespace"])
        .refused(&["shmget"]),
    Attack::new("change_the_host", change_host).guarded(&["seccomp", "capabilities"]).refused(&["reboot"]),
    Attack::new("read_the_kernel_log", kernel_log).refused(&["syslog"]),
    Attack::new("load_a_kernel_module", module).refused(&["init_module"]),
    Attack::new("load_another_kernel", kexec).refused(&["kexec_load"]),
];

fn bpf(_: &str) -> Outcome {
    const GET_OBJECT: usize = 7;
    let attributes = [0_u64; 16];
    let size = size_of_val(&attributes);
    all([0, 5, GET_OBJECT].map(|command| {
        let arguments = [command, attributes.as_ptr() as usize, size, 0, 0, 0];
        reach(call(libc::SYS_bpf, arguments), "bpf")
    }))
}

fn io_uring(_: &str) -> Outcome {
    let mut parameters = [0_u32; 30];
    let address = parameters.as_mut_ptr() as usize;
    all([
        reach(call(libc::SYS_io_uring_setup, [4, address, 0, 0, 0, 0]), "ring"),
        reach(call(libc::SYS_io_uring_enter, [usize::MAX, 0, 0, 0, 0, 0]), "ring"),
        reach(call(libc::SYS_io_uring_register, [usize::MAX, 0, 0, 0, 0, 0]), "ring"),
    ])
}

fn keyring(_: &str) -> Outcome {
    let name = text(c"user");
    let (thread, process) = (number(-1), number(-2));
    all([
        reach(call(libc::SYS_add_key, [name, name, name, 4, thread, 0]), "key"),
        reach(call(libc::SYS_keyctl, [0, process, 0, 0, 0, 0]), "keyring"),
        reach(call(libc::SYS_request_key, [name, name, 0, 0, 0, 0]), "key"),
    ])
}

fn page_faults(_: &str) -> Outcome {
    const USER_MODE_ONLY: usize = 1;
    all([0, USER_MODE_ONLY].map(|flags| reach(call(libc::SYS_userfaultfd, [flags, 0, 0, 0, 0, 0]), "faults")))
}

/// First a counter of its own, without the kernel's part; then flags that only the call's code knows.
fn perf(_: &str) -> Outcome {
    const SOFTWARE: u64 = 1;
    const SIZE: u64 = 128 << 32;
    const EXCLUDE_KERNEL_AND_HYPERVISOR: u64 = 0x60;
    let mut attributes = [0_u64; 16];
    [attributes[0], attributes[5]] = [SOFTWARE | SIZE, EXCLUDE_KERNEL_AND_HYPERVISOR];
    let address = attributes.as_ptr() as usize;
    all([0, usize::MAX].map(|flags| {
        let arguments = [address, 0, usize::MAX, usize::MAX, flags, 0];
        reach(call(libc::SYS_perf_event_open, arguments), "counter")
    }))
}

fn watch(_: &str) -> Outcome {
    all([
        judge(call(libc::SYS_inotify_init1, [0; 6]), "inotify"),
        reach(call(libc::SYS_fanotify_init, [0; 6]), "fanotify"),
        reach(
            call(libc::SYS_name_to_handle_at, [number(libc::AT_FDCWD), text(c"/"), 0, 0, 0, 0]),
            "file handle",
        ),
    ])
}

fn int80(_: &str) -> Outcome {
    match getpid_by_int80() {
        answer if answer > 0 => Outcome::Succeeded(format!("pid {answer}")),
        answer => Outcome::Denied(format!("errno {}", -answer)),
    }
}

fn x32(_: &str) -> Outcome {
    const X32_BIT: libc::c_long = 0x4000_0000;
    judge(call(X32_BIT | libc::SYS_getpid, [0; 6]), "getpid answered")
}

fn terminal(_: &str) -> Outcome {
    const INJECT: usize = 0x5412;
    const PASTE: usize = 0x541c;
    let byte = text(c"x");
    // Where the filter lets it through, the null device says that it is no terminal.
    all([INJECT, PASTE].map(|request| reach(call(libc::SYS_ioctl, [0, request, byte, 0, 0, 0]), "terminal")))
}

fn personality(_: &str) -> Outcome {
    const READ_IMPLIES_EXEC: usize = 0x0040_0000;
    all([
        judge(call(libc::SYS_personality, [READ_IMPLIES_EXEC, 0, 0, 0, 0, 0]), "personality"),
        reach(call(libc::SYS_modify_ldt, [1, 0, 0, 0, 0, 0]), "segments"),
    ])
}

fn executable(_: &str) -> Outcome {
    const PAGE: usize = 4096;
    let flags = number(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let write = number(libc::PROT_READ | libc::PROT_WRITE);
    let execute = number(libc::PROT_READ | libc::PROT_EXEC);
    let mapped = call(libc::SYS_mmap, [0, PAGE, write | execute, flags, usize::MAX, 0]);
    let plain = call(libc::SYS_mmap, [0, PAGE, write, flags, usize::MAX, 0]);
    let changed = plain.and_then(|page| call(libc::SYS_mprotect, [page, PAGE, execute, 0, 0, 0]));
    all([judge(mapped, "mapped"), judge(changed, "made executable")])
}

/// The target is the key of a segment outside that every user may attach.
fn shared_memory(target: &str) -> Outcome {
    let key = target.parse().unwrap_or(0x5afe);
    all([
        judge(call(libc::SYS_shmget, [key, 4096, 0o600, 0, 0, 0]), "shared memory"),
        judge(call(libc::SYS_msgget, [key, 0o600, 0, 0, 0, 0]), "message queue"),
        judge(call(libc::SYS_semget, [key, 1, 0o600, 0, 0, 0]), "semaphore"),
    ])
}

/// Calls that would harm the host take arguments that are invalid even for root.
fn change_host(_: &str) -> Outcome {
    let nowhere = text(c"/nowhere");
    all([
        reach(call(libc::SYS_reboot, [0; 6]), "reboot"),
        reach(call(libc::SYS_swapon, [nowhere, 0, 0, 0, 0, 0]), "swapon"),
        reach(call(libc::SYS_swapoff, [nowhere, 0, 0, 0, 0, 0]), "swapoff"),
        reach(call(libc::SYS_sethostname, [nowhere, usize::MAX, 0, 0, 0, 0]), "sethostname"),
        reach(call(libc::SYS_acct, [nowhere, 0, 0, 0, 0, 0]), "acct"),
    ])
}

fn kernel_log(_: &str) -> Outcome {
    const READ_ALL: usize = 3;
    const SIZE: usize = 10;
    let mut buffer = [0_u8; 256];
    all([READ_ALL, SIZE].map(|action| {
        let arguments = [action, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0];
        judge(call(libc::SYS_syslog, arguments), "kernel log")
    }))
}

fn module(_: &str) -> Outcome {
    let empty = text(c"");
    all([
        reach(call(libc::SYS_init_module, [empty, 0, empty, 0, 0, 0]), "init_module"),
        reach(call(libc::SYS_finit_module, [0, empty, 0, 0, 0, 0]), "finit_module"),
        reach(call(libc::SYS_delete_module, [empty, 0, 0, 0, 0, 0]), "delete_module"),
    ])
}

fn kexec(_: &str) -> Outcome {
    let nothing = [usize::MAX, usize::MAX, 0, 0, 0, 0];
    all([
        reach(call(libc::SYS_kexec_load, [0; 6]), "kexec_load"),
        reach(call(libc::SYS_kexec_file_load, nothing), "kexec_file_load"),
    ])
}
