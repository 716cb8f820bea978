//! What an operator can change where a control is not enforced.

/// What to change so that a control is enforced.
pub(crate) fn of(control: &str) -> &'static str {
    HINTS.iter().find(|(name, _)| *name == control).map_or(OTHERWISE, |(_, hint)| hint)
}

const HINTS: &[(&str, &str)] = &[
    ("identity", "run `stockade` as root: only root can give each process an identity of its own"),
    (
        "memory-ceiling",
        "run as root, or in a service to which the memory, pids and cpu controllers are delegated \
         (Delegate=yes, DelegateSubgroup=)",
    ),
    (
        "pids-ceiling",
        "run as root, or in a service to which the memory, pids and cpu controllers are delegated \
         (Delegate=yes, DelegateSubgroup=)",
    ),
    (
        "cpu-ceiling",
        "run as root, or in a service to which the memory, pids and cpu controllers are delegated \
         (Delegate=yes, DelegateSubgroup=)",
    ),
    ("landlock", "use Linux 6.12 or newer with `landlock` in the kernel's lsm= list"),
    ("write-xor-execute", "use Linux 6.3 or newer: its own rule stands behind the filter"),
    ("seccomp", "use a kernel with CONFIG_SECCOMP_FILTER"),
    ("user-namespace", "allow user namespaces: sysctl -w user.max_user_namespaces=65536"),
    ("network-namespace", "use a kernel with network namespaces (CONFIG_NET_NS)"),
    ("cgroup-namespace", "use a kernel with control groups (CONFIG_CGROUPS)"),
    ("core-dumps", "see that /proc is mounted writable for the supervisor"),
];

const OTHERWISE: &str = "run `stockade doctor` on another kernel or host to compare";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hint_is_about_a_control() {
        for (name, _) in HINTS {
            assert!(sandbox::control::NAMES.contains(name), "{name}");
        }
    }
}
