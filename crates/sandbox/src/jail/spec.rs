//! What a jail holds and how much of it.

use std::{os::fd::OwnedFd, path::PathBuf};

use super::{Identity, SealedProgram};
use crate::filter::Profile;

/// Everything about one jail. Nothing has a default: what isn't listed isn't there.
#[derive(Debug)]
pub struct JailSpec {
    /// The process's name: argument zero, host name inside, and name of its report.
    pub process: String,
    /// The program that is executed.
    pub engine: SealedProgram,
    /// Who it runs as.
    pub identity: Identity,
    /// Which network it sees.
    pub network: Network,
    /// What its root filesystem holds.
    pub mounts: Vec<Mount>,
    /// What is open when it starts, at 4, 5 and so on. The jail gets copies: drop this list after the
    /// start, or the peers never see the process close them.
    pub descriptors: Vec<OwnedFd>,
    /// The filter it is started under.
    pub profile: &'static Profile,
    /// How much of the machine it may use.
    pub ceilings: Ceilings,
    /// Controls left out, to see in a test that they matter.
    #[cfg(feature = "ablation")]
    #[doc(hidden)]
    pub removed: Removed,
}

/// Which network a jail sees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Network {
    /// An empty network namespace: not even loopback is up.
    None,
    /// The supervisor's own network.
    Host,
}

/// One file or directory that the jail sees.
#[derive(Debug)]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Where, an absolute path in the jail such as `/package`.
    pub target: String,
    /// Whether the jail may write below it.
    pub writable: bool,
    /// Whether the jail may execute below it.
    pub executable: bool,
}

/// What is mounted: an inode that is already open, or one found by path at the start.
#[derive(Debug)]
pub enum MountSource {
    /// The very inode behind this descriptor, whatever its path is by now.
    Descriptor(OwnedFd),
    /// The file or directory at this path; a symbolic link is refused.
    Path(PathBuf),
}

/// How much of the machine a jail may use. There is no default: every ceiling is written down.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ceilings {
    /// Most bytes of memory.
    pub memory_bytes_max: u64,
    /// Most processes and threads.
    pub pids_max: u32,
    /// Most processor time, in thousandths of one processor.
    pub cpu_millicores_max: u32,
    /// Most open files.
    pub files_max: u32,
    /// Most bytes in one file that it writes.
    pub file_bytes_max: u64,
}

impl JailSpec {
    /// Whether a test left this control out. Never, outside tests.
    #[cfg(feature = "ablation")]
    pub(super) fn lacks(&self, control: &str) -> bool {
        self.removed.0.contains(&control)
    }

    /// Whether a test left this control out. Never: this build has no such thing.
    #[cfg(not(feature = "ablation"))]
    #[expect(clippy::unused_self, reason = "the build for tests looks at the list")]
    pub(super) fn lacks(&self, _control: &str) -> bool {
        false
    }
}

/// Controls left out of a jail, by name. `no-new-privileges` takes `seccomp` and `landlock` with it.
#[cfg(feature = "ablation")]
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Removed(pub Vec<&'static str>);
