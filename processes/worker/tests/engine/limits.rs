//! Every ceiling holds, and says which it was.

use package::Format;
use proto::Code;
use proto::limits::EngineLimits;
use proto::link::engine::{Finish, Prompt};

use crate::client::{Client, Terms, plain};
use crate::demo::{self, Copy, LIMITS, user};

fn client() -> Client {
    Client::new(demo::load(Format::Safetensors), LIMITS)
}

fn with(change: impl Fn(&mut Terms)) -> Terms {
    let mut terms = plain();
    change(&mut terms);
    terms
}

#[test]
fn an_answer_has_as_many_tokens_as_it_may() {
    let mut client = client();
    for most in [0, 1, 3] {
        let outcome = client.answer(user("Hello!"), with(|terms| terms.limits.output_tokens_max = most));
        assert_eq!((outcome.finish, outcome.output_tokens), (Some(Finish::Length), most));
    }
    client.close();
}

#[test]
fn an_answer_has_as_many_bytes_as_it_may() {
    let mut client = client();
    let outcome = client.answer(user("Hello!"), with(|terms| terms.limits.output_bytes_max = 9));
    assert_eq!((outcome.text.as_str(), outcome.finish), ("Hello! Ho", Some(Finish::Length)));
    let outcome = client.answer(user("Hello!"), with(|terms| terms.limits.output_bytes_max = 0));
    assert_eq!((outcome.text.as_str(), outcome.finish), ("", Some(Finish::Length)));
    client.close();
}

#[test]
fn an_answer_takes_no_longer_than_it_may() {
    let mut client = client();
    let outcome = client.answer(user("Hello!"), with(|terms| terms.limits.wall_ms_max = 0));
    assert_eq!(outcome.code, Some(Code::DeadlinePassed));
    // A deadline beyond the clock's end is none.
    let outcome = client.answer(user("Hello!"), with(|terms| terms.limits.wall_ms_max = u64::MAX));
    assert_eq!(outcome.finish, Some(Finish::Stop));
    client.close();
}

#[test]
fn a_prompt_has_no_more_tokens_than_it_may() {
    let mut client = client();
    let fits = client.answer(user("Hello!"), with(|terms| terms.limits.prompt_tokens_max = 10));
    assert_eq!((fits.prompt_tokens, fits.finish), (10, Some(Finish::Stop)));
    let over = client.answer(user("Hello!"), with(|terms| terms.limits.prompt_tokens_max = 9));
    assert_eq!(over.code, Some(Code::PromptTooLong));
    // More than the context holds, and a million tokens, whatever the gateway allows.
    for text in ["Hello! ".repeat(1500), "a b ".repeat(1_000_000)] {
        let over = client.answer(user(&text), with(|terms| terms.limits.prompt_tokens_max = u32::MAX));
        assert_eq!(over.code, Some(Code::PromptTooLong));
    }
    client.close();
}

#[test]
fn an_answer_ends_where_the_context_ends() {
    let limits = EngineLimits { context_tokens_max: 32, ..LIMITS };
    let model = Copy::of(Format::Safetensors).load(&limits).unwrap();
    assert_eq!(model.words.context, 32);
    let mut client = Client::new(model, limits);
    let outcome = client.answer(user("What can you do?"), plain());
    assert_eq!(outcome.finish, Some(Finish::Length));
    // Every token but the last has its place.
    assert_eq!(outcome.prompt_tokens + outcome.output_tokens, 32);
    client.close();
}

#[test]
fn a_prompt_without_text_is_refused() {
    let mut client = client();
    let nothing = [Prompt::Text(String::new()), Prompt::Chat { messages: Vec::new(), tools: None }, user("")];
    for prompt in nothing {
        assert_eq!(client.answer(prompt, plain()).code, Some(Code::PromptEmpty));
    }
    client.close();
}

#[test]
fn numbers_that_no_sampler_takes_are_refused() {
    let mut client = client();
    let wrong: [fn(&mut Terms); 8] = [
        |terms| terms.sampling.temperature = f32::NAN,
        |terms| terms.sampling.temperature = -1.0,
        |terms| terms.sampling.top_p = 1.5,
        |terms| terms.sampling.min_p = f32::INFINITY,
        |terms| terms.sampling.repetition_penalty = 0.0,
        |terms| terms.sampling.presence_penalty = f32::NAN,
        |terms| terms.sampling.stop = vec![String::new()],
        |terms| terms.sampling.stop = vec!["x".to_owned(); 100],
    ];
    for wrong in wrong {
        assert_eq!(client.answer(user("Hello!"), with(wrong)).code, Some(Code::InvalidRequest));
    }
    client.close();
}

#[test]
fn limits_without_room_for_a_sequence_load_nothing() {
    for wrong in [
        EngineLimits { slots: 0, ..LIMITS },
        EngineLimits { slots: u32::MAX, ..LIMITS },
        EngineLimits { context_tokens_max: 0, ..LIMITS },
    ] {
        let error = Copy::of(Format::Safetensors).load(&wrong).unwrap_err();
        assert_eq!(error.code(), Code::ConfigInvalid);
    }
}

#[test]
fn a_context_that_no_memory_holds_is_refused_before_it_is_reserved() {
    let package = Copy::of(Format::Safetensors);
    package.edit("config.json", |text| {
        text.replace("\"max_position_embeddings\": 2048", "\"max_position_embeddings\": 16777216")
    });
    let limits = EngineLimits { slots: 256, context_tokens_max: u32::MAX, ..LIMITS };
    assert_eq!(package.load(&limits).unwrap_err().code(), Code::ConfigInvalid);
}
