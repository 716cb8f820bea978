//! How the engine behaves on its link.

use std::io::Write as _;

use package::Format;
use proto::link::engine::{Finish, Prompt, Sampling, ToEngine};
use proto::{Code, RequestId};
use serde_json::Value;

use crate::client::{Client, Terms, plain};
use crate::demo::{self, LIMITS, user};

fn client(format: Format) -> Client {
    Client::new(demo::load(format), LIMITS)
}

/// Prompts whose whole answer is known.
fn known() -> Vec<(Prompt, String)> {
    let prompts = demo::read("prompts.json")["prompts"].as_array().unwrap().clone();
    let exact = prompts.iter().filter(|case| case["known_failure"] != Value::Bool(true));
    let exact = exact.filter_map(|case| Some((demo::chat(case), case["exact"].as_str()?.to_owned())));
    let exact: Vec<_> = exact.collect();
    assert!(exact.len() > 10);
    exact
}

/// A prompt whose answer never ends by itself.
fn endless() -> Prompt {
    let prompts = demo::read("prompts.json")["prompts"].as_array().unwrap().clone();
    demo::chat(prompts.iter().find(|case| case["skill"] == "repeat_forever").unwrap())
}

#[test]
fn the_demo_model_does_what_it_promises() {
    let mut client = client(Format::Safetensors);
    for (prompt, expected) in known() {
        let outcome = client.answer(prompt, plain());
        assert_eq!((outcome.text.as_str(), outcome.finish), (expected.as_str(), Some(Finish::Stop)));
        assert_eq!(outcome.tokens, outcome.output_tokens);
    }
    client.close();
}

#[test]
fn many_at_once_are_answered_as_each_alone() {
    for format in [Format::Safetensors, Format::Gguf] {
        let mut client = client(format);
        let prompts: Vec<_> = known().into_iter().map(|(prompt, _)| prompt).collect();
        let alone: Vec<_> =
            prompts.iter().map(|prompt| client.answer(prompt.clone(), plain()).text).collect();
        for (prompts, alone) in prompts.chunks(8).zip(alone.chunks(8)) {
            let requests: Vec<_> = prompts.iter().map(|prompt| client.ask(prompt.clone(), plain())).collect();
            for (request, alone) in requests.into_iter().zip(alone) {
                assert_eq!(&client.outcome(request).text, alone);
            }
        }
        client.close();
    }
}

#[test]
fn a_long_prompt_does_not_stop_other_answers() {
    let mut client = client(Format::Safetensors);
    let mut long = plain();
    long.limits.output_tokens_max = 400;
    let streaming = client.ask(endless(), long);
    while client.so_far(streaming).pieces == 0 {
        client.hear().unwrap();
    }
    let before = client.so_far(streaming).pieces;
    let reading = client.ask(user(&"The keeper of Hall A. ".repeat(200)), plain());
    client.outcome(reading);
    // Its prompt alone takes several steps, and each is a token of the other answer.
    assert!(client.so_far(streaming).pieces >= before + 8);
    assert_eq!(client.outcome(streaming).finish, Some(Finish::Length));
    client.close();
}

#[test]
fn a_cancelled_answer_ends_and_its_slot_is_free() {
    let mut client = client(Format::Safetensors);
    for _ in 0..=LIMITS.slots {
        let mut terms = plain();
        terms.limits.output_tokens_max = 100_000;
        let request = client.ask(endless(), terms);
        while client.so_far(request).pieces < 3 {
            client.hear().unwrap();
        }
        client.cancel(request);
        let outcome = client.outcome(request);
        assert_eq!(outcome.finish, Some(Finish::Cancelled));
        assert!(outcome.output_tokens < 1000);
    }
    let after = client.answer(user("Hello!"), plain());
    assert_eq!(after.text, "Hello! How can I help?");
    client.close();
}

