//! Where things are: the work tree, the programs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use tempfile::TempDir;

/// Where a copy of the tree is named.
pub const TREE: &str = "STOCKADE_TREE";

/// Every program of the product.
pub const PROGRAMS: &[&str] = &[
    "stockade",
    "stockade-supervisor",
    "stockade-inspector",
    "stockade-worker",
    "stockade-gateway",
    "stockade-auditor",
];

/// The work tree: the one that this was built from, or the copy of it that [`TREE`] names.
pub fn workspace() -> PathBuf {
    copied_tree().unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")))
}

/// A copy of the tree and of everything built, in which there is nothing to build with: how tests run as
/// a user who may not look into the tree.
fn copied_tree() -> Option<PathBuf> {
    std::env::var_os(TREE).map(PathBuf::from)
}

/// How the programs are built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Build {
    /// As the demo and the tests do.
    Development,
    /// As benchmarks do.
    Release,
}

/// The directory of the product's programs, which are built first, once in a test process.
///
/// # Panics
/// When they cannot be built.
pub fn programs(build: Build) -> &'static Path {
    static DEVELOPMENT: OnceLock<PathBuf> = OnceLock::new();
    static RELEASE: OnceLock<PathBuf> = OnceLock::new();
    let place = match build {
        Build::Development => &DEVELOPMENT,
        Build::Release => &RELEASE,
    };
    place.get_or_init(|| {
        build_packages(build, PROGRAMS, &[]);
        target(build)
    })
}

/// Builds packages of the workspace with these further arguments.
///
/// # Panics
/// When they cannot be built.
pub fn build_packages(build: Build, packages: &[&str], arguments: &[&str]) {
    if copied_tree().is_some() {
        return;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program(&cargo);
    // Built apart from the tests: what they ask of the crates in common must not reach the product.
    command.current_dir(workspace()).args(["build", "--locked", "--quiet"]).args(arguments);
    command.args(packages.iter().flat_map(|name| ["--package", name]));
    if build == Build::Release {
        command.arg("--release");
    }
    let status = command.stdin(Stdio::null()).status().expect("cargo starts");
    assert!(status.success(), "the programs do not build");
}

/// Where cargo puts programs: this process is one of them, in `deps` when it is a test.
///
/// # Panics
/// When this process was not built by cargo.
pub fn target(build: Build) -> PathBuf {
    let profile = match build {
        Build::Development => "debug",
        Build::Release => "release",
    };
    let own = std::env::current_exe().expect("this program has a path");
    let above = own.ancestors().find(|path| path.ends_with("debug") || path.ends_with("release"));
    let target = above.and_then(Path::parent).expect("this program was built by cargo");
    target.join(profile)
}

/// A directory with the product's programs and one of them replaced.
///
/// # Panics
/// When a program cannot be copied.
pub fn programs_with(build: Build, replaced: &str, by: &Path) -> TempDir {
    let directory = scratch("programs");
    for name in PROGRAMS {
        let source = if *name == replaced { by.to_owned() } else { programs(build).join(name) };
        fs::copy(&source, directory.path().join(name))
            .unwrap_or_else(|error| panic!("copy {}: {error}", source.display()));
    }
    directory
}

/// A directory of this test's own, removed with everything in it when it is dropped.
///
/// # Panics
/// When it cannot be made.
pub fn scratch(name: &str) -> TempDir {
    tempfile::Builder::new().prefix(&format!("stockade-{name}-")).tempdir().expect("a directory of our own")
}

/// A program to be started.
pub fn program(path: impl AsRef<std::ffi::OsStr>) -> Command {
    #[expect(clippy::disallowed_methods, reason = "tests start what a person would start")]
    Command::new(path)
}
