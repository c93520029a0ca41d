//! What a station shows: versions, conflicts, notices, its own state.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clocks::HybridTimestamp;
use crate::event::{BodyKind, WriteEvent};
use crate::id::{Dot, Key, NodeId, ReplicaId, RequestId};
use crate::replica::ConflictId;
use crate::versions::VersionVector;

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

/// Whether a key that was written has a value. A key nobody has written is a third thing: it is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// At least one version has a value.
    Live,
    /// Every version is a deletion; their dots are the context for whoever writes it again.
    Deleted,
}

impl Presence {
    /// A fixed lower-case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Deleted => "deleted",
        }
    }
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
    /// Whether any version has a value.
    pub presence: Presence,
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

/// A key as of a frontier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotEntry {
    /// The key.
    pub key: Key,
    /// How many writes the key had by then.
    pub revision: u64,
    /// The conflict, if there was more than one version.
    pub conflict: Option<ConflictId>,
    /// Whether any version had a value.
    pub presence: Presence,
    /// How many versions there were.
    pub versions_total: u32,
    /// As many of them as fit, ascending by their first dot.
    pub versions: Vec<SnapshotVersion>,
}

/// A version as of a frontier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotVersion {
    /// Its names, ascending: more than one if a retry was accepted at two stations.
    pub dots: Vec<Dot>,
    /// The write with the lowest of them.
    pub entry: HistoryEntry,
}

/// Largest value that a sibling's summary repeats, in bytes: every record of a known kind is smaller.
pub const SUMMARY_VALUE_BYTES_MAX: usize = 256;

/// One sibling of a conflict.
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
    /// How to understand its value.
    pub kind: BodyKind,
    /// Its value, unless that is larger than [`SUMMARY_VALUE_BYTES_MAX`].
    pub value: Option<Bytes>,
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
    /// The siblings, ascending by their first dot; at most 4,096 of them, and without values if they are more than 256.
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
    /// A write that became visible earlier, read back from the log for a watcher that was behind.
    Replayed {
        /// The key.
        key: Key,
        /// The write.
        entry: HistoryEntry,
    },
    /// The watcher had fallen behind. No write is left out: they follow, read from the log; of conflicts only those are
    /// told that open or end from now on, so list them once.
    Lagged {
        /// How many notices were not kept for it.
        missed: u64,
    },
    /// A write whose receipt was *indeterminate* has reached as many stations as were asked for.
    Committed {
        /// The write.
        dot: Dot,
        /// The client's id.
        request: RequestId,
        /// Where it is durable.
        durable_on: Vec<NodeId>,
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
    /// How many writes wait for more copies, or are watched because their outcome was indeterminate.
    pub awaiting_copies: u64,
    /// How many events were received again: harmless.
    pub duplicates: u64,
    /// Dots that arrived with two contents, or stored events that failed their checksum: an operator must look.
    pub quarantined: u64,
    /// What its wall clock shows, in milliseconds since 1970.
    pub wall_ms: u64,
    /// Every other station.
    pub links: Vec<LinkView>,
}
