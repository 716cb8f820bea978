//! Reaching parts of the kernel that an engine never needs.

use crate::attack::{Attack, Outcome, all, judge};
use crate::raw::{call, getpid_by_int80};

const FILTER: &[&str] = &["seccomp"];

pub(crate) const ATTACKS: &[Attack] = &[
    Attack { name: "load_a_bpf_program", guards: FILTER, deadly: false, run: bpf },
    Attack { name: "set_up_io_uring", guards: FILTER, deadly: false, run: io_uring },
    Attack { name: "use_the_keyring", guards: FILTER, deadly: false, run: keyring },
    Attack { name: "handle_page_faults", guards: FILTER, deadly: false, run: userfaultfd },
    Attack { name: "count_performance_events", guards: FILTER, deadly: false, run: perf },
    Attack { name: "load_a_kernel_module", guards: &["seccomp", "capabilities"], deadly: false, run: module },
    Attack { name: "load_another_kernel", guards: &["seccomp", "capabilities"], deadly: false, run: kexec },
    Attack { name: "read_the_kernel_log", guards: FILTER, deadly: false, run: kernel_log },
    Attack { name: "change_the_host", guards: &["seccomp", "capabilities"], deadly: false, run: change_host },
    Attack { name: "use_the_32_bit_entry", guards: FILTER, deadly: true, run: int80 },
    Attack { name: "use_x32_calls", guards: FILTER, deadly: true, run: x32 },
    Attack { name: "map_memory_writable_and_executable", guards: &["seccomp", "write-xor-execute"], deadly: false, run: executable_memory },
    Attack { name: "push_input_into_a_terminal", guards: FILTER, deadly: false, run: terminal },
    Attack { name: "share_memory_by_key", guards: &["seccomp", "ipc-namespace"], deadly: false, run: shared_memory },
    Attack { name: "watch_the_file_system", guards: FILTER, deadly: false, run: watch },
    Attack { name: "change_its_own_filter", guards: FILTER, deadly: false, run: personality },
];

fn bpf(_: &str) -> Outcome {
    let attributes = [0_u64; 16];
    all([0_usize, 5, 6].map(|command| {
        judge(call(libc::SYS_bpf, [command, attributes.as_ptr() as usize, size_of_val(&attributes), 0, 0, 0]).or_else(reached), "bpf reached")
    }))
}

/// An error that only the call's own code gives means that the call was reached.
fn reached(error: i32) -> Result<usize, i32> {
    if [libc::EPERM, libc::EACCES, libc::ENOSYS].contains(&error) { Err(error) } else { Ok(0) }
}

fn io_uring(_: &str) -> Outcome {
    let mut parameters = [0_u32; 30];
    let made = call(libc::SYS_io_uring_setup, [4, parameters.as_mut_ptr() as usize, 0, 0, 0, 0]);
    all([
        judge(made.or_else(reached), "ring made"),
        judge(call(libc::SYS_io_uring_enter, [usize::MAX, 0, 0, 0, 0, 0]).or_else(reached), "ring entered"),
        judge(call(libc::SYS_io_uring_register, [usize::MAX, 0, 0, 0, 0, 0]).or_else(reached), "ring registered"),
    ])
}

fn keyring(_: &str) -> Outcome {
    let name = c"user".as_ptr() as usize;
    all([
        judge(call(libc::SYS_add_key, [name, name, name, 4, usize::MAX, 0]).or_else(reached), "key added"),
        judge(call(libc::SYS_keyctl, [0, usize::MAX - 2, 0, 0, 0, 0]).or_else(reached), "keyring reached"),
        judge(call(libc::SYS_request_key, [name, name, 0, 0, 0, 0]).or_else(reached), "key requested"),
    ])
}

fn userfaultfd(_: &str) -> Outcome {
    all([0_usize, 1].map(|flags| judge(call(libc::SYS_userfaultfd, [flags, 0, 0, 0, 0, 0]).or_else(reached), "userfaultfd")))
}

fn perf(_: &str) -> Outcome {
    let mut attributes = [0_u64; 16];
    attributes[0] = 1 | (128 << 32); // Software events, and the structure's size.
    judge(call(libc::SYS_perf_event_open, [attributes.as_ptr() as usize, 0, usize::MAX, usize::MAX, 0, 0]).or_else(reached), "perf")
}

fn module(_: &str) -> Outcome {
    let empty = c"".as_ptr() as usize;
    all([
        judge(call(libc::SYS_init_module, [empty, 0, empty, 0, 0, 0]).or_else(reached), "init_module"),
        judge(call(libc::SYS_finit_module, [0, empty, 0, 0, 0, 0]).or_else(reached), "finit_module"),
        judge(call(libc::SYS_delete_module, [empty, 0, 0, 0, 0, 0]).or_else(reached), "delete_module"),
    ])
}

