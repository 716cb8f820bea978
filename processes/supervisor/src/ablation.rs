//! Controls left out of worker jails, to see in a test that they are what stops an attack. Only in a
//! build that no one ships.

use sandbox::jail::Removed;

use crate::topology::Process;

/// The controls that this process's jail is to lack.
pub(crate) fn removed(process: &Process) -> Removed {
    if process.name != "worker" {
        return Removed::default();
    }
    let asked = std::env::var("STOCKADE_ABLATE").unwrap_or_default();
    let known = |name: &&&'static str| asked.split(',').any(|one| one == **name);
    Removed(sandbox::control::NAMES.iter().filter(known).copied().collect())
}
