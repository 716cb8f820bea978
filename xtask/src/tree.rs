//! Where things are in the work tree.

use std::env;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The root of the work tree: cargo says where this package's manifest is.
pub(crate) fn root() -> PathBuf {
    let manifest =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.parent().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// Where cargo puts what it builds: this program is there, in `<target>/<triple>/debug`.
pub(crate) fn built() -> Result<PathBuf, Failure> {
    let own = env::current_exe().map_err(|error| Failure::io("this program has no path", &error))?;
    Ok(own.parent().map_or_else(|| PathBuf::from("."), Path::to_owned))
}

/// The names of the product's programs, from `topology.toml`.
pub(crate) fn programs() -> Result<Vec<String>, Failure> {
    let path = root().join("topology.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| Failure::io("topology.toml", &error))?;
    let table: toml::Table =
        toml::from_str(&text).map_err(|error| Failure::new(format!("topology.toml: {error}")))?;
    let processes = table.keys().map(|name| format!("stockade-{name}"));
    Ok(std::iter::once("stockade".to_owned()).chain(processes).collect())
}

/// A place for what a task writes, below `target/`.
pub(crate) fn scratch(name: &str) -> Result<PathBuf, Failure> {
    let path = root().join("target").join(name);
    std::fs::create_dir_all(&path).map_err(|error| Failure::io(path.display(), &error))?;
    Ok(path)
}
