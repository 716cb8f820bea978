//! What the kernel did with one control.

use serde::{Deserialize, Serialize};

/// The state of one control, found by trying it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum Control {
    /// The kernel enforces it.
    Enforced,
    /// The kernel enforces a part of it.
    Degraded {
        /// What is missing.
        missing: String,
    },
    /// The kernel does not enforce it.
    Absent {
        /// Why not.
        why: String,
    },
}

impl Control {
    /// The weaker of two findings about the same control.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        if other.weakness() > self.weakness() { other } else { self }
    }

    fn weakness(&self) -> u8 {
        match self {
            Self::Enforced => 0,
            Self::Degraded { .. } => 1,
            Self::Absent { .. } => 2,
        }
    }
}

/// One control by name, and its state.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ControlReport {
    /// The control's stable name, one of [`NAMES`].
    pub name: String,
    /// What was found.
    pub status: Control,
}

impl ControlReport {
    /// A finding about the control called `name`.
    #[must_use]
    pub fn new(name: &str, status: Control) -> Self {
        Self { name: name.to_owned(), status }
    }
}

/// Merges findings from inside and outside: one line a control, the worst wins, in the order of
/// [`NAMES`]. A control that nobody reported is absent: silence is not protection.
#[must_use]
pub fn merge(findings: &[ControlReport]) -> Vec<ControlReport> {
    NAMES
        .iter()
        .map(|name| {
            let worst = findings
                .iter()
                .filter(|finding| finding.name == *name)
                .map(|finding| finding.status.clone())
                .reduce(Control::worst);
            ControlReport::new(
                name,
                worst.unwrap_or(Control::Absent { why: "no probe reported it".to_owned() }),
            )
        })
        .collect()
}

/// Every control, by its stable name.
pub const NAMES: &[&str] = &[
    "identity",
    "user-namespace",
    "mount-namespace",
    "pid-namespace",
    "network-namespace",
    "ipc-namespace",
    "uts-namespace",
    "cgroup-namespace",
    "private-root",
    "read-only-root",
    "capabilities",
    "no-new-privileges",
    "seccomp",
    "landlock",
    "rlimits",
    "core-dumps",
    "environment",
    "descriptors",
    "memory-ceiling",
    "pids-ceiling",
    "cpu-ceiling",
    "parent-death",
    "write-xor-execute",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_that_nobody_reported_is_absent() {
        let merged = merge(&[ControlReport::new("seccomp", Control::Enforced)]);
        assert_eq!(merged.len(), NAMES.len());
        assert!(merged.iter().all(|line| (line.status == Control::Enforced) == (line.name == "seccomp")));
    }

    #[test]
    fn the_worst_finding_wins() {
        let absent = Control::Absent { why: "tried".to_owned() };
        let merged = merge(&[
            ControlReport::new("landlock", Control::Enforced),
            ControlReport::new("landlock", absent.clone()),
            ControlReport::new("landlock", Control::Degraded { missing: "tcp".to_owned() }),
        ]);
        assert!(merged.contains(&ControlReport::new("landlock", absent)));
    }
}
