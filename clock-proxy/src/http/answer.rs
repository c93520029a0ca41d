//! Answers: status, content type, bytes.

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::error::ApiError;
use super::events::Follow;

/// All answers but one are known as a whole before the first byte is sent.
pub(super) type Answer = Response<Either<Full<Bytes>, Follow>>;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Keeps a browser from guessing; Toxiproxy sends it with every text.
const NO_SNIFF: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));

/// Any bytes.
pub(super) fn bytes(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = empty(status);
    *answer.body_mut() = Either::Left(Full::new(body.into()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// A status and nothing else.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = status;
    answer
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // What is answered has string keys and finite numbers, which is all that can fail.
    bytes(status, JSON, serde_json::to_vec(value).unwrap_or_default())
}

/// A text with a line end.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    let mut answer = bytes(status, TEXT, format!("{text}\n"));
    answer.headers_mut().insert(NO_SNIFF.0, NO_SNIFF.1);
    answer
}

/// JSON that is called plain text, since that is what Toxiproxy sends.
pub(super) fn error(error: &ApiError) -> Answer {
    text(error.status, &error.to_json().to_string())
}
