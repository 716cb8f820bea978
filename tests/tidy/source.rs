//! Rust source without what does not run: comments, texts, and the tests at a file's end.

/// The lines of code, each with its number from 1. Texts are emptied.
pub(crate) fn code(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let next = text.lines().nth(index + 1).unwrap_or_default().trim_start();
        if line.trim() == "#[cfg(test)]" && next.starts_with("mod ") && !next.trim_end().ends_with(';') {
            break;
        }
        let line = without_texts(line);
        let line = line.split_once(" //").map_or(line.as_str(), |(code, _)| code);
        if !line.trim_start().starts_with("//") {
            found.push((index + 1, line.to_owned()));
        }
    }
    found
}

/// A line with nothing between its double quotes.
fn without_texts(line: &str) -> String {
    let (mut kept, mut inside, mut escaped) = (String::new(), false, false);
    for c in line.replace("'\"'", "''").chars() {
        if !inside || c == '"' && !escaped {
            kept.push(c);
        }
        inside ^= c == '"' && !escaped;
        escaped = inside && c == '\\' && !escaped;
    }
    kept
}

/// Whether `word` stands in `line` and is not part of a longer name.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let part_of_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        let starts_name = word.starts_with(|c: char| c.is_alphanumeric());
        let ends_name = word.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        !(starts_name && part_of_name(before) || ends_name && part_of_name(after))
    })
}

#[test]
fn comments_and_tests_are_not_code() {
    let text =
        "//! doc\nfn a() {} // why\n#[cfg(test)]\nuse x;\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
    let lines: Vec<usize> = code(text).into_iter().map(|(number, _)| number).collect();
    assert_eq!(lines, [2, 3, 4]);
    assert_eq!(code(text)[0].1, "fn a() {}");
    assert_eq!(code("say(\"an \\\"unsafe\\\" word\", x)")[0].1, "say(\"\", x)");
}

#[test]
fn a_word_is_found_whole() {
    assert!(has_word("let x = unsafe { y };", "unsafe"));
    assert!(has_word("use std::{fs, io};", "fs"));
    assert!(!has_word("#![forbid(unsafe_code)]", "unsafe"));
    assert!(has_word("std::fs::read(p)", "std::fs"));
    assert!(!has_word("rustix_std::fsx", "std::fs"));
}
