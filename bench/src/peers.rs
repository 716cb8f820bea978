//! Programs of others that do something alike.

use std::{path::PathBuf, process::Stdio};

use stockade_tests::places;

/// The path of an installed program.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// A program's version, in one line.
pub(crate) fn version(name: &str) -> String {
    let output = places::program(name).arg("--version").stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Compiles a small C program of this benchmark.
pub(crate) fn compile(source: &str, to: &std::path::Path) -> bool {
    let source = places::workspace().join("bench/native").join(source);
    let mut compiler = places::program("cc");
    compiler.args(["-O2", "-static", "-o"]).arg(to).arg(source).stdin(Stdio::null());
    compiler.status().is_ok_and(|status| status.success())
}
