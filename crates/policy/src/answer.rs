//! How each code is told over HTTP: one table.

use proto::Code;

/// What a client sees of a code, beside the code itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The error's `type` in `OpenAI`'s shape.
    pub kind: &'static str,
    /// Whether the same request may do better later: the value of `x-should-retry`.
    pub retry: bool,
    /// Seconds to wait before that, when it may.
    pub retry_after_s: Option<u32>,
}

/// The answer for a code. Codes that no client should ever see are told as [`Code::Internal`] is.
pub const fn answer(code: Code) -> Answer {
    match code {
        Code::InvalidRequest | Code::UnsupportedParameter | Code::PromptEmpty | Code::PromptTooLong => {
            refused(400)
        }
        // The template is the package's, the messages that it refuses are the caller's.
        Code::TemplateFailed => refused(400),
        Code::InvalidApiKey => {
            Answer { status: 401, kind: "authentication_error", retry: false, retry_after_s: None }
        }
        Code::NotFound | Code::ModelNotFound => refused(404),
        Code::RequestTimeout => Answer { status: 408, kind: INVALID, retry: true, retry_after_s: None },
        Code::RequestTooLarge => refused(413),
        Code::TooManyRequests => {
            Answer { status: 429, kind: "rate_limit_error", retry: true, retry_after_s: Some(1) }
        }
        // Nobody is there to read it.
        Code::ClientGone => refused(499),
        Code::WorkerCrashed => Answer { status: 502, kind: SERVER, retry: true, retry_after_s: Some(1) },
        // The same package would answer again, and it can't be believed.
        Code::WorkerMisbehaved => failed(502),
        Code::DeadlinePassed => failed(504),
        Code::ModelNotReady | Code::LedgerUnavailable | Code::ShuttingDown => {
            Answer { status: 503, kind: SERVER, retry: true, retry_after_s: Some(1) }
        }
        // The engine's failure, ours, and all that only operators are told.
        _ => failed(500),
    }
}

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";

const fn refused(status: u16) -> Answer {
    Answer { status, kind: INVALID, retry: false, retry_after_s: None }
}

const fn failed(status: u16) -> Answer {
    Answer { status, kind: SERVER, retry: false, retry_after_s: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_an_error_and_only_what_may_pass_says_when_to_come_back() {
        for code in Code::ALL {
            let answer = answer(*code);
            assert!((400..600).contains(&answer.status), "{code}");
            assert!(answer.retry || answer.retry_after_s.is_none(), "{code}");
            assert_eq!(answer.status >= 500, answer.kind == SERVER, "{code}");
        }
    }

    #[test]
    fn what_the_caller_did_wrong_is_never_worth_a_retry() {
        for code in [Code::InvalidRequest, Code::InvalidApiKey, Code::PromptTooLong, Code::RequestTooLarge] {
            assert!(!answer(code).retry, "{code}");
        }
    }
}
