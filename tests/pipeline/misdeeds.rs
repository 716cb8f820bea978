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

fn request(misdeed: &str, stream: bool) -> Value {
    json!({"model": misdeed, "stream": stream, "max_tokens": 50,
        "messages": [{"role": "user", "content": "Hello!"}]})
}

/// How a hostile model's answer ended: an error's code or why it finished.
fn outcome(stockade: &Stockade, misdeed: &str, stream: bool) -> String {
    let answered = stockade.stream("/v1/chat/completions", &request(misdeed, stream));
    if answered.head().status == 200 && stream {
        let whole = answered.whole();
        return whole.error.unwrap_or(whole.finish);
    }
    let answer = answered.into_response();
    let finish = answer.json()["choices"][0]["finish_reason"].as_str().map(str::to_owned);
    finish.unwrap_or_else(|| answer.code())
}

#[test]
fn every_way_to_break_the_rules_of_the_engine_link_is_contained() {
    let mut options = Options::demo().limit("wall-ms-max", 4000).replace("stockade-worker", &hostile());
    for (misdeed, _) in MISDEEDS {
        options = options.model(misdeed, Package::demo_with("attack.txt", &format!("{misdeed}\n")));
    }
    let stockade = Stockade::start(options);
    for (misdeed, expected) in MISDEEDS {
        for stream in [false, true] {
            let what = format!("{misdeed}, stream {stream}");
            let found = eventually(&format!("{what}: an outcome"), || {
                let found = outcome(&stockade, misdeed, stream);
                // Between two starts of the hostile engine there is none to ask.
                (found != "model_not_ready").then_some(found)
            });
            assert!(expected.contains(&found.as_str()), "{what}: {found}");
            assert_eq!(
                stockade.chat("Hello!").answer(),
                "Hello! How can I help?",
                "{what}: others are served"
            );
        }
    }
    let strict = MISDEEDS.iter().filter(|(_, expected)| *expected == MISBEHAVED).count();
    let violated = eventually("a record of each breach", || {
        let violated = stockade.records_named("link_violated");
        (violated.len() >= strict * 2).then_some(violated)
    });
    assert!(violated.iter().all(|record| record["data"]["process"] == "worker"), "{violated:?}");
    assert_eq!(stockade.ledger().verify().code, Some(0));
}

/// The hostile engine, built apart from everything that ships.
fn hostile() -> std::path::PathBuf {
    let manifest = places::workspace().join("tests/hostile/Cargo.toml").display().to_string();
    places::build_packages(places::Build::Development, &[], &["--manifest-path", &manifest]);
    places::target(places::Build::Development).join("stockade-hostile")
}
