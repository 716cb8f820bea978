//! Landlock: which files below the declared mounts may be used, and that no TCP is.

use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreatedAttr, Scope,
};

use super::{
    fault::{JailError, preparing},
    root::Root,
};
use crate::{control::Control, sys};

/// Rules ready to be put on, and what the kernel's version of Landlock leaves open.
#[derive(Debug)]
pub(super) struct Rules {
    /// None when the kernel has no Landlock.
    pub(super) descriptor: Option<OwnedFd>,
    pub(super) status: Control,
    /// Whether denials after the program is executed can be logged.
    pub(super) logged: bool,
}

/// Builds the rules for a root: reading below each mount, writing and executing below those that are
/// declared so, listing what mounts are attached in, and nothing else.
pub(super) fn build(root: &Root) -> Result<Rules, JailError> {
    let version = sys::landlock::version();
    let refuse = |source: landlock::RulesetError| {
        preparing::<std::io::Error>("build the Landlock rules")(std::io::Error::other(source))
    };
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .map_err(refuse)?;
    for folder in &root.folders {
        rules = rules.add_rule(PathBeneath::new(folder, AccessFs::ReadDir)).map_err(refuse)?;
    }
    for attachment in &root.attachments {
        let mut access = AccessFs::ReadFile | AccessFs::ReadDir;
        if attachment.writable {
            access |= AccessFs::from_write(NEWEST)
                & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::MakeSock | AccessFs::MakeFifo)
                & !(AccessFs::MakeSym | AccessFs::IoctlDev);
        }
        if attachment.executable {
            access |= AccessFs::Execute;
        }
        if !attachment.directory {
            access &= AccessFs::from_file(NEWEST);
        }
        rules = rules.add_rule(PathBeneath::new(&attachment.tree, access)).map_err(refuse)?;
    }
    let status = match version {
        0 => Control::Absent { why: "the kernel has no Landlock, or it is off".to_owned() },
        1..NETWORK_SINCE => Control::Degraded { missing: "TCP rules: Linux 6.7".to_owned() },
        NETWORK_SINCE..SCOPES_SINCE => {
            Control::Degraded { missing: "scopes for signals and abstract sockets: Linux 6.12".to_owned() }
        }
        _ => Control::Enforced,
    };
    Ok(Rules { descriptor: rules.into(), status, logged: version >= LOGS_SINCE })
}

/// The newest version whose rights are named here. What the kernel lacks is left out and reported.
const NEWEST: ABI = ABI::V6;
const NETWORK_SINCE: u32 = 4;
const SCOPES_SINCE: u32 = 6;
const LOGS_SINCE: u32 = 7;
