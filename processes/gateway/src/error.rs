//! Errors in `OpenAI`'s shape.

use policy::Denial;
use serde::Serialize;

/// The JSON that tells a client what is wrong.
pub(crate) fn shape(denial: &Denial) -> Vec<u8> {
    let error = Error {
        message: &denial.message,
        kind: policy::answer(denial.code).kind,
        param: denial.param.as_deref(),
        code: denial.code.as_str(),
    };
    let mut json = Vec::with_capacity(256);
    // Strings into memory: there is nothing that could fail.
    let _ = serde_json::to_writer(&mut json, &Wrapped { error });
    json
}

#[derive(Serialize)]
struct Wrapped<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: &'static str,
}
