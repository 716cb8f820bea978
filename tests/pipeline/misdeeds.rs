//! An engine that breaks the rules of its link: its clients get a typed error, others are served, and
//! it is recorded.

use serde_json::{Value, json};
use stockade_tests::{Options, Package, Stockade, eventually, places};

/// Each way to misbehave and what a client may be told then. An engine that goes on for ever or says
/// too much at once may also simply be cut off at the answer's ceiling.
const MISDEEDS: &[(&str, &[&str])] = &[
    ("answer_for_ever", &["worker_misbehaved", "length"]),
    ("answer_for_another_request", MISBEHAVED),
    ("answer_before_accepting", MISBEHAVED),
    ("answer_after_the_end", &["worker_misbehaved", "worker_crashed", "stop"]),
    ("answer_a_huge_piece", &["worker_misbehaved", "length"]),
    ("announce_a_huge_frame", MISBEHAVED),
    ("answer_rubbish", MISBEHAVED),
    ("answer_invalid_utf8", MISBEHAVED),
    ("claim_a_foreign_failure", MISBEHAVED),
    ("stop_in_the_middle", &["worker_crashed"]),
    ("say_nothing", &["deadline_passed"]),
];

const MISBEHAVED: &[&str] = &["worker_misbehaved"];

fn request(stream: bool) -> Value {
    json!({"model": "hostile", "stream": stream, "max_tokens": 50,
        "messages": [{"role": "user", "content": "Hello!"}]})
}

/// How the hostile model's answer ended: an error's code or why it finished.
fn outcome(stockade: &Stockade, stream: bool) -> String {
    if stream {
        let stream = stockade.stream("/v1/chat/completions", &request(true));
        if stream.head().status == 200 {
            let whole = stream.whole();
            return whole.error.unwrap_or(whole.finish);
        }
    }
    let answer = stockade.post("/v1/chat/completions", &request(false));
    if answer.status() == 200 {
        return answer.json()["choices"][0]["finish_reason"].as_str().unwrap_or_default().to_owned();
    }
    answer.code()
}

fn misbehaves(misdeed: &str, expected: &[&str]) {
    let options = Options::demo()
        .model("hostile", Package::demo_with("attack.txt", &format!("{misdeed}\n")))
        .limit("wall-ms-max", 4000)
        .replace("stockade-worker", &hostile());
    let stockade = Stockade::start(options);
    for stream in [false, true] {
        let found = eventually("an outcome", || {
            let found = outcome(&stockade, stream);
            // Between two starts of the hostile engine there is none to ask.
            (found != "model_not_ready").then_some(found)
        });
        assert!(expected.contains(&found.as_str()), "{misdeed}, stream {stream}: {found}");
        assert_eq!(
            stockade.chat("Hello!").answer(),
            "Hello! How can I help?",
            "{misdeed}: others are served"
        );
    }
    if expected == MISBEHAVED {
        let violated = eventually("the record of it", || stockade.records_named("link_violated").pop());
        assert_eq!(violated["data"]["process"], "worker", "{misdeed}");
    }
    assert_eq!(stockade.ledger().verify().code, Some(0), "{misdeed}");
}

#[test]
fn every_way_to_break_the_rules_of_the_engine_link_is_contained() {
    for (misdeed, expected) in MISDEEDS {
        misbehaves(misdeed, expected);
    }
}

/// The hostile engine, built apart from everything that ships.
fn hostile() -> std::path::PathBuf {
    let manifest = places::workspace().join("tests/hostile/Cargo.toml").display().to_string();
    places::build_packages(places::Build::Development, &[], &["--manifest-path", &manifest]);
    places::target(places::Build::Development).join("stockade-hostile")
}
