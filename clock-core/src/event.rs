//! What one write carries from the station that minted it to every other.
//!
//! Three things are kept apart on purpose. The *delta* (with the dot) says what the origin had applied when it
//! wrote: it orders delivery. The *context* says which versions of this key the writer had read: it alone
//! decides what the write supersedes. Lamport time and the hybrid timestamp are for order in logs and for
//! people: neither ever decides which data survives.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::clocks::HybridTimestamp;
use crate::id::{Dot, Key, ReplicaId, RequestId};

/// Largest body, in bytes: several siblings of this size still fit one frame.
pub const BODY_BYTES_MAX: usize = 128 * 1024;
/// Most dots a context may name: the number of siblings one write can supersede.
pub const CONTEXT_DOTS_MAX: usize = 1024;

/// How a body is to be understood. Unknown kinds are carried and relayed, never dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BodyKind(pub u8);

impl BodyKind {
    /// Bytes without further meaning.
    pub const OPAQUE: Self = Self(0);
    /// A two-line element set, as text.
    pub const TLE: Self = Self(1);
    /// An attitude quaternion.
    pub const ATTITUDE: Self = Self(2);
    /// No value: the write deleted its key. The highest number, so that it stays apart from kinds of records to come.
    pub const TOMBSTONE: Self = Self(255);
}

/// The value that one write gives to its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Body {
    /// How to understand the bytes.
    pub kind: BodyKind,
    /// The canonical bytes of the value.
    pub bytes: Bytes,
}

impl Body {
    /// What a deletion writes: nothing.
    pub const TOMBSTONE: Self = Self { kind: BodyKind::TOMBSTONE, bytes: Bytes::new() };

    /// Whether the write deleted its key.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        self.kind == BodyKind::TOMBSTONE
    }
}

/// One write, as minted by its origin and the same on every station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteEvent {
    /// Its name.
    pub dot: Dot,
    /// Lamport time: larger than that of every event in its past.
    pub lamport: u64,
    /// Hybrid logical time: *about when*, for people.
    pub hlc: HybridTimestamp,
    /// What the origin's wall clock showed, in milliseconds since 1970. Displayed, never compared.
    pub wall_ms: u64,
    /// What the origin had newly applied since its previous event (all, for its first), itself excluded.
    pub delta: Vec<(ReplicaId, u64)>,
    /// The versions of this key that the writer had read, ascending: exactly these are superseded.
    pub context: Vec<Dot>,
    /// What was written.
    pub key: Key,
    /// The client's id for this write.
    pub request: RequestId,
    /// The value.
    pub body: Body,
}

/// One line for logs and failure messages: who, when in logical time, what.
impl fmt::Display for WriteEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (lamport {}, key {})", self.dot, self.lamport, self.key)
    }
}
