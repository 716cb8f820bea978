//! Laws of the decision.

use proptest::prelude::*;
use proto::Digest;
use proto::link::engine::{Message, Role};
use proto::link::gateway::ApiKey;

use super::*;
use crate::{Load, authenticate, check_declared_body, check_load};

fn somebody() -> Principal {
    let hash = Digest::from_bytes([7; 32]);
    authenticate(&[ApiKey { name: "test".to_owned(), hash }], Some(&hash)).unwrap()
}

fn ask(model: &str, prompt: Prompt, output_tokens: Option<u32>, elapsed_ms: u64) -> Ask {
    let sampling = Sampling {
        temperature: 1.0,
        top_p: 1.0,
        top_k: 0,
        min_p: 0.0,
        repetition_penalty: 1.0,
        frequency_penalty: 0.0,
        presence_penalty: 0.0,
        seed: 0,
        stop: Vec::new(),
    };
    Ask { principal: somebody(), model: model.to_owned(), prompt, sampling, output_tokens, elapsed_ms }
}

fn message(content: &str) -> Message {
    Message {
        role: Role::User,
        content: content.to_owned(),
        tool_calls: None,
        tool_call_id: None,
        name: None,
    }
}

fn demo() -> Vec<ModelName> {
    vec![ModelName::parse("demo").unwrap()]
}

prop_compose! {
    fn limits()(
        body in 1..200_u64, messages in 1..6_u32, prompt in 1..500_u32, output in 1..500_u32, bytes in 1..500_u64,
        wall in 1..200_u64, all in 1..6_u32, key in 1..6_u32,
    ) -> RequestLimits {
        RequestLimits {
            body_bytes_max: body, header_bytes_max: 8192, read_ms_max: 1000, messages_max: messages, prompt_tokens_max: prompt,
            output_tokens_max: output, output_bytes_max: bytes, wall_ms_max: wall, in_flight_max: all,
            in_flight_per_key_max: key, connections_max: 8,
        }
    }
}

prop_compose! {
    fn asks()(
        known in prop::bool::weighted(0.9), texts in prop::collection::vec(prop::sample::select(vec!["", "hi"]), 0..8), chat: bool,
        tokens in prop::option::of(0..1000_u32), elapsed in 0..200_u64,
    ) -> Ask {
        let prompt = if chat {
            Prompt::Chat { messages: texts.iter().map(|text| message(text)).collect(), tools: None }
        } else {
            Prompt::Text(texts.concat())
        };
        ask(if known { "demo" } else { "other" }, prompt, tokens, elapsed)
    }
}

prop_compose! {
    fn candidates()(all in prop::collection::vec((0..9_u64, 1..600_u32, 0..4_u32, 0..4_u32), 0..4)) -> Vec<Candidate> {
        all.into_iter()
            .map(|(worker, context, max, now)| Candidate {
                worker: WorkerId(worker), package: PackageDigest(Digest::from_bytes([9; 32])),
                context_tokens_max: context, requests_max: max, in_flight: now,
            })
            .collect()
    }
}

/// The tightest of both: a further rule beside the first.
fn both(left: &RequestLimits, right: &RequestLimits) -> RequestLimits {
    RequestLimits {
        body_bytes_max: left.body_bytes_max.min(right.body_bytes_max),
        header_bytes_max: left.header_bytes_max.min(right.header_bytes_max),
        read_ms_max: left.read_ms_max.min(right.read_ms_max),
        messages_max: left.messages_max.min(right.messages_max),
        prompt_tokens_max: left.prompt_tokens_max.min(right.prompt_tokens_max),
        output_tokens_max: left.output_tokens_max.min(right.output_tokens_max),
        output_bytes_max: left.output_bytes_max.min(right.output_bytes_max),
        wall_ms_max: left.wall_ms_max.min(right.wall_ms_max),
        in_flight_max: left.in_flight_max.min(right.in_flight_max),
        in_flight_per_key_max: left.in_flight_per_key_max.min(right.in_flight_per_key_max),
        connections_max: left.connections_max.min(right.connections_max),
    }
}

