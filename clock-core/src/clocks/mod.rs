//! Logical clocks, and the one place where a clock is plugged into a node.
//!
//! [`LamportClock`], [`VectorClock`] and [`HybridClock`] are the clocks by themselves. [`Clock`] is the
//! injection point: a node stamps and merges through it, and knows nothing else of how time is kept. Two
//! clocks stand behind it, [`VectorNodeClock`] (exact) and [`HybridNodeClock`] (constant size, coarse).
//!
//! Physical time comes in as an argument or from a [`TimeSource`]. Without the feature `system-time` nothing
//! here reads a clock. Which file may is kept by `tests/tests/tidy.rs`.

mod atomic;
mod event_stamp;
mod faulty_time;
mod hybrid;
mod hybrid_error;
mod hybrid_lease;
mod hybrid_node;
mod hybrid_stamp;
mod hybrid_timestamp;
mod lamport;
mod refusal_log;
#[cfg(feature = "system-time")]
mod system_time;
mod time_source;
mod vector;
mod vector_node;
mod vector_refused;
mod wall_jump;

pub use event_stamp::EventStamp;
pub use faulty_time::{JumpingTime, SkewedTime};
pub use hybrid::{DEFAULT_MAX_DRIFT_MS, DEFAULT_MAX_WALL_JUMP_MS, HybridClock};
pub use hybrid_error::HybridError;
pub use hybrid_lease::{LEASE_MS, LeaseError, LeasedHybridClock};
pub use hybrid_node::{HybridNodeClock, HybridSource};
pub use hybrid_stamp::{HybridStamp, InvalidStamp};
pub use hybrid_timestamp::{HybridTimestamp, InvalidHybrid, MAX_WALL_MS};
pub use lamport::{LamportClock, LamportExhausted, LamportJump, LamportRefused, MAX_JUMP};
pub use refusal_log::{REFUSED_PEERS_MAX, RefusalLog, Refused};
#[cfg(feature = "system-time")]
pub use system_time::{CoarseTime, ExactTime};
pub use time_source::{CachedTime, ManualTime, TimeSource};
pub use vector::VectorClock;
pub use vector_node::VectorNodeClock;
pub use vector_refused::{CounterExhausted, MergeRefused, ReceiveRefused};
pub use wall_jump::{JumpDetector, WallJump};

use crate::causality::{Ordering, compare_entries};
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::hash::{Hash, Hasher};
use thiserror::Error;

/// The largest counter there is: 2^63 - 1, so that the difference of two counters fits an `i64`.
///
/// At a billion events a second it lasts for 292 years, so a larger one is a fault or an attack.
pub const MAX_COUNTER: u64 = (1 << 63) - 1;

/// What a node needs of its clock.
///
/// A clock reports the strongest relation it can prove; what it cannot rule out compares as concurrent and is
/// surfaced, never guessed.
pub trait Clock: Send {
    /// Stamps a new local event: after everything observed so far, as far as this clock can tell.
    ///
    /// # Errors
    /// [`ClockError`] if there is no further timestamp. The clock is unchanged.
    fn tick(&mut self) -> Result<Timestamp, ClockError>;

    /// Takes in the timestamp of an event of another node. Not an event of its own.
    ///
    /// # Errors
    /// [`ClockError`] if the timestamp is not credible. What decides delivery is taken in all the same where
    /// it is credible by itself, as [`ClockError`] says case by case; the event's data is the caller's to
    /// keep.
    fn observe(&mut self, remote: &Timestamp) -> Result<(), ClockError>;

    /// Whether an event of `origin` may be delivered now, or has to wait for others first.
    fn deliverable(&self, origin: &str, ts: &Timestamp) -> bool;
}

/// What a [`Clock`] says of one event.
///
/// A plain map, since a node must be able to hold what it received before any clock has judged it. Equal timestamps are
/// those that [`compare`](Self::compare) as equal: a zero says nothing, and neither does the Lamport value.
#[derive(Clone, Debug, Default)]
pub struct Timestamp {
    /// For display and logs: larger than that of every event it is known to come after. Picks no winner.
    pub lamport: u64,
    /// What [`compare`](Self::compare) reads: per node, how much of its past the event knew of.
    pub vector: BTreeMap<String, u64>,
}

impl Timestamp {
    /// The entry of a node; 0 if there is none.
    #[must_use]
    pub fn get(&self, node: &str) -> u64 {
        self.vector.get(node).copied().unwrap_or(0)
    }

    /// The entries in ascending order of node id, without zeros.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        let stored = self.vector.iter().map(|(node, counter)| (node.as_str(), *counter));
        stored.filter(|(_, counter)| *counter > 0)
    }

    /// How this timestamp relates to the other under happens-before.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        compare_entries(self.entries(), other.entries())
    }
}

impl PartialEq for Timestamp {
    fn eq(&self, other: &Self) -> bool {
        self.entries().eq(other.entries())
    }
}

impl Eq for Timestamp {}

impl Hash for Timestamp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entries().for_each(|entry| entry.hash(state));
    }
}

/// Why a [`Clock`] refused to stamp or to observe.
///
/// A clock that refused to stamp is unchanged. One that refused to observe is too, but for
/// [`LamportJump`](Self::LamportJump). Of whom the timestamp came the clock does not know: the caller adds
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClockError {
    /// A received Lamport value was too far ahead: count it against the peer. The display value did not
    /// follow, but the vector, which is what decides delivery, was taken in: the event is to be kept.
    #[error(transparent)]
    LamportJump(#[from] LamportJump),
    /// There is no further Lamport value: the node can stamp nothing more. Only a forged history gets there.
    #[error(transparent)]
    LamportExhausted(#[from] LamportExhausted),
    /// A received vector was not credible: see [`MergeRefused`] for what each case calls for.
    #[error(transparent)]
    MergeRefused(#[from] MergeRefused),
    /// The node's own counter is used up: it can stamp nothing more under this id.
    #[error(transparent)]
    CounterExhausted(#[from] CounterExhausted),
    /// The hybrid clock did not move: see [`HybridError`] for what each case calls for.
    #[error(transparent)]
    Hybrid(#[from] HybridError),
    /// The lease of the hybrid clock does not reach so far: renew it and try again.
    #[error(transparent)]
    Lease(LeaseError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::{BuildHasher, RandomState};

    #[test]
    fn equality_hash_and_compare_of_timestamps_agree() {
        let timestamp = |lamport, entries: &[(&str, u64)]| Timestamp {
            lamport,
            vector: entries.iter().map(|(node, counter)| ((*node).into(), *counter)).collect(),
        };
        let all = [
            timestamp(0, &[]),
            timestamp(1, &[("a", 0)]),
            timestamp(1, &[("a", 1)]),
            timestamp(2, &[("a", 1), ("b", 0)]),
        ];
        let hashes = RandomState::new();
        for (left, right) in all.iter().flat_map(|left| all.iter().map(move |right| (left, right))) {
            let is_equal = left.compare(right) == Ordering::Equal;
            assert_eq!(left == right, is_equal, "{left:?} and {right:?}");
            assert_eq!(hashes.hash_one(left) == hashes.hash_one(right), is_equal, "{left:?} and {right:?}");
        }
    }
}
