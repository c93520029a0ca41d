//! The version vector of a store: events of replicas, named by dots.

use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use super::version_vector::VersionVector;
use crate::bugs::{Bug, planted};
use crate::clocks::MAX_COUNTER;
use crate::id::{Dot, ReplicaId};

/// Why an event was not added to a vector. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AdvanceRefused {
    /// It was offered out of its replica's sequence: it is here already, or others come first.
    #[error("{dot} is not the next event of its replica: expected sequence {expected}")]
    NotContiguous {
        /// The event that was offered.
        dot: Dot,
        /// The sequence number that comes next.
        expected: u64,
    },
    /// Its replica was retired: all of its events are here, and it makes no more.
    #[error("{dot} is of a replica that was retired")]
    Retired {
        /// The event that was offered.
        dot: Dot,
    },
}

impl VersionVector {
    /// Whether the event is contained. There is no event 0, and of a retired replica everything is contained.
    #[must_use]
    pub fn covers(&self, dot: &Dot) -> bool {
        if planted(Bug::IncarnationIgnored) {
            return self.iter().any(|(replica, upto)| replica.node == dot.replica.node && dot.seq <= upto);
        }
        dot.seq != 0 && (dot.seq <= self.upto(&dot.replica) || self.members().is_retired(&dot.replica))
    }

    /// Adds the next event of a replica: the only way the vector of a replica's own state ever moves.
    ///
    /// # Errors
    /// [`AdvanceRefused`] if `dot` is not exactly the next one, is beyond [`MAX_COUNTER`], or of a retired replica.
    pub fn advance(&mut self, dot: &Dot) -> Result<(), AdvanceRefused> {
        if self.members().is_retired(&dot.replica) {
            return Err(AdvanceRefused::Retired { dot: dot.clone() });
        }
        let expected = self.upto(&dot.replica) + 1;
        if dot.seq != expected || dot.seq > MAX_COUNTER {
            return Err(AdvanceRefused::NotContiguous { dot: dot.clone(), expected });
        }
        self.raise(&dot.replica, dot.seq);
        Ok(())
    }

    /// Raises one entry, where an event's vector is rebuilt from its delta or a sent prefix is recorded. Never lowers.
    pub(crate) fn raise(&mut self, replica: &ReplicaId, seq: u64) {
        self.raise_with(replica, seq, ReplicaId::clone);
    }

    /// The entries by which `self` exceeds `base`: what has to travel when the receiver knows `base`.
    #[must_use]
    pub fn delta_from(&self, base: &Self) -> Vec<(ReplicaId, u64)> {
        let is_left_out = |upto: u64| upto == 0 && planted(Bug::MissingEntriesIgnored);
        let exceeds = |(replica, seq): &(&ReplicaId, u64)| {
            let upto = base.upto(*replica);
            *seq > upto && !is_left_out(upto)
        };
        self.iter().filter(exceeds).map(|(replica, seq)| (replica.clone(), seq)).collect()
    }
}

/// `{pacific.1a2b3c4d: 3, …}`; the alternate form names the stations alone where that is unambiguous, for people.
impl fmt::Display for VersionVector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        let mut entries = self.iter().peekable();
        let mut before: Option<&ReplicaId> = None;
        while let Some((replica, seq)) = entries.next() {
            formatter.write_str(if before.is_none() { "" } else { ", " })?;
            // Ascending: another incarnation of the same node would be next to this one.
            let is_of = |other: &ReplicaId| other.node == replica.node;
            let is_ambiguous =
                before.is_some_and(is_of) || entries.peek().is_some_and(|(next, _)| is_of(next));
            match formatter.alternate() && !is_ambiguous {
                true => write!(formatter, "{replica:#}: {seq}")?,
                false => write!(formatter, "{replica}: {seq}")?,
            }
            before = Some(replica);
        }
        formatter.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::versions::Membership;

    fn replica(name: &str) -> ReplicaId {
        format!("{name}.00000001").parse().unwrap()
    }

    #[test]
    fn only_the_next_event_of_a_replica_advances_the_vector() {
        let mut vector = VersionVector::new();
        let dot = |seq| Dot { replica: replica("pacific"), seq };
        vector.advance(&dot(1)).unwrap();
        assert_eq!(vector.advance(&dot(3)), Err(AdvanceRefused::NotContiguous { dot: dot(3), expected: 2 }));
        assert_eq!(vector.advance(&dot(1)), Err(AdvanceRefused::NotContiguous { dot: dot(1), expected: 2 }));
        assert_eq!(vector.upto(&replica("pacific")), 1);
    }

    #[test]
    fn a_delta_rebuilds_the_vector_on_its_base() {
        let base: VersionVector = [(replica("a"), 3), (replica("b"), 1)].into_iter().collect();
        let full: VersionVector =
            [(replica("a"), 3), (replica("b"), 4), (replica("c"), 2)].into_iter().collect();
        let mut rebuilt = base.clone();
        full.delta_from(&base).iter().for_each(|(replica, seq)| rebuilt.raise(replica, *seq));
        assert_eq!(rebuilt, full);
        assert_eq!(full.events_beyond(&base), 5);
        assert!(full.contains(&base) && !base.contains(&full));
    }

    #[test]
    fn the_end_of_the_range_is_no_next_event() {
        let last = Dot { replica: replica("a"), seq: MAX_COUNTER };
        let mut vector: VersionVector = [(replica("a"), MAX_COUNTER)].into_iter().collect();
        let beyond = Dot { seq: MAX_COUNTER + 1, ..last };
        let refusal = AdvanceRefused::NotContiguous { dot: beyond.clone(), expected: MAX_COUNTER + 1 };
        assert_eq!(vector.advance(&beyond), Err(refusal));
        assert_eq!(vector.upto(&replica("a")), MAX_COUNTER);
        assert!(!vector.covers(&Dot { replica: replica("a"), seq: 0 }));
    }

    #[test]
    fn a_retired_replica_does_not_come_back_by_what_peers_say() {
        let before = Membership::of([replica("a"), replica("b")]).unwrap();
        let gone = Dot { replica: replica("b"), seq: 1 };
        let mut own = VersionVector::over(&before.without(before.slot(&replica("b")).unwrap()));
        own.advance(&Dot { replica: replica("a"), seq: 1 }).unwrap();
        assert_eq!(own.advance(&gone), Err(AdvanceRefused::Retired { dot: gone.clone() }));
        assert!(own.covers(&gone), "everybody has all of a retired replica's events");
        let mut peer = VersionVector::over(&before.with(replica("c")).unwrap());
        for name in ["a", "b", "c"] {
            peer.advance(&Dot { replica: replica(name), seq: 1 }).unwrap();
        }
        own.merge(&peer);
        assert_eq!(own.to_string(), "{a.00000001: 1, c.00000001: 1}");
        assert!(own.members().is_retired(&replica("b")));
    }

    /// Disproved by a table that changes hands for ever.
    #[test]
    fn vectors_that_are_merged_both_ways_share_a_table() {
        let entries =
            |names: [&str; 2]| names.map(|name| (replica(name), 1)).into_iter().collect::<VersionVector>();
        let (mut left, mut right) = (entries(["a", "b"]), entries(["b", "c"]));
        for _ in 0..3 {
            let (from_left, from_right) = (left.clone(), right.clone());
            left.merge(&from_right);
            right.merge(&from_left);
        }
        assert!(left.shares_slots(&right));
        assert_eq!(left, right);
    }
}
