//! HTTP answers.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use policy::Denial;
use proto::RequestId;

use crate::error;
use crate::stream::Stream;

/// An HTTP answer.
pub(crate) type Reply = Response<ReplyBody>;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// All of it, until it is taken.
    Whole(Option<Bytes>),
    /// Pieces as they come.
    Stream(Box<Stream>),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream(stream) => {
                stream.poll_chunk(cx).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// An answer with all of its body.
pub(crate) fn whole(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    with_type(status, kind, ReplyBody::Whole(Some(body.into())))
}

/// An answer that is a stream of events.
pub(crate) fn events(stream: Stream) -> Reply {
    with_type(StatusCode::OK, "text/event-stream", ReplyBody::Stream(Box::new(stream)))
}

/// A refusal or a failure.
pub(crate) fn denied(denial: &Denial) -> Reply {
    let answer = policy::answer(denial.code);
    let status = if denial.allow.is_some() { 405 } else { answer.status };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = whole(status, JSON, error::shape(denial));
    let headers = reply.headers_mut();
    // The official clients retry by status alone unless they are told.
    headers.insert(SHOULD_RETRY, HeaderValue::from_static(if answer.retry { "true" } else { "false" }));
    if let Some(seconds) = answer.retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(method) = denial.allow {
        headers.insert(header::ALLOW, HeaderValue::from_static(method));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    reply
}

/// Adds what every answer has.
pub(crate) fn finish(mut reply: Reply, request: RequestId, close: bool) -> Reply {
    let headers = reply.headers_mut();
    if let Ok(id) = HeaderValue::try_from(format!("req_{:016x}", request.0)) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    reply
}

/// A refusal as bytes, for a client whose request never became one.
pub(crate) fn last_words(denial: &Denial) -> Vec<u8> {
    let answer = policy::answer(denial.code);
    let body = error::shape(denial);
    let mut words = format!(
        "HTTP/1.1 {} Refused\r\ncontent-type: {JSON}\r\ncontent-length: {}\r\nx-should-retry: {}\r\nconnection: close\r\n\r\n",
        answer.status,
        body.len(),
        answer.retry
    )
    .into_bytes();
    words.extend_from_slice(&body);
    words
}

fn with_type(status: StatusCode, kind: &'static str, body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// The content type of everything but streams and metrics.
pub(crate) const JSON: &str = "application/json";

const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
