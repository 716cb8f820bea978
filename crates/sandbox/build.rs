//! Compiles `profiles/seccomp/*.x86_64.toml` into tables of rules.
//!
//! # Role
//! Turns the commented profiles into constants, and refuses a profile that opens a call which no
//! jailed process may ever make.
//!
//! # Security
//! Reads: our own profiles, at build time. If taken over: the build is.
//!
//! # Non-goals
//! Knows no call's number: the generated code names the constant, so an unknown call does not compile.

use std::{
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ProfileFile {
    name: String,
    fallback: String,
    #[serde(default)]
    allow: Vec<RuleEntry>,
    #[serde(default)]
    refuse: Vec<RuleEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RuleEntry {
    call: String,
    because: String,
    #[serde(default)]
    when: Vec<ConditionEntry>,
    errno: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConditionEntry {
    argument: u8,
    mask: Option<u64>,
    equals: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../profiles/seccomp");
    println_cargo(&format!("rerun-if-changed={}", folder.display()));
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".x86_64.toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut code =
        String::from("/// Every profile that the tree holds.\npub(super) static PROFILES: &[Profile] = &[\n");
    for path in files {
        println_cargo(&format!("rerun-if-changed={}", path.display()));
        let profile: ProfileFile = toml::from_str(&fs::read_to_string(&path)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        let expected = format!("{}.x86_64.toml", profile.name);
        if path.file_name().is_none_or(|name| name.to_string_lossy() != expected) {
            return Err(format!("{}: its name must be {expected}", path.display()).into());
        }
        code.push_str(&profile_code(&profile).map_err(|error| format!("{}: {error}", path.display()))?);
    }
    code.push_str("];\n");
    fs::write(Path::new(&std::env::var("OUT_DIR")?).join("profiles.rs"), code)?;
    Ok(())
}

fn profile_code(profile: &ProfileFile) -> Result<String, Box<dyn Error>> {
    let fallback = match profile.fallback.as_str() {
        "refuse" => "Refuse",
        "kill" => "Kill",
        other => return Err(format!("fallback `{other}` is neither `refuse` nor `kill`").into()),
    };
    let mut code = String::new();
    writeln!(code, "Profile {{ name: {:?}, fallback: Fallback::{fallback}, rules: &[", profile.name)?;
    for rule in &profile.allow {
        if ALWAYS_CLOSED.contains(&rule.call.as_str()) {
            return Err(format!("`{}` is closed to every jailed process", rule.call).into());
        }
        if rule.errno.is_some() {
            return Err(format!("`{}` is allowed and has an error number", rule.call).into());
        }
        code.push_str(&rule_code(rule, "Allow")?);
    }
    for rule in &profile.refuse {
        let errno =
            rule.errno.as_deref().ok_or_else(|| format!("`{}` is refused without errno", rule.call))?;
        code.push_str(&rule_code(rule, &format!("Errno(libc::{errno} as u16)"))?);
    }
    code.push_str("] },\n");
    Ok(code)
}

fn rule_code(rule: &RuleEntry, verdict: &str) -> Result<String, Box<dyn Error>> {
    if rule.because.trim().is_empty() {
        return Err(format!("`{}` has no reason", rule.call).into());
    }
    let mut code = String::new();
    write!(
        code,
        "Rule {{ call: {:?}, number: libc::SYS_{} as u32, verdict: Verdict::{verdict}, when: &[",
        rule.call, rule.call
    )?;
    for condition in &rule.when {
        let mask = condition.mask.unwrap_or(u64::MAX);
        if condition.argument > 5 || condition.equals & !mask != 0 {
            return Err(format!("`{}` has a condition that can never hold", rule.call).into());
        }
        write!(
            code,
            "Condition {{ argument: {}, mask: {mask:#x}, equals: {:#x} }}, ",
            condition.argument, condition.equals
        )?;
    }
    code.push_str("] },\n");
    Ok(code)
}

/// Speaks to cargo, which listens on standard output.
fn println_cargo(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "cargo:{line}");
}

/// Calls that open the kernel's dangerous surfaces, or the way to other processes. No profile may
/// allow them, under any condition.
const ALWAYS_CLOSED: &[&str] = &[
    "acct",
    "add_key",
    "adjtimex",
    "bpf",
    "chroot",
    "clock_adjtime",
    "clock_settime",
    "clone3",
    "connect",
    "create_module",
    "delete_module",
    "execve",
    "fanotify_init",
    "fanotify_mark",
    "finit_module",
    "fork",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "get_kernel_syms",
    "get_mempolicy",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "kill",
    "lookup_dcookie",
    "mbind",
    "memfd_create",
    "memfd_secret",
    "migrate_pages",
    "mknod",
    "mknodat",
    "modify_ldt",
    "mount",
    "mount_setattr",
    "move_mount",
    "move_pages",
    "name_to_handle_at",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "pidfd_open",
    "pidfd_send_signal",
    "pivot_root",
    "process_madvise",
    "process_mrelease",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "query_module",
    "quotactl",
    "quotactl_fd",
    "reboot",
    "remap_file_pages",
    "request_key",
    "set_mempolicy",
    "setdomainname",
    "setfsgid",
    "setfsuid",
    "setgid",
    "setgroups",
    "sethostname",
    "setns",
    "setregid",
    "setresgid",
    "setresuid",
    "setreuid",
    "settimeofday",
    "setuid",
    "swapoff",
    "swapon",
    "symlink",
    "symlinkat",
    "syslog",
    "tkill",
    "umount2",
    "unshare",
    "uselib",
    "userfaultfd",
    "vfork",
    "vhangup",
    "vmsplice",
];