fn kexec(_: &str) -> Outcome {
    all([
        judge(call(libc::SYS_kexec_load, [0; 6]).or_else(reached), "kexec_load"),
        judge(call(libc::SYS_kexec_file_load, [usize::MAX, usize::MAX, 0, 0, 0, 0]).or_else(reached), "kexec_file_load"),
    ])
}

fn kernel_log(_: &str) -> Outcome {
    let mut buffer = [0_u8; 256];
    all([3_usize, 10].map(|action| judge(call(libc::SYS_syslog, [action, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0]), "kernel log")))
}

/// Calls that would harm the host take arguments that are invalid even for root.
fn change_host(_: &str) -> Outcome {
    let nowhere = c"/nowhere".as_ptr() as usize;
    all([
        judge(call(libc::SYS_reboot, [0, 0, 0, 0, 0, 0]).or_else(reached), "reboot"),
        judge(call(libc::SYS_swapon, [nowhere, 0, 0, 0, 0, 0]).or_else(reached), "swapon"),
        judge(call(libc::SYS_swapoff, [nowhere, 0, 0, 0, 0, 0]).or_else(reached), "swapoff"),
        judge(call(libc::SYS_sethostname, [nowhere, usize::MAX, 0, 0, 0, 0]).or_else(reached), "sethostname"),
        judge(call(libc::SYS_settimeofday, [usize::MAX, 0, 0, 0, 0, 0]).or_else(reached), "settimeofday"),
        judge(call(libc::SYS_acct, [nowhere, 0, 0, 0, 0, 0]).or_else(reached), "acct"),
        judge(call(libc::SYS_quotactl, [0; 6]).or_else(reached), "quotactl"),
    ])
}

fn int80(_: &str) -> Outcome {
    let answer = getpid_by_int80();
    if answer > 0 { Outcome::Succeeded(format!("pid {answer}")) } else { Outcome::Denied(format!("errno {}", -answer)) }
}

fn x32(_: &str) -> Outcome {
    const X32_BIT: libc::c_long = 0x4000_0000;
    judge(call(X32_BIT | libc::SYS_getpid, [0; 6]), "getpid answered")
}

fn executable_memory(_: &str) -> Outcome {
    const PAGE: usize = 4096;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    let all_rights = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as usize;
    let mapped = call(libc::SYS_mmap, [0, PAGE, all_rights, flags, usize::MAX, 0]);
    let plain = call(libc::SYS_mmap, [0, PAGE, (libc::PROT_READ | libc::PROT_WRITE) as usize, flags, usize::MAX, 0]);
    let changed = plain.and_then(|page| call(libc::SYS_mprotect, [page, PAGE, (libc::PROT_READ | libc::PROT_EXEC) as usize, 0, 0, 0]));
    all([judge(mapped, "mapped rwx"), judge(changed, "made executable")])
}

fn terminal(_: &str) -> Outcome {
    const TIOCSTI: usize = 0x5412;
    const TIOCLINUX: usize = 0x541C;
    let byte = b"x".as_ptr() as usize;
    // ENOTTY: the filter let it through and the descriptor was no terminal.
    all([TIOCSTI, TIOCLINUX].map(|request| judge(call(libc::SYS_ioctl, [0, request, byte, 0, 0, 0]).or_else(reached), "ioctl reached")))
}

fn shared_memory(_: &str) -> Outcome {
    let create = libc::IPC_CREAT as usize | 0o600;
    all([
        judge(call(libc::SYS_shmget, [0x5afe, 4096, create, 0, 0, 0]), "shared memory"),
        judge(call(libc::SYS_msgget, [0x5afe, create, 0, 0, 0, 0]), "message queue"),
        judge(call(libc::SYS_semget, [0x5afe, 1, create, 0, 0, 0]), "semaphore"),
    ])
}

fn watch(_: &str) -> Outcome {
    all([
        judge(call(libc::SYS_fanotify_init, [0, 0, 0, 0, 0, 0]).or_else(reached), "fanotify"),
        judge(call(libc::SYS_inotify_init1, [0, 0, 0, 0, 0, 0]), "inotify"),
        judge(call(libc::SYS_name_to_handle_at, [libc::AT_FDCWD as usize, c"/".as_ptr() as usize, 0, 0, 0, 0]).or_else(reached), "file handle"),
    ])
}

fn personality(_: &str) -> Outcome {
    const READ_IMPLIES_EXEC: usize = 0x0040_0000;
    all([
        judge(call(libc::SYS_personality, [READ_IMPLIES_EXEC, 0, 0, 0, 0, 0]), "personality"),
        judge(call(libc::SYS_modify_ldt, [1, 0, 0, 0, 0, 0]).or_else(reached), "modify_ldt"),
        judge(call(libc::SYS_lookup_dcookie, [0; 6]).or_else(reached), "lookup_dcookie"),
    ])
}
