//! Why a message's headers were not read.

use thiserror::Error;

use super::Malformed;

/// Why causality was not read from headers. The message is the caller's to keep; its causality is unknown,
/// which is not the same as empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// Some headers of the event are there and this one is not.
    #[error("{name} is missing beside the other causality headers")]
    Missing {
        /// The header.
        name: &'static str,
    },
    /// A header comes several times and says different things.
    #[error("{name} comes several times with different values")]
    Conflicting {
        /// The header.
        name: &'static str,
    },
    /// A header's value is not legal.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}
