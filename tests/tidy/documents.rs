//! The documents against the code.

use std::collections::BTreeSet;

use proto::Code;

use crate::topology::table;
use crate::{none, tree};

const ROOT_DOCUMENTS: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "SPECIFICATION.md",
    "SECURITY.md",
    "GLOSSARY.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/threat-model.md",
    "docs/known-issues.md",
    "docs/decisions/README.md",
];

#[test]
fn the_documents_are_there() {
    for document in ROOT_DOCUMENTS {
        assert!(tree::read(document).starts_with("# "), "{document} has no title");
    }
    assert!(tree::read("ARCHITECTURE.md").lines().count() <= 300, "ARCHITECTURE.md is a bird's eye view");
}

#[test]
fn the_readme_shows_exactly_two_commands() {
    let commands = shell_lines(&tree::read("README.md"));
    assert_eq!(commands, ["cargo demo", "cargo verify"]);
}

#[test]
fn every_error_code_has_a_page_and_no_page_is_without_a_code() {
    let pages: BTreeSet<String> = tree::files("docs/errors", &[".md"])
        .into_iter()
        .map(|file| file.trim_start_matches("docs/errors/").trim_end_matches(".md").to_owned())
        .filter(|page| page != "README")
        .collect();
    let codes: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    let complaints: Vec<String> = codes
        .difference(&pages)
        .map(|code| format!("docs/errors/{code}.md is missing"))
        .chain(pages.difference(&codes).map(|page| format!("docs/errors/{page}.md belongs to no code")))
        .collect();
    none(&complaints);
    for code in &codes {
        let page = tree::read(&format!("docs/errors/{code}.md"));
        assert!(page.starts_with(&format!("# `{code}`")), "docs/errors/{code}.md has another title");
        assert!(
            page.lines().filter(|line| !line.trim().is_empty()).count() >= 3,
            "{code}: the page says nothing"
        );
    }
}

#[test]
fn an_error_page_says_the_status_that_clients_see() {
    let mut complaints = Vec::new();
    for code in Code::ALL {
        let page = tree::read(&format!("docs/errors/{code}.md"));
        let answer = policy::answer(*code);
        let said = format!("as HTTP {}", answer.status);
        let retry = format!("`x-should-retry: {}`", answer.retry);
        if page.contains("API clients") && !(page.contains(&said) && page.contains(&retry)) {
            complaints.push(format!("docs/errors/{code}.md does not say `{said}` with {retry}"));
        }
    }
    none(&complaints);
}

#[test]
fn every_promise_names_a_test_that_exists() {
    let promises = promises(&tree::read("SPECIFICATION.md"));
    assert!(promises.len() >= 40, "only {} promises were found", promises.len());
    let mut complaints = Vec::new();
    for (index, (number, text)) in promises.iter().enumerate() {
        if *number != index + 1 {
            complaints.push(format!("promise {number} stands where {} should", index + 1));
        }
        let tests = tests_named(text);
        if tests.is_empty() && !text.contains("[test pending]") {
            complaints.push(format!("promise {number} names no test and does not say [test pending]"));
        }
        for (file, function) in tests {
            if !tree::exists(&file) {
                complaints.push(format!("promise {number}: {file} does not exist"));
            } else if !tree::read(&file).contains(&format!("fn {function}(")) {
                complaints.push(format!("promise {number}: {file} has no `{function}`"));
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_threat_model_says_of_each_process_what_the_table_says() {
    let document = tree::read("docs/threat-model.md");
    let mut complaints = Vec::new();
    for (name, process) in table() {
        if !document.contains(&process.taken_over) {
            complaints.push(format!("docs/threat-model.md does not say of {name}: {}", process.taken_over));
        }
    }
    none(&complaints);
}

#[test]
fn decisions_have_a_number_of_their_own_and_a_title() {
    let mut numbers = BTreeSet::new();
    let index = tree::read("docs/decisions/README.md");
    let mut complaints = Vec::new();
    for file in tree::files("docs/decisions", &[""]) {
        let name = file.trim_start_matches("docs/decisions/");
        if name == "README.md" {
            continue;
        }
        let (number, title) = name.split_at_checked(4).unwrap_or_default();
        let numbered = number.len() == 4 && number.bytes().all(|byte| byte.is_ascii_digit());
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let words = title.strip_prefix('-').and_then(|title| title.strip_suffix(".md"));
        let titled = words.is_some_and(|words| !words.is_empty() && words.bytes().all(plain));
        if !numbered || !titled {
            complaints.push(format!("{file} is not named NNNN-title.md"));
        } else if !numbers.insert(number.to_owned()) {
            complaints.push(format!("{file}: {number} is taken"));
        }
        if !index.contains(name) {
            complaints.push(format!("docs/decisions/README.md does not list {name}"));
        }
    }
    none(&complaints);
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut complaints = Vec::new();
    for document in tree::files("", &[".md"]) {
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        for target in links(&tree::read(&document)) {
            let path = target.split('#').next().unwrap_or_default();
            let joined = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
            if !path.is_empty() && !tree::exists(&joined) {
                complaints.push(format!("{document}: {target} leads nowhere"));
            }
        }
    }
    none(&complaints);
}

/// The lines of all `sh` blocks of a document.
fn shell_lines(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            found.push(line.to_owned());
        }
    }
    found
}

/// Numbered promises: `4. **Name.** Text`, up to the next one, a heading or an empty line.
fn promises(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let number = line.split_once(". **").and_then(|(number, _)| number.parse().ok());
        if let Some(number) = number {
            found.push((number, line.to_owned()));
            open = true;
        } else if line.trim().is_empty() || line.starts_with('#') {
            open = false;
        } else if open && let Some((_, promise)) = found.last_mut() {
            promise.push('\n');
            promise.push_str(line);
        }
    }
    found
}

/// The tests that a promise names, as `` `file.rs::function` ``.
fn tests_named(text: &str) -> Vec<(String, String)> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|quoted| quoted.split_once(".rs::"))
        .map(|(file, function)| (format!("{file}.rs"), function.to_owned()))
        .collect()
}

/// Relative targets of `[text](target)` and `![text](target)`, code left out.
fn links(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        }
        if inside {
            continue;
        }
        for (_, rest) in
            line.match_indices("](").filter_map(|(at, mark)| line.split_at_checked(at + mark.len()))
        {
            if let Some((target, _)) = rest.split_once(')')
                && !target.contains("://")
                && !target.starts_with("mailto:")
            {
                found.push(target.to_owned());
            }
        }
    }
    found
}

#[test]
fn promises_and_the_tests_they_name_are_found() {
    let text = "1. **A.** b `t/x.rs::y`\n   more `z`\n\n2. **C.** [test pending]\n";
    let found = promises(text);
    assert_eq!(found.len(), 2);
    assert_eq!(tests_named(&found[0].1), [("t/x.rs".to_owned(), "y".to_owned())]);
    assert!(tests_named(&found[1].1).is_empty());
}

#[test]
fn links_and_commands_are_found() {
    assert_eq!(
        links("see [a](b.md#c) and ![p](q.svg)\n```\n[x](y)\n```\n[w](https://z)"),
        ["b.md#c", "q.svg"]
    );
    assert_eq!(shell_lines("```sh\na\n```\n```text\nb\n```\n"), ["a"]);
}
