//! System-call filters: profiles written as commented data, compiled to the kernel's filter language.

mod assemble;
mod profile;

pub use assemble::{Instruction, assemble};
pub use profile::{Condition, Fallback, Profile, Rule, Verdict};

/// The profile called `name`, as in `profiles/seccomp/<name>.x86_64.toml`.
#[must_use]
pub fn named(name: &str) -> Option<&'static Profile> {
    tables::PROFILES.iter().find(|profile| profile.name == name)
}

/// Every profile in the tree.
#[must_use]
pub fn all() -> &'static [Profile] {
    tables::PROFILES
}

/// The filter that every process adds to itself once it runs: it starts no program, ever again.
#[expect(clippy::cast_possible_truncation, reason = "call numbers are small and positive")]
pub(crate) const AFTER_START: Profile = Profile {
    name: "after-start",
    fallback: Fallback::Allow,
    rules: &[
        Rule { call: "execve", number: libc::SYS_execve as u32, verdict: Verdict::Kill, when: &[] },
        Rule { call: "execveat", number: libc::SYS_execveat as u32, verdict: Verdict::Kill, when: &[] },
    ],
};

/// What build.rs made of `profiles/seccomp/`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::unreadable_literal,
    reason = "made by build.rs; call numbers are small"
)]
mod tables {
    use super::{Condition, Fallback, Profile, Rule, Verdict};

    include!(concat!(env!("OUT_DIR"), "/profiles.rs"));
}
