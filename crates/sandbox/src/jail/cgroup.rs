//! Ceilings on memory, processes and processor time by control groups, version 1 or 2.

mod group;
mod hierarchy;

use std::path::Path;

pub(super) use group::{Entry, Group, Limited};
use hierarchy::Hierarchy;

/// Removes the control groups that dead supervisors left behind. Groups with a process in them, and
/// those of supervisors that live, stay.
pub fn sweep() {
    for root in Hierarchy::of_this_process().roots() {
        let Ok(entries) = std::fs::read_dir(root) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_str().and_then(owner_of).is_some_and(is_gone) {
                let _ = std::fs::remove_dir(entry.path());
            }
        }
    }
}

/// The supervisor's process id in a group's name.
fn owner_of(name: &str) -> Option<u32> {
    let (owner, number) = name.strip_prefix(PREFIX)?.split_once('-')?;
    number.parse::<u64>().ok()?;
    owner.parse().ok()
}

fn is_gone(owner: u32) -> bool {
    !Path::new(&format!("/proc/{owner}")).exists()
}

/// How our groups' names begin; the supervisor's process id and a number follow.
const PREFIX: &str = "stockade-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_swept() {
        assert_eq!(owner_of("stockade-12-3"), Some(12));
        for name in
            ["stockade", "stockade-12", "stockade-12-x", "stockade-x-1", "user.slice", "stockade-1-2-3"]
        {
            assert_eq!(owner_of(name), None, "{name}");
        }
    }
}