proptest! {
    #[test]
    fn a_further_limit_never_permits_more(ask in asks(), limits in limits(), further in self::limits(), candidates in candidates()) {
        let before = decide(ask.clone(), &limits, &demo(), &candidates);
        let after = decide(ask, &both(&limits, &further), &demo(), &candidates);
        if let Ok(after) = after {
            let before = before.unwrap();
            prop_assert!(after.limits().output_tokens_max <= before.limits().output_tokens_max);
            prop_assert!(after.limits().prompt_tokens_max <= before.limits().prompt_tokens_max);
            prop_assert!(after.limits().output_bytes_max <= before.limits().output_bytes_max);
            prop_assert!(after.limits().wall_ms_max <= before.limits().wall_ms_max);
        }
    }

    #[test]
    fn a_permit_is_within_every_ceiling(ask in asks(), limits in limits(), candidates in candidates()) {
        if let Ok(permit) = decide(ask.clone(), &limits, &demo(), &candidates) {
            let granted = permit.limits();
            let chosen = candidates.iter().find(|c| c.worker == permit.worker() && c.in_flight < c.requests_max);
            prop_assert!(chosen.is_some());
            prop_assert!(granted.output_tokens_max >= 1 && granted.output_tokens_max <= limits.output_tokens_max);
            prop_assert!(granted.output_tokens_max <= ask.output_tokens.unwrap_or(u32::MAX));
            prop_assert!(granted.prompt_tokens_max <= limits.prompt_tokens_max);
            prop_assert!(granted.wall_ms_max >= 1 && granted.wall_ms_max + ask.elapsed_ms <= limits.wall_ms_max);
            prop_assert_eq!(&ask.model, permit.model().as_str());
            let sent = permit.into_message(RequestId(1));
            let same = matches!(sent, ToEngine::Generate { prompt, limits, .. } if prompt == ask.prompt && limits == granted);
            prop_assert!(same);
        }
    }

    #[test]
    fn a_busier_worker_never_permits_more(ask in asks(), limits in limits(), candidates in candidates(), more in 0..4_u32) {
        let busier: Vec<_> = candidates.iter().map(|c| Candidate { in_flight: c.in_flight + more, ..*c }).collect();
        let before = decide(ask.clone(), &limits, &demo(), &candidates).is_ok();
        prop_assert!(before || decide(ask, &limits, &demo(), &busier).is_err());
    }

    #[test]
    fn a_model_that_is_not_configured_is_never_served(ask in asks(), limits in limits(), candidates in candidates()) {
        prop_assert!(decide(ask, &limits, &[], &candidates).is_err());
    }

    #[test]
    fn more_load_or_a_further_limit_never_lets_more_in(
        load in (0..8_u32, 0..8_u32), more in (0..8_u32, 0..8_u32), limits in limits(), further in self::limits(),
    ) {
        let now = Load { in_flight: load.0, in_flight_of_key: load.1 };
        let fuller = Load { in_flight: load.0 + more.0, in_flight_of_key: load.1 + more.1 };
        let before = check_load(now, &limits).is_ok();
        prop_assert!(before || check_load(fuller, &limits).is_err());
        prop_assert!(before || check_load(now, &both(&limits, &further)).is_err());
        prop_assert!(!before || now.in_flight < limits.in_flight_max && now.in_flight_of_key < limits.in_flight_per_key_max);
    }

    #[test]
    fn a_declared_body_over_its_ceiling_is_refused(bytes in 0..400_u64, limits in limits()) {
        prop_assert_eq!(check_declared_body(Some(bytes), &limits).is_ok(), bytes <= limits.body_bytes_max);
        prop_assert!(check_declared_body(None, &limits).is_ok());
    }
}

#[test]
fn each_refusal_has_its_own_code() {
    let limits = RequestLimits {
        body_bytes_max: 1,
        header_bytes_max: 1,
        read_ms_max: 1,
        messages_max: 2,
        prompt_tokens_max: 8,
        output_tokens_max: 8,
        output_bytes_max: 8,
        wall_ms_max: 100,
        in_flight_max: 1,
        in_flight_per_key_max: 1,
        connections_max: 1,
    };
    let up = Candidate {
        worker: WorkerId(1),
        package: PackageDigest(Digest::from_bytes([9; 32])),
        context_tokens_max: 8,
        requests_max: 1,
        in_flight: 0,
    };
    let full = Candidate { in_flight: 1, ..up };
    let text = || Prompt::Text("hi".to_owned());
    let many = || Prompt::Chat { messages: vec![message("a"), message("b"), message("c")], tools: None };
    let code = |ask: Ask, candidates: &[Candidate]| {
        decide(ask, &limits, &demo(), candidates).map(|_| ()).map_err(|denial| denial.code)
    };
    assert_eq!(code(ask("demo", text(), None, 0), &[up]), Ok(()));
    assert_eq!(code(ask("Demo", text(), None, 0), &[up]), Err(Code::ModelNotFound));
    assert_eq!(code(ask("demo", many(), None, 0), &[up]), Err(Code::RequestTooLarge));
    assert_eq!(code(ask("demo", Prompt::Text(String::new()), None, 0), &[up]), Err(Code::PromptEmpty));
    assert_eq!(code(ask("demo", text(), Some(0), 0), &[up]), Err(Code::InvalidRequest));
    assert_eq!(code(ask("demo", text(), None, 100), &[up]), Err(Code::DeadlinePassed));
    assert_eq!(code(ask("demo", text(), None, 0), &[]), Err(Code::ModelNotReady));
    assert_eq!(code(ask("demo", text(), None, 0), &[full]), Err(Code::TooManyRequests));
}
