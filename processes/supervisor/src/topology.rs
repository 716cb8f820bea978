//! The table of processes, as `topology.toml` has it.

use sandbox::jail::Ceilings;

/// A process that runs in a jail.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its name, and its program's after `stockade-`.
    pub(crate) name: &'static str,
    /// Offset of its identity from the base.
    pub(crate) identity: u16,
    /// Its system-call profile.
    pub(crate) profile: &'static str,
    /// How many descriptors it is handed.
    pub(crate) descriptors: usize,
    /// How much of the machine it may use.
    pub(crate) ceilings: Ceilings,
}

/// The identity that owns the store: no process runs as it.
pub(crate) const STORE_IDENTITY: u16 = 128;

include!(concat!(env!("OUT_DIR"), "/topology.rs"));

/// Workers have an identity each, from their own on: as many as identities are mapped.
pub(crate) fn worker_identity(model: usize) -> u16 {
    u16::try_from(model).unwrap_or(u16::MAX).saturating_add(WORKER.identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_has_a_profile_and_an_identity_that_no_other_has() {
        let all = [&INSPECTOR, &WORKER, &GATEWAY, &AUDITOR];
        let mut identities: Vec<_> = all.iter().map(|process| process.identity).collect();
        identities.push(STORE_IDENTITY);
        identities.sort_unstable();
        identities.dedup();
        assert_eq!(identities.len(), all.len() + 1);
        assert_eq!(identities.last(), Some(&WORKER.identity));
        for process in all {
            assert!(sandbox::filter::named(process.profile).is_some(), "{}", process.name);
        }
    }

    #[test]
    fn each_model_has_an_identity_of_its_own() {
        assert_eq!(worker_identity(0), WORKER.identity);
        assert_eq!(worker_identity(1), WORKER.identity + 1);
        assert_eq!(worker_identity(usize::MAX), u16::MAX);
    }
}
