//! Working without being root: a user namespace in which the operator is.

use std::io;

use rustix::thread::{CapabilitySet, UnshareFlags};

use crate::sys;

/// The rights that a supervisor starts processes with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Privilege {
    /// Root of the host: each process gets an identity of its own.
    Root,
    /// Root only of a user namespace: every process is the operator outside.
    Rootless,
}

/// Makes sure that the process may build jails. Root stays as it is; anyone else enters a new user and
/// mount namespace in which his own id is 0. Call it before the first thread is started.
///
/// # Errors
/// [`RootlessError`] when the kernel refuses; its message says what to change.
pub fn enter_if_needed() -> Result<Privilege, RootlessError> {
    let user = rustix::process::geteuid();
    let group = rustix::process::getegid();
    let held = rustix::thread::capabilities(None).map_err(|error| RootlessError::Ask(error.into()))?;
    if user.is_root() && held.effective.contains(CapabilitySet::SYS_ADMIN) {
        return Ok(privilege_of_root());
    }
    sys::namespace::unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNS).map_err(refusal)?;
    let write = |file: &str, text: &str| std::fs::write(file, text).map_err(RootlessError::Map);
    // A user who may not drop groups may not use them to gain rights either: the kernel asks for this.
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {} 1", user.as_raw()))?;
    write("/proc/self/gid_map", &format!("0 {} 1", group.as_raw()))?;
    Ok(Privilege::Rootless)
}

/// Root of a user namespace that maps a single id is rootless in all that matters here.
fn privilege_of_root() -> Privilege {
    let mapped = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let covers = |line: &str| {
        let mut words = line.split_whitespace().map(str::parse::<u64>);
        match (words.next(), words.next(), words.next()) {
            (Some(Ok(inside)), Some(Ok(_)), Some(Ok(length))) => {
                let wanted = u64::from(crate::jail::BASE_ID);
                inside <= wanted && wanted + u64::from(u16::MAX) < inside + length
            }
            _ => false,
        }
    };
    if mapped.lines().any(covers) { Privilege::Root } else { Privilege::Rootless }
}

fn refusal(source: io::Error) -> RootlessError {
    let zero = |file: &str| std::fs::read_to_string(file).is_ok_and(|text| text.trim() == "0");
    let one = |file: &str| std::fs::read_to_string(file).is_ok_and(|text| text.trim() == "1");
    let hint = if zero("/proc/sys/user/max_user_namespaces") {
        "set user.max_user_namespaces above 0, as root: sysctl -w user.max_user_namespaces=65536"
    } else if zero("/proc/sys/kernel/unprivileged_userns_clone") {
        "allow user namespaces, as root: sysctl -w kernel.unprivileged_userns_clone=1"
    } else if one("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") {
        "give the program an AppArmor profile that allows userns, or as root: \
         sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
    } else {
        "the kernel or the container around it forbids user namespaces: run as root, or allow the \
         unshare system call for this container"
    };
    RootlessError::Refused { hint, source }
}

/// Why an ordinary user cannot build jails.
#[derive(Debug, thiserror::Error)]
pub enum RootlessError {
    /// The kernel refuses user namespaces to this user.
    #[error("the kernel refuses user namespaces to this user")]
    Refused {
        /// What the operator can change.
        hint: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The user's own ids could not be mapped.
    #[error("failed to map the user's own ids")]
    Map(#[source] io::Error),
    /// The kernel does not say which capabilities are held.
    #[error("failed to read the capabilities held")]
    Ask(#[source] io::Error),
}

impl RootlessError {
    /// What the operator can change, if that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Refused { hint, .. } => Some(hint),
            Self::Map(_) | Self::Ask(_) => None,
        }
    }
}
