//! Why a request was refused, in the form that Toxiproxy's clients match on.

use hyper::StatusCode;
use serde_json::json;

use crate::control::relays::{RelayError, RelayFacts, RelayOutcome};

/// A refusal: its status, and the text that clients match on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct ApiError {
    pub(super) status: StatusCode,
    text: String,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    /// The body cannot be understood.
    pub(super) fn bad_body(detail: impl std::fmt::Display) -> Self {
        Self::bad_request(format!("bad request body: {detail}"))
    }

    /// A field that must be there is empty.
    pub(super) fn missing(field: impl std::fmt::Display) -> Self {
        Self::bad_request(format!("missing required field: {field}"))
    }

    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        json!({ "error": self.text, "status": self.status.as_u16() })
    }
}

impl From<RelayError> for ApiError {
    fn from(error: RelayError) -> Self {
        let status = match &error {
            RelayError::UnknownRelay | RelayError::UnknownToxic => StatusCode::NOT_FOUND,
            RelayError::RelayExists
            | RelayError::NameTaken(_)
            | RelayError::IsPair(_)
            | RelayError::ToxicExists => StatusCode::CONFLICT,
            RelayError::BadAttribute(_) | RelayError::TooMany { .. } => StatusCode::BAD_REQUEST,
            RelayError::Listen(_) | RelayError::Unconfirmed => StatusCode::INTERNAL_SERVER_ERROR,
            RelayError::GoingDown => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error.to_string())
    }
}

/// The one relay that an order was about.
pub(super) fn one(outcome: RelayOutcome) -> Result<RelayFacts, ApiError> {
    if let Some(error) = outcome.error {
        return Err(error.into());
    }
    // An order that succeeds names its relay, unless it was to end it.
    outcome.relays.into_iter().next().ok_or_else(|| RelayError::UnknownRelay.into())
}
