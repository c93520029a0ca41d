//! What a station answers.

use serde::{Deserialize, Serialize};

use super::bounded;
use super::lineage_view::{ImpactView, WhyView};
use super::request::BATCH_WRITES_MAX;
use super::request_error::RequestError;
use super::view::{ConflictView, EntryView, HistoryEntry, SnapshotEntry, StatusView};
use crate::clocks::HybridTimestamp;
use crate::event::CONTEXT_DOTS_MAX;
use crate::id::{Dot, Key, NodeId, RequestId};
use crate::versions::VersionVector;

/// A station's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// The write was applied and is durable here; its receipt says where else.
    Written(Receipt),
    /// The key's current versions, all of them deletions if it is deleted.
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
    /// All writes of a batch, in its order.
    BatchWritten(#[serde(deserialize_with = "bounded::list::<_, _, BATCH_WRITES_MAX>")] Vec<Receipt>),
    /// A write of a batch was refused, and none of them was made.
    BatchRefused {
        /// Its place in the batch, from 0.
        index: u32,
        /// Why.
        error: RequestError,
    },
    /// Keys as of one frontier.
    Snapshot {
        /// The frontier: ask with it again, here or elsewhere, and the answer is the same.
        at: VersionVector,
        /// The keys that were ever written by then, in the order in which they were asked for.
        entries: Vec<SnapshotEntry>,
        /// How many of the keys, from the first, are answered by this: ask for the rest with the same frontier.
        answered: u32,
    },
    /// What a write was.
    Why(WhyView),
    /// What came after a write.
    Impact(ImpactView),
}

/// What is known of how durable a write is, when its receipt is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// One copy was asked for: the write is on this station's disk, and every other station gets it, now or after the
    /// partition.
    Local,
    /// As many stations as were asked for have it durably.
    Committed,
    /// It is durable here, and fewer stations than were asked for are known to have it. Not a failure: it travels by
    /// itself, and asking for the receipt again tells when it has arrived.
    Indeterminate,
}

impl Outcome {
    /// A fixed lower-case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Committed => "committed",
            Self::Indeterminate => "indeterminate",
        }
    }
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
    /// What is known of how durable it is.
    pub outcome: Outcome,
    /// How many copies were asked for.
    pub w: u16,
    /// How many stations there are.
    pub n: u16,
    /// Where it is known to be durable, this station first.
    pub durable_on: Vec<NodeId>,
    /// Versions that stood beside it when it became visible, here or at a station whose copy was counted: a conflict
    /// known at write time. Ascending.
    pub concurrent_with: Vec<Dot>,
    /// The answer to its batch was too large for a frame, so that this leaves out the vector, and most of what it
    /// superseded and stood beside: ask for the receipt by itself.
    pub is_cut: bool,
}

impl Receipt {
    /// These stood beside the write too.
    pub(crate) fn learn_beside(&mut self, versions: &[Dot]) {
        self.concurrent_with.extend_from_slice(versions);
        self.concurrent_with.sort_unstable();
        self.concurrent_with.dedup();
        self.concurrent_with.truncate(CONTEXT_DOTS_MAX);
    }

    /// About how many dots and vector entries it holds.
    pub(crate) fn ids(&self) -> usize {
        self.vector.len() + self.context.len() + self.concurrent_with.len() + self.durable_on.len() + 2
    }

    /// Leaves out what can be asked for again.
    pub(crate) fn cut(&mut self) {
        self.vector = VersionVector::new();
        self.context.truncate(CUT_DOTS);
        self.concurrent_with.truncate(CUT_DOTS);
        self.is_cut = true;
    }
}

/// What is left of the lists of a receipt that was cut.
const CUT_DOTS: usize = 8;
