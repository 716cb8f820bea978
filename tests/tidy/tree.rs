//! The files of the tree.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the tree.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file, by its path from the root.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether there is such a file or folder.
pub(crate) fn exists(path: &str) -> bool {
    root().join(path).exists()
}

/// The names of the folders directly below `folder`.
pub(crate) fn folders(folder: &str) -> Vec<String> {
    entries(folder).into_iter().filter(|(_, is_folder)| *is_folder).map(|(name, _)| name).collect()
}

/// Every file below `folder` whose name ends in one of `endings`, as paths from the root. Leaves out
/// what is built, downloaded or hidden.
pub(crate) fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (name, is_folder) in entries(folder) {
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if is_folder {
            if !NOT_OURS.contains(&name.as_str()) {
                found.extend(files(&path, endings));
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            found.push(path);
        }
    }
    found
}

fn entries(folder: &str) -> Vec<(String, bool)> {
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return Vec::new() };
    let mut found: Vec<(String, bool)> = entries
        .map(|entry| entry.expect("a readable folder"))
        .filter_map(|entry| {
            let kind = entry.file_type().expect("a kind of file");
            entry.file_name().into_string().ok().map(|name| (name, kind.is_dir()))
        })
        .collect();
    found.sort();
    found
}

const NOT_OURS: &[&str] = &["target", ".git", ".venv", "__pycache__", ".stockade", ".pytest_cache"];
