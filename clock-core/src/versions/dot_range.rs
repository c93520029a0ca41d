//! Consecutive events of one replica: what a node asks a peer for, and how a set of events is spelled.

use core::fmt;

use thiserror::Error;

use super::runs::Run;
use crate::clocks::MAX_COUNTER;
use crate::id::{Dot, ReplicaId};

/// Consecutive events of one replica, at least one: what to ask a peer for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DotRange {
    pub(super) replica: ReplicaId,
    pub(super) run: Run,
}

/// Why ranges were not taken. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DotRangeRefused {
    /// Not a range of events: it is empty, or starts at 0, or ends beyond [`MAX_COUNTER`].
    #[error("range {first} to {upto} of {replica}: expected 1 to {MAX_COUNTER}, ascending")]
    NotARange {
        /// Whose events.
        replica: ReplicaId,
        /// Where it would start.
        first: u64,
        /// Where it would end.
        upto: u64,
    },
    /// More ranges than the caller accepts, or than a set may have that is to be stored: fill the gaps first.
    #[error("a dot set is accepted with at most {limit} ranges")]
    TooMany {
        /// How many are accepted.
        limit: usize,
    },
    /// More replicas than a set may have that is to be stored.
    #[error("a dot set is accepted with events of at most {limit} replicas")]
    TooManyReplicas {
        /// [`VECTOR_ENTRIES_MAX`](crate::VECTOR_ENTRIES_MAX).
        limit: usize,
    },
    /// The events are further ahead than a working system gets between two messages: the peer is broken or lies. Taken,
    /// they would all count as held.
    #[error("event {claimed} of {replica}: at most {limit} is accepted")]
    Jump {
        /// Whose events.
        replica: ReplicaId,
        /// The last one offered.
        claimed: u64,
        /// The last one that would have been accepted: [`MAX_JUMP`](crate::MAX_JUMP) beyond the last one held.
        limit: u64,
    },
}

impl DotRange {
    /// The events `first` to `upto` of a replica, both inclusive.
    ///
    /// # Errors
    /// [`DotRangeRefused::NotARange`] unless `1 <= first <= upto <= MAX_COUNTER`.
    pub fn new(replica: ReplicaId, first: u64, upto: u64) -> Result<Self, DotRangeRefused> {
        if first == 0 || first > upto || upto > MAX_COUNTER {
            return Err(DotRangeRefused::NotARange { replica, first, upto });
        }
        Ok(Self { replica, run: Run { first, upto } })
    }

    /// Whose events.
    #[must_use]
    pub fn replica(&self) -> &ReplicaId {
        &self.replica
    }

    /// The first sequence number.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.run.first
    }

    /// The last sequence number, inclusive.
    #[must_use]
    pub fn upto(&self) -> u64 {
        self.run.upto
    }

    /// How many events: at least one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.run.upto - self.run.first + 1
    }

    /// The events, in order. There may be very many; nothing is made before it is asked for.
    pub fn dots(&self) -> impl Iterator<Item = Dot> {
        (self.run.first..=self.run.upto).map(|seq| Dot { replica: self.replica.clone(), seq })
    }
}

/// `pacific.1a2b3c4d:3-7`, and `pacific.1a2b3c4d:3` for a single event.
impl fmt::Display for DotRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.replica, self.run.first)?;
        if self.run.first == self.run.upto {
            return Ok(());
        }
        write!(formatter, "-{}", self.run.upto)
    }
}
