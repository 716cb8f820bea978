//! What the engine computes is what the reference implementation computes.

use package::Format;
use serde_json::Value;
use stockade_worker::decoder::Span;
use stockade_worker::load::Model;
use stockade_worker::prompt;

use crate::demo;

/// The ids of a case and the reference's answer to it.
fn cases() -> Vec<Value> {
    let cases = demo::read("reference.json")["cases"].as_array().unwrap().clone();
    assert!(cases.len() > 20);
    cases
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| u32::try_from(id.as_u64().unwrap()).unwrap()).collect()
}

fn encode(model: &Model, case: &Value) -> Vec<u32> {
    let words = &model.words;
    prompt::encode(&demo::chat(case), &words.tokens, words.template.as_ref(), 2047).unwrap()
}

/// The logits after a prompt and the tokens that follow greedily, an end token included.
fn follow(model: &mut Model, prompt: &[u32], most: usize) -> (Vec<f32>, Vec<u32>) {
    let mut taken = 0;
    let mut first = Vec::new();
    let mut tokens = prompt.to_vec();
    while tokens.len() < prompt.len() + most {
        let span = Span { slot: 1, position: taken, tokens: &tokens[taken..], wanted: true };
        let logits = model.decoder.step(&[span]).unwrap();
        if first.is_empty() {
            first = logits.to_vec();
        }
        taken = tokens.len();
        let best = (0..).zip(&*logits).max_by(|one, other| one.1.total_cmp(other.1)).unwrap().0;
        tokens.push(best);
        if model.words.ends.contains(&best) {
            break;
        }
    }
    (first, tokens.split_off(prompt.len()))
}

#[test]
fn prompts_have_the_references_tokens_in_both_packages() {
    for format in [Format::Safetensors, Format::Gguf] {
        let model = demo::load(format);
        for case in cases() {
            assert_eq!(encode(&model, &case), ids(&case["prompt_ids"]), "{format:?} {}", case["skill"]);
        }
    }
}

#[test]
fn the_float_package_answers_like_the_reference() {
    let mut model = demo::load(Format::Safetensors);
    for case in cases() {
        let (logits, answer) = follow(&mut model, &ids(&case["prompt_ids"]), 32);
        assert_eq!(answer, ids(&case["greedy_ids"]), "{}", case["skill"]);
        for top in case["top_logits"].as_array().unwrap() {
            let (id, expected) = (top[0].as_u64().unwrap(), top[1].as_f64().unwrap());
            let found = f64::from(logits[usize::try_from(id).unwrap()]);
            // Keys and values are kept in half precision; the rest is four bytes.
            assert!((found - expected).abs() < 0.03, "{} {id}: {found} for {expected}", case["skill"]);
        }
    }
}

#[test]
fn the_quantised_package_answers_nearly_like_the_reference() {
    let mut model = demo::load(Format::Gguf);
    let (mut same, mut all) = (0, 0);
    for case in cases() {
        let (logits, answer) = follow(&mut model, &ids(&case["prompt_ids"]), 32);
        all += 1;
        same += usize::from(answer == ids(&case["greedy_ids"]));
        let top = &case["top_logits"][0];
        let (id, expected) = (top[0].as_u64().unwrap(), top[1].as_f64().unwrap());
        let found = f64::from(logits[usize::try_from(id).unwrap()]);
        assert!((found - expected).abs() < 0.5, "{} {id}: {found} for {expected}", case["skill"]);
    }
    assert!(same * 10 >= all * 9, "{same} of {all}");
}
