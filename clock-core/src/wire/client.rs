//! What a client may ask of its station, and what it is told.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::bounded;
use crate::clocks::HybridTimestamp;
use crate::event::{BodyKind, CONTEXT_DOTS_MAX, WriteEvent};
use crate::id::{Dot, Key, NodeId, ReplicaId, RequestId};
use crate::replica::ConflictId;
use crate::versions::VersionVector;

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
    Watch,
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
}

/// A station's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// The write was applied and is durable.
    Written(Receipt),
    /// The key's current versions.
    Entry(EntryView),
    /// Nobody has written this key, as far as this station knows.
    UnknownKey,
    /// A part of a key's history.
    History {
        /// The entries, oldest first.
        entries: Vec<HistoryEntry>,
        /// Ask again after this position for more.
        more_after: Option<u64>,
    },
    /// A part of the open conflicts.
    Conflicts {
        /// In the order of their keys.
        conflicts: Vec<ConflictView>,
        /// Ask again after this key for more.
        more_after: Option<Key>,
    },
    /// The station's state.
    Status(StatusView),
    /// Notices follow.
    Watching,
    /// The request was refused; nothing was changed.
    Refused(RequestError),
}

/// How durable a write is when its receipt is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// On this station's disk; every other station gets it, now or after the partition.
    Local,
}

/// What is true of an accepted write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The write's name.
    pub dot: Dot,
    /// What was written.
    pub key: Key,
    /// The client's id.
    pub request: RequestId,
    /// Its Lamport time.
    pub lamport: u64,
    /// About when.
    pub hlc: HybridTimestamp,
    /// What the station's wall clock showed, in milliseconds since 1970.
    pub wall_ms: u64,
    /// All that happened before it, itself included.
    pub vector: VersionVector,
    /// The versions it superseded.
    pub context: Vec<Dot>,
    /// How durable it is.
    pub outcome: Outcome,
    /// Where it is durable.
    pub durable_on: Vec<NodeId>,
    /// Versions that now stand beside it: a conflict known at write time.
    pub concurrent_with: Vec<Dot>,
}

/// One current version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionView {
    /// Its names, ascending: more than one if a retry was accepted at two stations.
    pub dots: Vec<Dot>,
    /// Its Lamport time.
    pub lamport: u64,
    /// About when.
    pub hlc: HybridTimestamp,
    /// What its origin's wall clock showed, in milliseconds since 1970.
    pub wall_ms: u64,
    /// All that happened before it, itself included.
    pub vector: VersionVector,
    /// The versions it superseded.
    pub context: Vec<Dot>,
    /// How to understand the value.
    pub kind: BodyKind,
    /// The value.
    pub value: Bytes,
    /// The client's id.
    pub request: RequestId,
}

/// A key and its current versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryView {
    /// The key.
    pub key: Key,
    /// How many writes this key has had: equal on stations that know the same ones.
    pub revision: u64,
    /// The conflict, if there is more than one version.
    pub conflict: Option<ConflictId>,
    /// How many versions there are.
    pub versions_total: u32,
    /// As many of them as fit, after those that were skipped.
    pub versions: Vec<VersionView>,
}

/// One entry of a key's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Its position in this station's log.
    pub position: u64,
    /// Its name.
    pub dot: Dot,
    /// Its Lamport time.
    pub lamport: u64,
    /// About when.
    pub hlc: HybridTimestamp,
    /// What its origin's wall clock showed, in milliseconds since 1970.
    pub wall_ms: u64,
    /// The versions it superseded.
    pub context: Vec<Dot>,
    /// How to understand the value.
    pub kind: BodyKind,
    /// The value.
    pub value: Bytes,
    /// The client's id.
    pub request: RequestId,
}

impl HistoryEntry {
    /// The entry of a write at a position of the log.
    pub fn new(position: u64, event: WriteEvent) -> Self {
        let WriteEvent { dot, lamport, hlc, wall_ms, context, request, body, .. } = event;
        Self { position, dot, lamport, hlc, wall_ms, context, kind: body.kind, value: body.bytes, request }
    }
}

/// One sibling of a conflict, without its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiblingSummary {
    /// Its names, ascending.
    pub dots: Vec<Dot>,
    /// Its Lamport time.
    pub lamport: u64,
    /// About when.
    pub hlc: HybridTimestamp,
    /// What its origin's wall clock showed, in milliseconds since 1970.
    pub wall_ms: u64,
}

/// An open conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictView {
    /// Its id, equal on every station that knows the same siblings.
    pub id: ConflictId,
    /// The key.
    pub key: Key,
    /// The key's revision.
    pub revision: u64,
    /// The siblings, ascending by their first dot.
    pub siblings: Vec<SiblingSummary>,
}

/// A write that became visible at the watched station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedView {
    /// The key.
    pub key: Key,
    /// The write.
    pub version: VersionView,
    /// Its position in this station's log.
    pub position: u64,
    /// The station that delivered it; `None` for the station's own.
    pub via: Option<NodeId>,
    /// What the watched station's wall clock showed, in milliseconds since 1970.
    pub applied_wall_ms: u64,
}

/// What a watcher is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// A write became visible.
    Applied(AppliedView),
    /// A key has concurrent versions, or their set changed.
    ConflictOpened(ConflictView),
    /// A conflict ended, or became another one.
    ConflictClosed {
        /// Which conflict.
        id: ConflictId,
        /// The key.
        key: Key,
        /// The write that ended it.
        by: Dot,
    },
}

/// The replication to one peer, seen from this station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkView {
    /// The peer.
    pub peer: NodeId,
    /// A session we dialled is up: we ship to it.
    pub outbound: bool,
    /// A session it dialled is up: it ships to us.
    pub inbound: bool,
    /// How many of our events it has not acknowledged; `None` if it has not told us what it has.
    pub lag_events: Option<u64>,
}

/// The station's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// The cluster.
    pub cluster: NodeId,
    /// The station and its incarnation.
    pub replica: ReplicaId,
    /// Its Lamport time.
    pub lamport: u64,
    /// Everything it has durably applied.
    pub durable: VersionVector,
    /// How many keys it knows.
    pub keys: u64,
    /// How many conflicts are open.
    pub conflicts: u64,
    /// How many events wait for their past.
    pub held_back: u64,
    /// How many events were received again: harmless.
    pub duplicates: u64,
    /// Dots that arrived with two contents, or stored events that failed their checksum: an operator must look.
    pub quarantined: u64,
    /// What its wall clock shows, in milliseconds since 1970.
    pub wall_ms: u64,
    /// Every other station.
    pub links: Vec<LinkView>,
}

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
    /// The request does not decode. The session goes on.
    #[error("malformed request: field {field}: {detail}")]
    Malformed {
        /// The path of what is to blame, such as `Put.context[3].seq`.
        field: String,
        /// What was met there, and what was expected.
        detail: String,
    },
}
