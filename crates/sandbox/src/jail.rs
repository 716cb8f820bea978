//! Starting a program in a jail of its own. Only the supervisor names this module.
//!
//! The parent builds everything that can fail for interesting reasons: the root filesystem, the mount
//! descriptors, the Landlock rules, the filter. The child only attaches, gives up, and executes: it
//! resolves no path inside a tree that somebody else could change.

mod cgroup;
mod exit;
mod fault;
mod identity;
mod jailed;
mod landlock;
mod outside;
mod plan;
mod program;
mod root;
mod spec;
mod start;

pub use cgroup::sweep;
pub use exit::{Cause, Exit};
pub use fault::JailError;
pub use identity::{BASE_ID, Identity};
pub use jailed::Jailed;
pub use program::SealedProgram;
#[cfg(feature = "ablation")]
#[doc(hidden)]
pub use spec::Removed;
pub use spec::{Ceilings, JailSpec, Mount, MountSource, Network};
pub use start::spawn;
