//! Why a node did not accept an event of its own.

use crate::clocks::ClockError;
use thiserror::Error;

/// Why an event could not be submitted. Nothing was stored or sent; the payload comes back.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// The clock gave no timestamp: its wall time is out of range or its counter is used up. See the source
    /// for what helps.
    #[error("the clock cannot stamp the event")]
    Clock {
        /// What the clock says.
        source: ClockError,
        /// The content submitted.
        payload: Vec<u8>,
    },
    /// The payload is over the limit. Submit it in parts.
    #[error("payload of {bytes} bytes is above the limit of {bytes_max} bytes")]
    PayloadTooLarge {
        /// The size submitted.
        bytes: usize,
        /// The largest that is accepted.
        bytes_max: usize,
        /// The content submitted.
        payload: Vec<u8>,
    },
}

impl SubmitError {
    /// The content that was not submitted.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        match self {
            Self::Clock { payload, .. } | Self::PayloadTooLarge { payload, .. } => payload,
        }
    }
}
