//! What each place must never contain.

use crate::source::{code, has_word};
use crate::{none, tree};

/// One place, the words it must never contain, and why.
struct Rule {
    place: &'static str,
    never: &'static [&'static str],
    because: &'static str,
}

const FILES: &[&str] =
    &["std::fs", "fs::File", "File::open", "File::create", "OpenOptions", "rustix::fs", "read_to_string("];
const NETWORK: &[&str] =
    &["TcpStream", "TcpListener", "UdpSocket", "UnixListener", "ToSocketAddrs", "rustix::net"];
const CLOCK: &[&str] = &["SystemTime", "Instant::now", "std::time::Instant"];
const RANDOM: &[&str] = &["getrandom", "OsRng", "thread_rng", "RandomState::new"];
const ASYNC: &[&str] = &["async fn", "async move", ".await", "tokio", "futures"];
const PROCESSES: &[&str] = &["process::Command", "Command::new", "sandbox::jail", "jail::", "fork("];
const FORMATS: &[&str] = &["safetensors", "gguf", "serde_json", "minijinja", "tokenizers", "regex"];
const HTTP: &[&str] = &["hyper", "axum", "http::", "ureq"];

const RULES: &[Rule] = &[
    Rule { place: "crates/proto", never: NETWORK, because: "it has words, no sockets" },
    Rule { place: "crates/proto", never: CLOCK, because: "callers pass `now`" },
    Rule { place: "crates/proto", never: FILES, because: "it has words, no files" },
    Rule { place: "crates/policy", never: FILES, because: "a decision depends on its inputs alone" },
    Rule { place: "crates/policy", never: NETWORK, because: "a decision depends on its inputs alone" },
    Rule { place: "crates/policy", never: CLOCK, because: "callers pass `now`" },
    Rule { place: "crates/policy", never: RANDOM, because: "the same inputs give the same answer" },
    Rule { place: "crates/policy", never: ASYNC, because: "a decision waits for nothing" },
    Rule { place: "crates/ledger", never: FILES, because: "it takes bytes" },
    Rule { place: "crates/ledger", never: NETWORK, because: "it takes bytes" },
    Rule { place: "crates/ledger", never: CLOCK, because: "callers pass `now`" },
    Rule { place: "crates/ledger", never: RANDOM, because: "callers pass nonces" },
    Rule { place: "crates/ledger", never: ASYNC, because: "it waits for nothing" },
    Rule { place: "crates/package", never: FILES, because: "it takes bytes" },
    Rule { place: "crates/package", never: NETWORK, because: "it takes bytes" },
    Rule { place: "crates/package", never: CLOCK, because: "callers pass `now`" },
    Rule { place: "crates/package", never: RANDOM, because: "callers pass seeds" },
    Rule { place: "crates/package", never: ASYNC, because: "it waits for nothing" },
    Rule { place: "crates/store", never: NETWORK, because: "it keeps files" },
    Rule { place: "crates/store", never: ASYNC, because: "it waits for the disk only" },
    Rule { place: "crates/sandbox", never: HTTP, because: "it knows kernels, not HTTP" },
    Rule { place: "crates/sandbox", never: FORMATS, because: "it knows kernels, not models" },
    Rule { place: "crates/sandbox", never: ASYNC, because: "a jail is built in one thread" },
    Rule {
        place: "processes/supervisor",
        never: NETWORK,
        because: "it holds every right, so it reads no network",
    },
    Rule {
        place: "processes/supervisor",
        never: HTTP,
        because: "it holds every right, so it parses no HTTP",
    },
    Rule { place: "processes/supervisor", never: FORMATS, because: "the inspector parses, in a jail" },
    Rule { place: "processes/supervisor", never: ASYNC, because: "a runtime is more code than it may have" },
    Rule { place: "processes/inspector", never: NETWORK, because: "it has none" },
    Rule { place: "processes/inspector", never: PROCESSES, because: "only the supervisor starts processes" },
    Rule { place: "processes/worker", never: NETWORK, because: "it has none" },
    Rule { place: "processes/worker", never: PROCESSES, because: "only the supervisor starts processes" },
    Rule { place: "processes/worker", never: ASYNC, because: "a runtime is more code than it may have" },
    Rule { place: "processes/gateway", never: FILES, because: "it opens no model and no tool" },
    Rule { place: "processes/gateway", never: PROCESSES, because: "only the supervisor starts processes" },
    Rule { place: "processes/auditor", never: NETWORK, because: "it reads framed records from descriptors" },
    Rule { place: "processes/auditor", never: HTTP, because: "it reads framed records from descriptors" },
    Rule { place: "processes/auditor", never: PROCESSES, because: "only the supervisor starts processes" },
    Rule {
        place: "processes/auditor",
        never: &["read_to_end", "read_line", "BufRead"],
        because: "every read is bounded",
    },
    Rule { place: "cli", never: &["sandbox::jail", "jail::"], because: "only the supervisor builds jails" },
    Rule { place: "xtask", never: &["sandbox::jail", "jail::"], because: "only the supervisor builds jails" },
];

#[test]
fn no_place_contains_what_it_must_never_contain() {
    let mut complaints = Vec::new();
    for rule in RULES {
        assert!(tree::exists(rule.place), "{} is no place", rule.place);
        for file in tree::files(&format!("{}/src", rule.place), &[".rs"]) {
            for (line, word) in found(&tree::read(&file), rule.never) {
                complaints.push(format!("{file}:{line} has `{word}`: {}", rule.because));
            }
        }
    }
    none(&complaints);
}

#[test]
fn unsafe_code_stands_in_one_folder() {
    let mut complaints = Vec::new();
    for file in tree::files("", &[".rs"]) {
        let permitted = file == "crates/sandbox/src/sys.rs"
            || file.starts_with("crates/sandbox/src/sys/")
            || file == "tests/hostile/src/raw.rs";
        if !permitted {
            for (line, _) in code(&tree::read(&file)).into_iter().filter(|(_, text)| has_word(text, "unsafe"))
            {
                complaints.push(format!("{file}:{line} has unsafe code"));
            }
        }
    }
    none(&complaints);
}

/// Files that end here keep no promise for later.
#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let mut complaints = Vec::new();
    for file in tree::files("", &[".rs", ".md", ".toml", ".py", ".sh", ".jinja"]) {
        for (index, line) in tree::read(&file).lines().enumerate() {
            for mark in marks.iter().filter(|mark| has_word(line, mark)) {
                complaints.push(format!("{file}:{} has {mark}", index + 1));
            }
        }
    }
    none(&complaints);
}

/// Every forbidden word in a text's code, with its line.
fn found<'w>(text: &str, never: &[&'w str]) -> Vec<(usize, &'w str)> {
    let mut found = Vec::new();
    for (number, line) in code(text) {
        found.extend(never.iter().filter(|word| has_word(&line, word)).map(|word| (number, *word)));
    }
    found
}

#[test]
fn a_forbidden_word_is_found_in_code_and_not_in_comments() {
    assert_eq!(found("//! Never std::fs.\nuse std::fs;\n", FILES), [(2, "std::fs")]);
    assert_eq!(found("let stream = TcpStream::connect(a);", NETWORK), [(1, "TcpStream")]);
    assert_eq!(found("use std::os::unix::net::UnixStream;", NETWORK), []);
}
