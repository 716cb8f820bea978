//! How to choose tokens.

use policy::Denial;
use proto::link::engine::Sampling;
use serde_json::value::RawValue;

use super::fields::Fields;

/// Takes the fields that say how to choose tokens. `top_k`, `min_p` and `repetition_penalty` are known
/// from other servers of open models, not from `OpenAI`.
pub(crate) fn take(fields: &mut Fields<'_>) -> Result<Sampling, Denial> {
    Ok(Sampling {
        temperature: fields.number("temperature", 1.0, 0.0..=2.0)?,
        top_p: fields.number("top_p", 1.0, 0.0..=1.0)?,
        top_k: fields.take("top_k", "a whole number")?.unwrap_or(0),
        min_p: fields.number("min_p", 0.0, 0.0..=1.0)?,
        repetition_penalty: fields.number("repetition_penalty", 1.0, 0.01..=10.0)?,
        frequency_penalty: fields.number("frequency_penalty", 0.0, -2.0..=2.0)?,
        presence_penalty: fields.number("presence_penalty", 0.0, -2.0..=2.0)?,
        seed: match fields.take::<i64>("seed", "a whole number of 64 bits")? {
            Some(seed) => seed.cast_unsigned(),
            None => fresh_seed(),
        },
        stop: stops(fields)?,
    })
}

fn stops(fields: &mut Fields<'_>) -> Result<Vec<String>, Denial> {
    let expected = format!("a text or up to {STOPS_MAX} texts of 1 to {STOP_BYTES_MAX} bytes");
    let Some(stop) = fields.raw("stop") else { return Ok(Vec::new()) };
    let stops = if stop.get().starts_with('[') { many(stop) } else { one(stop).map(|stop| vec![stop]) };
    stops
        .filter(|stops| stops.len() <= STOPS_MAX)
        .filter(|stops| stops.iter().all(|stop| (1..=STOP_BYTES_MAX).contains(&stop.len())))
        .ok_or_else(|| fields.wrong("stop", &expected))
}

fn one(stop: &RawValue) -> Option<String> {
    serde_json::from_str(stop.get()).ok()
}

fn many(stops: &RawValue) -> Option<Vec<String>> {
    serde_json::from_str(stops.get()).ok()
}

/// A seed for who gave none. Without randomness, which never happens on a running kernel, all such
/// requests share one: their answers vary less, and nothing else.
fn fresh_seed() -> u64 {
    getrandom::u64().unwrap_or(0)
}

const STOPS_MAX: usize = 4;
const STOP_BYTES_MAX: usize = 256;
