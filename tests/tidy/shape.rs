//! The shape of files: how long, how they begin, how small `main` is.

use crate::source::code;
use crate::{none, tree};

const LINES_MAX: usize = 600;
const MAIN_LINES_MAX: usize = 15;

#[test]
fn no_file_is_longer_than_its_ceiling() {
    let mut complaints = Vec::new();
    for file in tree::files("", &[".rs", ".py"]) {
        let lines = tree::read(&file).lines().count();
        if lines > LINES_MAX {
            complaints.push(format!("{file} has {lines} lines, {LINES_MAX} at most"));
        }
    }
    none(&complaints);
}

#[test]
fn every_program_and_library_says_its_role_its_security_and_its_non_goals() {
    let mut complaints = Vec::new();
    for file in entry_points() {
        let text = tree::read(&file);
        let header: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        for part in ["//! # Role", "//! # Security", "//! # Non-goals"] {
            if !header.contains(&part) {
                complaints.push(format!("{file}: its header has no `{part}`"));
            }
        }
    }
    none(&complaints);
}

#[test]
fn every_program_and_library_but_the_sandbox_forbids_unsafe_code() {
    let mut complaints = Vec::new();
    for file in entry_points() {
        let excepted = file.starts_with("crates/sandbox/") || file.starts_with("tests/hostile/");
        if !excepted && !tree::read(&file).contains("#![forbid(unsafe_code)]") {
            complaints.push(format!("{file} does not forbid unsafe code"));
        }
    }
    none(&complaints);
}

#[test]
fn main_is_a_page_header_not_a_program() {
    let mut complaints = Vec::new();
    for file in entry_points().into_iter().filter(|file| file.ends_with("/main.rs")) {
        match main_lines(&tree::read(&file)) {
            Some(lines) if lines <= MAIN_LINES_MAX => {}
            Some(lines) => {
                complaints.push(format!("{file}: main has {lines} lines, {MAIN_LINES_MAX} at most"));
            }
            None => complaints.push(format!("{file} has no main")),
        }
    }
    none(&complaints);
}

/// A module's file stands beside its folder, so that a name is found in one way.
#[test]
fn modules_are_named_files_not_mod_rs() {
    none(&tree::files("", &["/mod.rs", "mod.rs"]));
}

/// Where a program or a library begins.
fn entry_points() -> Vec<String> {
    tree::files("", &["main.rs", "lib.rs"])
        .into_iter()
        .filter(|file| file.ends_with("/src/main.rs") || file.ends_with("/src/lib.rs"))
        .collect()
}

/// Lines of `fn main`, from its name to its closing brace.
fn main_lines(text: &str) -> Option<usize> {
    let code = code(text);
    let (first, _) = code.iter().find(|(_, line)| line.starts_with("fn main("))?;
    let (last, _) = code
        .iter()
        .find(|(number, line)| number > first && line.starts_with('}'))
        .or_else(|| code.iter().find(|(number, line)| number == first && line.trim_end().ends_with('}')))?;
    Some(last - first + 1)
}

#[test]
fn the_lines_of_main_are_counted() {
    assert_eq!(main_lines("//! x\nfn main() -> A {\n    b()\n}\nfn c() {\n}\n"), Some(3));
    assert_eq!(main_lines("fn main() {}\n"), Some(1));
    assert_eq!(main_lines("fn other() {}\n"), None);
}
