//! Paths within a package: relative, plain, with one spelling.

use proto::Code;

/// Most bytes of one component.
pub const COMPONENT_BYTES_MAX: usize = 255;
/// Most bytes of a whole path.
pub const PATH_BYTES_MAX: usize = 1024;
/// Most components.
pub const DEPTH_MAX: usize = 8;

/// Checks a path that a manifest, a signature or a directory names.
///
/// # Errors
/// [`PathError`] for the first rule that it breaks.
pub fn check(path: &str) -> Result<(), PathError> {
    let refuse = |rule| Err(PathError { path: path.chars().take(CHARS_SHOWN).collect(), rule });
    if path.len() > PATH_BYTES_MAX || path.split('/').count() > DEPTH_MAX {
        return refuse("is too long or too deep");
    }
    for component in path.split('/') {
        if component.is_empty() {
            return refuse("is absolute, empty, or has an empty component");
        }
        if component.len() > COMPONENT_BYTES_MAX {
            return refuse("has a component that is too long");
        }
        // Covers `.`, `..` and hidden files, which other tools leave out of signatures.
        if component.starts_with('.') {
            return refuse("has a component that begins with a dot");
        }
        if component.starts_with(' ') || component.ends_with([' ', '.']) {
            return refuse("has a component that begins or ends with a space, or ends with a dot");
        }
        if !component.chars().all(plain) {
            return refuse("has a character that is not allowed");
        }
    }
    if path != crate::BUNDLE_PATH && has_extension(path, "sig") {
        return refuse("ends like a signature");
    }
    Ok(())
}

/// A path breaks a rule.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("path {path:?} {rule}")]
pub struct PathError {
    /// The path, shortened.
    pub path: String,
    /// The rule.
    pub rule: &'static str,
}

impl PathError {
    /// The code under which operators know it.
    pub const fn code(&self) -> Code {
        Code::PathInvalid
    }
}

pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
}

/// Letters and digits of any script; of ASCII, what prints and means nothing to shells' globs, paths
/// or other systems' drives. Marks, separators and direction changes are in neither.
fn plain(letter: char) -> bool {
    if letter.is_ascii() {
        letter.is_ascii_alphanumeric() || " !#$%&'()+,-.=@[]^_{}~".contains(letter)
    } else {
        letter.is_alphanumeric()
    }
}

const CHARS_SHOWN: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_accepted() {
        let deep = "a/".repeat(7) + "b";
        for path in ["config.json", "a/b-c_d.e", "modèle/重み.safetensors", "LICENSE", "model.sig", &deep]
        {
            check(path).unwrap();
        }
    }

    #[test]
    fn paths_that_could_mean_something_else_are_refused() {
        let long = "a".repeat(256);
        let deep = "a/".repeat(8) + "b";
        for path in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "./a",
            "a/.",
            ".git/x",
            "a\\b",
            "a\0b",
            "a\nb",
            "a\u{202e}b",
            "a\u{200b}",
            "\u{feff}a",
            "c:a",
            "a*",
            " a",
            "a ",
            "a.",
            "x.sig",
            "a/model.sig",
            "MODEL.SIG",
            "a\u{1b}[0m",
            &long,
            &deep,
        ] {
            assert!(check(path).is_err(), "{path:?}");
        }
    }
}
