//! Why a request was refused.

use serde::{Deserialize, Serialize};

use super::request::{BATCH_WRITES_MAX, DEADLINE_MS_MAX, SNAPSHOT_KEYS_MAX};
use crate::event::CONTEXT_DOTS_MAX;
use crate::id::{Dot, Key, RequestId};
use crate::replica::ConflictId;

/// Why a request was refused. Nothing was changed in any of these cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RequestError {
    /// The value is not valid for its kind.
    #[error("invalid value: {0}")]
    InvalidValue(String),
    /// No open conflict has this id.
    #[error(
        "no open conflict {0}: it may have been resolved, or have changed since you read it (see `conflicts`)"
    )]
    UnknownConflict(ConflictId),
    /// The choice names no sibling of the conflict.
    #[error("{dot} is not a version of conflict {conflict}")]
    NotASibling {
        /// What was named.
        dot: Dot,
        /// The conflict.
        conflict: ConflictId,
    },
    /// The context names a version this station has not applied yet.
    #[error(
        "the context names {0}, which this station has not applied yet: try again when it has, or elsewhere"
    )]
    ContextAhead(Dot),
    /// The request id was used for another write.
    #[error("request id {request} was used for another write, {dot}: use a new id")]
    RequestReused {
        /// The id.
        request: RequestId,
        /// The write that has it.
        dot: Dot,
    },
    /// The key has more versions than one write can supersede: supersede them in parts.
    #[error(
        "the key has {0} versions, a write can supersede {CONTEXT_DOTS_MAX}: name that many with an exact context, and repeat"
    )]
    TooManySiblings(u32),
    /// A counter has reached its end.
    #[error("a clock of this station is exhausted: {0}")]
    Exhausted(String),
    /// The station has too much to do: nothing was appended, and the same request may be sent again.
    #[error("the station is busy ({what}): send the same request again after {retry_after_ms} ms")]
    Busy {
        /// Which queue is full.
        what: String,
        /// When to try again, in milliseconds.
        retry_after_ms: u32,
    },
    /// The station has not applied everything that the session has seen, and the deadline has passed.
    #[error(
        "this station is behind the session by {events} events, the first is {missing}: ask again, or elsewhere"
    )]
    Behind {
        /// The first event it lacks.
        missing: Dot,
        /// How many it lacks.
        events: u64,
    },
    /// The number of copies is none, or more than there are stations.
    #[error("w {w}: expected 1 to {n}, the number of stations, or majority")]
    InvalidCopies {
        /// What was asked for.
        w: u16,
        /// How many stations there are.
        n: u16,
    },
    /// The deadline is out of range.
    #[error("deadline of {0} ms: expected 1 to {DEADLINE_MS_MAX}")]
    InvalidDeadline(u32),
    /// A batch without writes.
    #[error("a batch of no writes: expected 1 to {BATCH_WRITES_MAX}")]
    EmptyBatch,
    /// A batch with one request id for two of its writes.
    #[error("request id {0} is used twice in one batch: each write has its own")]
    RequestTwiceInBatch(RequestId),
    /// A snapshot of no keys.
    #[error("a snapshot of no keys: expected 1 to {SNAPSHOT_KEYS_MAX}")]
    EmptySnapshot,
    /// There is nothing to delete.
    #[error("no key {0} here: there is nothing to delete")]
    UnknownKey(Key),
    /// No write that this station remembers has this request id.
    #[error(
        "no write of request {0} is known here: it was never applied, has not arrived yet, or lies back too far"
    )]
    UnknownRequest(RequestId),
    /// No event of this name is known here.
    #[error("no event {0} is known here: it may not have arrived yet")]
    UnknownDot(Dot),
    /// The connection watches already.
    #[error("this connection watches already: open another one for another watch")]
    AlreadyWatching,
    /// The request could not be understood.
    #[error("malformed request: field {field}: {detail}")]
    Malformed {
        /// Which field.
        field: String,
        /// What was expected, and what was met.
        detail: String,
    },
}
