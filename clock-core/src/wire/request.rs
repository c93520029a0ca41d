//! What a client may ask of its station, and on which terms.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::bounded;
use crate::event::{BodyKind, CONTEXT_DOTS_MAX};
use crate::id::{Dot, Key, RequestId};
use crate::quorum::DEFAULT_ACK_TIMEOUT;
use crate::replica::ConflictId;
use crate::versions::VersionVector;

/// Most writes in one batch.
pub const BATCH_WRITES_MAX: usize = 256;
/// Most keys in one snapshot.
pub const SNAPSHOT_KEYS_MAX: usize = 256;
/// The longest deadline a client may give, in milliseconds: ten minutes.
pub const DEADLINE_MS_MAX: u32 = 600_000;

/// A client's request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Gives a key a new value.
    Put {
        /// Which key.
        key: Key,
        /// How to understand and validate the value.
        kind: BodyKind,
        /// The value as the client has it; the station brings it into its canonical form.
        value: Bytes,
        /// Which versions it supersedes.
        context: WriteContext,
        /// Retry with the same id and it is applied once.
        request: RequestId,
    },
    /// Ends a conflict by a write that supersedes all its siblings.
    Resolve {
        /// Which conflict; refused if it has changed since.
        conflict: ConflictId,
        /// What the key is to hold.
        choice: Choice,
        /// Retry with the same id and it is applied once.
        request: RequestId,
    },
    /// The current versions of a key.
    Get {
        /// Which key.
        key: Key,
        /// How many versions to leave out, where an earlier answer could not hold them all.
        skip: u32,
    },
    /// Every version a key ever had, in the order this station applied them.
    History {
        /// Which key.
        key: Key,
        /// Entries after this log position (0: from the start).
        after: u64,
    },
    /// The open conflicts in the order of their keys.
    Conflicts {
        /// Those behind this key.
        after: Option<Key>,
    },
    /// What the station is doing.
    Status,
    /// From now on, a notice for every applied write and every conflict opened or closed.
    Watch {
        /// First what was applied beyond this vector, read from the log: what a watcher has been told so far, here or
        /// at another station.
        after: Option<VersionVector>,
    },
    /// Deletes a key: a write like any other, with nothing in it. What was written concurrently stands beside it.
    Delete {
        /// Which key.
        key: Key,
        /// Which versions it supersedes.
        context: WriteContext,
        /// Retry with the same id and it is applied once.
        request: RequestId,
    },
    /// Several writes, appended in one commit: if one of them is refused, none is made. Other stations may show the
    /// first of them before the last.
    Batch {
        /// 1 to [`BATCH_WRITES_MAX`], each with a request id of its own.
        #[serde(deserialize_with = "bounded::list::<_, _, BATCH_WRITES_MAX>")]
        writes: Vec<Write>,
    },
    /// What is known by now of the write that a request made.
    Receipt {
        /// The id of the write.
        request: RequestId,
    },
    /// The versions of many keys, all as of one frontier.
    Snapshot {
        /// 1 to [`SNAPSHOT_KEYS_MAX`] keys.
        #[serde(deserialize_with = "bounded::list::<_, _, SNAPSHOT_KEYS_MAX>")]
        keys: Vec<Key>,
        /// As of these events; none: what the station shows now. Equal on every station that has them.
        at: Option<VersionVector>,
    },
    /// What one write was: its author, what it had read, what superseded it, what it was concurrent with.
    Why {
        /// The write.
        dot: Dot,
    },
    /// What may have been influenced by a write: everything that happened after it.
    Impact {
        /// The write.
        dot: Dot,
    },
}

/// One write of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// Which key.
    pub key: Key,
    /// What becomes of it.
    pub change: Change,
    /// Which versions it supersedes.
    pub context: WriteContext,
    /// Retry with the same id and it is applied once.
    pub request: RequestId,
}

/// What a write does to its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Gives it a value.
    Put {
        /// How to understand and validate the value.
        kind: BodyKind,
        /// The value as the client has it.
        value: Bytes,
    },
    /// Deletes it.
    Delete,
}

/// Which versions a write supersedes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteContext {
    /// The station's current view of the key: the station is the process, as in Lamport's model.
    StationView,
    /// Exactly these versions: what the client has read.
    Exactly(#[serde(deserialize_with = "bounded::list::<_, _, CONTEXT_DOTS_MAX>")] Vec<Dot>),
    /// None: the write stands beside whatever there is.
    Blind,
}

/// How a conflict is to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// With the value of one of its siblings.
    Take(Dot),
    /// With a value of its own.
    Value {
        /// How to understand it.
        kind: BodyKind,
        /// The value.
        value: Bytes,
    },
    /// With the key deleted.
    Delete,
}

/// On which terms a request is to be answered. The default asks for nothing beside the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// How many stations must have a write durably before it is answered *committed*.
    pub copies: Copies,
    /// How long the station may wait for that, and for what the session has seen, in milliseconds: 1 to
    /// [`DEADLINE_MS_MAX`]. After it the answer is *indeterminate*, or *behind*.
    pub deadline_ms: u32,
    /// The token of a session: what its client has written and read so far, wherever. The station answers only when it
    /// has all of that, and gives the next token with the answer; an empty one begins a session.
    pub session: Option<VersionVector>,
}

impl Default for Terms {
    fn default() -> Self {
        let deadline_ms = u32::try_from(DEFAULT_ACK_TIMEOUT.as_millis()).unwrap_or(DEADLINE_MS_MAX);
        Self { copies: Copies::Count(1), deadline_ms, session: None }
    }
}

/// W: how many stations must have a write durably, the one that takes it among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Copies {
    /// So many: 1 to the number of members.
    Count(u16),
    /// The smallest majority of the members.
    Majority,
}

impl fmt::Display for Copies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(formatter, "{count}"),
            Self::Majority => formatter.write_str("majority"),
        }
    }
}

/// A text that is no number of copies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("w {0:?}: expected a number of stations from 1, or majority")]
pub struct InvalidCopies(String);

impl FromStr for Copies {
    type Err = InvalidCopies;
    fn from_str(text: &str) -> Result<Self, InvalidCopies> {
        if text == "majority" {
            return Ok(Self::Majority);
        }
        let refused = || InvalidCopies(text.chars().take(32).collect());
        text.parse().ok().filter(|count| *count > 0).map(Self::Count).ok_or_else(refused)
    }
}
