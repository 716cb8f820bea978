//! Where the kernel's control groups are: one mount for each controller (v1), or one for all (v2).

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// The folders in which groups of ours are made, one for each controller.
#[derive(Debug, Default)]
pub(super) struct Hierarchy {
    pub(super) memory: Option<Root>,
    pub(super) pids: Option<Root>,
    pub(super) cpu: Option<Root>,
}

/// One folder, and which version's files it has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Root {
    pub(super) folder: PathBuf,
    pub(super) version: Version,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Version {
    One,
    Two,
}

impl Hierarchy {
    /// Where this process may make groups: read once, from the mounts and its own groups.
    pub(super) fn of_this_process() -> &'static Self {
        static FOUND: OnceLock<Hierarchy> = OnceLock::new();
        FOUND.get_or_init(|| {
            let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
            let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
            Self::read(&mounts, &own)
        })
    }

    fn read(mounts: &str, own: &str) -> Self {
        let mut hierarchy = Self::default();
        for line in mounts.lines() {
            let mut words = line.split(' ').skip(1);
            let (Some(folder), Some(kind), Some(options)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            match kind {
                "cgroup" => hierarchy.add_version_one(folder, options, own),
                "cgroup2" => hierarchy.add_version_two(folder, own),
                _ => {}
            }
        }
        hierarchy
    }

    fn add_version_one(&mut self, mount: &str, options: &str, own: &str) {
        for (controller, place) in self.places() {
            if place.is_none() && options.split(',').any(|option| option == controller) {
                *place =
                    Some(Root { folder: nested(Path::new(mount), controller, own), version: Version::One });
            }
        }
    }

    fn add_version_two(&mut self, mount: &str, own: &str) {
        let Some(folder) = delegated(Path::new(mount), own) else { return };
        let offered = std::fs::read_to_string(folder.join("cgroup.subtree_control")).unwrap_or_default();
        for (controller, place) in self.places() {
            if place.is_none() && offered.split_whitespace().any(|word| word == controller) {
                *place = Some(Root { folder: folder.clone(), version: Version::Two });
            }
        }
    }

    fn places(&mut self) -> [(&'static str, &mut Option<Root>); 3] {
        [("memory", &mut self.memory), ("pids", &mut self.pids), ("cpu", &mut self.cpu)]
    }

    /// The distinct folders.
    pub(super) fn roots(&self) -> Vec<&Path> {
        let mut roots: Vec<&Path> = [&self.memory, &self.pids, &self.cpu]
            .into_iter()
            .flatten()
            .map(|root| root.folder.as_path())
            .collect();
        roots.sort_unstable();
        roots.dedup();
        roots
    }
}

/// The folder of a v1 controller: our own group, so that whatever limits us limits the jails too; the
/// mount itself when our group isn't below it, as in a container.
fn nested(mount: &Path, controller: &str, own: &str) -> PathBuf {
    let path = own.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(":/")?;
        controllers.split(',').any(|word| word == controller).then_some(path)
    });
    path.map(|path| mount.join(path)).filter(|folder| folder.is_dir()).unwrap_or_else(|| mount.to_owned())
}

/// The folder of a v2 tree in which we may make groups with controllers: the root of the tree when we
/// are its root, otherwise the nearest group above our own that was delegated to us.
///
/// A group with processes in it may not hand controllers on, so ours itself never serves: a service
/// that is to have ceilings is started in a subgroup of what is delegated (`DelegateSubgroup=`).
fn delegated(mount: &Path, own: &str) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mut folder = mount.join(path);
    while folder.starts_with(mount) {
        let control = folder.join("cgroup.subtree_control");
        let hands_on = |text: String| text.split_whitespace().any(|word| word == "memory");
        if std::fs::read_to_string(&control).is_ok_and(hands_on)
            && rustix::fs::access(&folder, rustix::fs::Access::WRITE_OK).is_ok()
        {
            return Some(folder);
        }
        if !folder.pop() {
            break;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_v1_controller_is_found_at_its_own_mount() {
        let mounts = "cgroup /nonexistent/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n\
                      cgroup /nonexistent/memory cgroup rw,relatime,memory 0 0\n\
                      cgroup /nonexistent/cpuset cgroup rw,cpuset 0 0\n";
        let hierarchy = Hierarchy::read(mounts, "4:memory:/elsewhere\n");
        let one = |folder: &str| Some(Root { folder: PathBuf::from(folder), version: Version::One });
        assert_eq!(hierarchy.cpu, one("/nonexistent/cpu,cpuacct"));
        assert_eq!(hierarchy.memory, one("/nonexistent/memory"));
        assert_eq!(hierarchy.pids, None);
    }

    #[test]
    fn a_v2_tree_without_controllers_gives_none() {
        let hierarchy = Hierarchy::read("cgroup2 /nonexistent cgroup2 rw 0 0\n", "0::/\n");
        assert!(hierarchy.roots().is_empty());
    }

    #[test]
    fn a_v2_tree_is_found_above_our_own_group() {
        let tree = std::env::temp_dir().join(format!("stockade-tree-{}", std::process::id()));
        let own = tree.join("service/supervisor");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(tree.join("service/cgroup.subtree_control"), "cpu memory pids\n").unwrap();
        std::fs::write(own.join("cgroup.subtree_control"), "\n").unwrap();
        let mounts = format!("cgroup2 {} cgroup2 rw 0 0\n", tree.display());
        let hierarchy = Hierarchy::read(&mounts, "0::/service/supervisor\n");
        let two = Some(Root { folder: tree.join("service"), version: Version::Two });
        assert_eq!((hierarchy.memory, hierarchy.pids, hierarchy.cpu), (two.clone(), two.clone(), two));
        std::fs::remove_dir_all(tree).unwrap();
    }
}