#[test]
fn a_request_that_waits_can_be_cancelled_and_one_that_ended_need_not_be() {
    let mut client = client(Format::Safetensors);
    let running: Vec<_> = (0..LIMITS.slots).map(|_| client.ask(endless(), plain())).collect();
    let waiting = client.ask(user("Hello!"), plain());
    client.cancel(waiting);
    let ended = client.outcome(running[0]);
    assert_eq!(ended.finish, Some(Finish::Length));
    client.cancel(running[0]);
    let outcome = client.outcome(waiting);
    assert_eq!((outcome.finish, outcome.output_tokens), (Some(Finish::Cancelled), 0));
    client.close();
}

#[test]
fn one_request_more_than_fits_is_refused_and_the_others_are_not() {
    let mut client = client(Format::Safetensors);
    let fits = LIMITS.slots + LIMITS.queue_max;
    let taken: Vec<_> = (0..fits).map(|_| client.ask(endless(), plain())).collect();
    let refused = client.ask(endless(), plain());
    assert_eq!(client.outcome(refused).code, Some(Code::TooManyRequests));
    for request in taken {
        assert_eq!(client.outcome(request).finish, Some(Finish::Length));
    }
    assert_eq!(client.answer(user("Hello!"), plain()).finish, Some(Finish::Stop));
    client.close();
}

#[test]
fn stop_texts_end_the_answer_and_are_not_sent() {
    let mut client = client(Format::Safetensors);
    let stopping = |stop: &[&str]| {
        let mut terms = plain();
        terms.sampling.stop = stop.iter().map(|&stop| stop.to_owned()).collect();
        terms
    };
    let outcome = client.answer(user("Hello!"), stopping(&["can I", "never"]));
    assert_eq!((outcome.text.as_str(), outcome.finish), ("Hello! How ", Some(Finish::Stop)));
    // Held back while it might have been one, and sent after all.
    let outcome = client.answer(user("Hello!"), stopping(&["help? Yes"]));
    assert_eq!((outcome.text.as_str(), outcome.finish), ("Hello! How can I help?", Some(Finish::Stop)));
    client.close();
}

#[test]
fn a_seed_gives_one_answer_however_busy_the_engine_is() {
    let mut client = client(Format::Safetensors);
    let warm = |seed| {
        let mut terms = plain();
        terms.sampling = Sampling { temperature: 2.0, top_p: 0.95, seed, ..terms.sampling };
        terms.limits.output_tokens_max = 40;
        terms
    };
    // Out of its domain, so that it is never sure.
    let prompt = || Prompt::Text("Once upon a time".to_owned());
    let alone: Vec<_> = (0..6).map(|seed| client.answer(prompt(), warm(seed)).text).collect();
    let requests: Vec<_> = (0..6).map(|seed| client.ask(prompt(), warm(seed))).collect();
    let together: Vec<_> = requests.into_iter().map(|request| client.outcome(request).text).collect();
    assert_eq!(alone, together);
    let different: std::collections::BTreeSet<_> = alone.iter().collect();
    assert!(different.len() > 1, "{alone:?}");
    client.close();
}

#[test]
fn breaking_the_links_rules_ends_the_engine() {
    let Terms { sampling, limits } = plain();
    let mut twice = client(Format::Safetensors);
    let request = twice.ask(endless(), Terms { sampling: sampling.clone(), limits });
    twice.say(&ToEngine::Generate { request, prompt: user("Hello!"), sampling, limits });
    twice.expect_end();
    for wrong in [&[1, 0, 0, 0, 9][..], &u32::MAX.to_le_bytes(), &[4, 0, 0, 0, 1, 1, 1, 1]] {
        let mut client = client(Format::Safetensors);
        client.link.write_all(wrong).unwrap();
        client.expect_end();
    }
}

#[test]
fn a_cancellation_of_something_unknown_is_nothing() {
    let mut client = client(Format::Safetensors);
    client.cancel(RequestId(77));
    assert_eq!(client.answer(user("Hello!"), plain()).finish, Some(Finish::Stop));
    client.close();
}

#[test]
fn the_engine_ends_when_its_link_is_closed_in_the_middle_of_an_answer() {
    let mut client = client(Format::Safetensors);
    let mut terms = plain();
    terms.limits.output_tokens_max = 100_000;
    let request = client.ask(endless(), terms);
    while client.so_far(request).pieces == 0 {
        client.hear().unwrap();
    }
    client.close();
}
