//! Where state is kept.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::failure::{Result, host, usage};

/// The state directory: the flag's, the configuration's, or the default.
pub(crate) fn directory(flag: Option<&Path>, config: &Config) -> Result<PathBuf> {
    let chosen = match flag.or(config.file.state.as_deref()) {
        Some(path) => path.to_owned(),
        None => default_directory(&|name| std::env::var_os(name).map(PathBuf::from), is_root()),
    };
    std::path::absolute(&chosen).map_err(|error| host("find", &chosen, &error))
}

/// A path as text: links between processes carry text.
pub(crate) fn text(path: &Path) -> Result<String> {
    let not_text = || usage(format!("`{}` is not UTF-8", path.display()));
    path.to_str().map(str::to_owned).ok_or_else(not_text)
}

/// Whether the caller is root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// `/var/lib/stockade` for root; for others as the XDG base directory specification says.
fn default_directory(variable: &dyn Fn(&str) -> Option<PathBuf>, root: bool) -> PathBuf {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    if root {
        return PathBuf::from("/var/lib/stockade");
    }
    match (absolute("XDG_STATE_HOME"), absolute("HOME")) {
        (Some(state), _) => state.join("stockade"),
        (None, Some(home)) => home.join(".local/state/stockade"),
        (None, None) => PathBuf::from("stockade-state"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_directory_follows_the_user() {
        let home = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/a"));
        assert_eq!(default_directory(&home, true), Path::new("/var/lib/stockade"));
        assert_eq!(default_directory(&home, false), Path::new("/home/a/.local/state/stockade"));
        let xdg = |name: &str| (name == "XDG_STATE_HOME").then(|| PathBuf::from("/state"));
        assert_eq!(default_directory(&xdg, false), Path::new("/state/stockade"));
        let relative = |name: &str| (name == "XDG_STATE_HOME").then(|| PathBuf::from("state"));
        assert_eq!(default_directory(&relative, false), Path::new("stockade-state"));
    }
}
