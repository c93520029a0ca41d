//! `/v1`: the command grammar and the state, for what Toxiproxy's API cannot say.

use std::sync::OnceLock;

use hyper::StatusCode;
use hyper::header::{CONNECTION, HeaderValue};

use super::answer::{self, Answer};
use super::error::ApiError;
use crate::command::{Code, LINE_BYTES_MAX, Section};
use crate::control::Desk;
use crate::report::Snapshot;

/// The part of the state behind a path.
pub(super) fn section(name: &str) -> Option<Section> {
    Some(match name {
        "links" => Section::Links,
        "rules" => Section::Rules,
        "conns" => Section::Conns,
        "stats" => Section::Stats,
        "nodes" => Section::Nodes,
        _ => return None,
    })
}

pub(super) async fn show(desk: &Desk, section: Section) -> Answer {
    answer::json(StatusCode::OK, &Snapshot::take(desk, section).await)
}

/// Carries out one line of the grammar.
pub(super) async fn command(desk: &Desk, body: &[u8], exit: &OnceLock<u8>) -> Result<Answer, ApiError> {
    let line = std::str::from_utf8(body).map_err(ApiError::bad_body)?.trim_end_matches(['\r', '\n']);
    if line.contains('\n') {
        return Err(ApiError::bad_body("one line is expected; commands are separated by ;"));
    }
    if line.len() > LINE_BYTES_MAX {
        return Err(ApiError::bad_body(format!("a line has at most {LINE_BYTES_MAX} bytes")));
    }
    let Some(reply) = desk.execute(line, 1).await else {
        return Ok(answer::json(StatusCode::OK, &serde_json::json!({})));
    };
    let status = reply.outcome.as_ref().map_or_else(|error| status(error.code), |_| StatusCode::OK);
    let mut answer = answer::json(status, &reply.to_json());
    if let Some(code) = reply.quit_code() {
        // Set once: the connection is closed behind this answer.
        let _ = exit.set(code);
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::UnknownVerb | Code::BadSyntax | Code::BadUnit | Code::BadRange => StatusCode::BAD_REQUEST,
        Code::UnknownNode | Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::Timeout => StatusCode::REQUEST_TIMEOUT,
        Code::ExpectFailed => StatusCode::EXPECTATION_FAILED,
        Code::Io => StatusCode::UNPROCESSABLE_ENTITY,
    }
}
