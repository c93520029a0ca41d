//! The version vector of a store: events of replicas, named by dots.

use alloc::vec::Vec;
use core::fmt;

use super::version_vector::{NotContiguous, VersionVector};
use crate::clocks::MAX_COUNTER;
use crate::id::{Dot, ReplicaId};

impl VersionVector {
    /// Whether the event is contained. There is no event 0.
    #[must_use]
    pub fn covers(&self, dot: &Dot) -> bool {
        dot.seq != 0 && dot.seq <= self.upto(&dot.replica)
    }

    /// Adds the next event of a replica: the only way the vector of a replica's own state ever moves.
    ///
    /// # Errors
    /// [`NotContiguous`] if `dot` is not exactly the next one, or beyond [`MAX_COUNTER`].
    pub fn advance(&mut self, dot: &Dot) -> Result<(), NotContiguous> {
        let expected = self.upto(&dot.replica) + 1;
        if dot.seq != expected || dot.seq > MAX_COUNTER {
            return Err(NotContiguous { dot: dot.clone(), expected });
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
        let exceeds = |(replica, seq): &(&ReplicaId, u64)| *seq > base.upto(*replica);
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

    fn replica(name: &str) -> ReplicaId {
        format!("{name}.00000001").parse().unwrap()
    }

    #[test]
    fn only_the_next_event_of_a_replica_advances_the_vector() {
        let mut vector = VersionVector::new();
        let dot = |seq| Dot { replica: replica("pacific"), seq };
        vector.advance(&dot(1)).unwrap();
        assert_eq!(vector.advance(&dot(3)), Err(NotContiguous { dot: dot(3), expected: 2 }));
        assert_eq!(vector.advance(&dot(1)), Err(NotContiguous { dot: dot(1), expected: 2 }));
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
}
