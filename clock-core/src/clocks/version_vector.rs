//! The version vector of a replica: for each replica, up to which sequence number its events are contained.
//!
//! Entries of value zero do not exist, so equality of the maps and [`VersionVector::compare`] always agree.
//! Source: Parker et al., *Detection of Mutual Inconsistency in Distributed Systems*, IEEE TSE 1983.

use alloc::collections::BTreeMap;
use core::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::MAX_COUNTER;
use crate::causality::{self, Ordering};
use crate::id::{Dot, ReplicaId};

/// Most entries accepted from outside: 60 stations with a dozen past incarnations each.
pub const VECTOR_ENTRIES_MAX: usize = 1024;

/// Contiguous prefixes of every replica's events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct VersionVector {
    entries: BTreeMap<ReplicaId, u64>,
}

/// An event was offered out of its replica's sequence. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{dot} is not the next event of its replica: expected sequence {expected}")]
pub struct NotContiguous {
    /// The event that was offered.
    pub dot: Dot,
    /// The sequence number that comes next.
    pub expected: u64,
}

impl VersionVector {
    /// The empty vector: nothing is contained.
    pub fn new() -> Self {
        Self::default()
    }

    /// Up to which sequence number (inclusive) events of `replica` are contained; 0 if none.
    pub fn upto(&self, replica: &ReplicaId) -> u64 {
        self.entries.get(replica).copied().unwrap_or(0)
    }

    /// Whether the event is contained.
    pub fn covers(&self, dot: &Dot) -> bool {
        dot.seq <= self.upto(&dot.replica)
    }

    /// Adds the next event of a replica: the only way the vector of a replica's own state ever moves.
    ///
    /// # Errors
    /// [`NotContiguous`] if `dot` is not exactly the next one.
    pub fn advance(&mut self, dot: &Dot) -> Result<(), NotContiguous> {
        let expected = self.upto(&dot.replica) + 1;
        if dot.seq != expected {
            return Err(NotContiguous { dot: dot.clone(), expected });
        }
        self.raise(&dot.replica, dot.seq);
        Ok(())
    }

    /// Raises one entry, where an event's vector is rebuilt from its delta or a sent prefix is recorded. Never lowers.
    pub(crate) fn raise(&mut self, replica: &ReplicaId, seq: u64) {
        if seq > self.upto(replica) {
            self.entries.insert(replica.clone(), seq);
        }
    }

    /// The entries by which `self` exceeds `base`: what has to travel when the receiver knows `base`.
    pub fn delta_from(&self, base: &Self) -> Vec<(ReplicaId, u64)> {
        let exceeds = |(replica, seq): &(&ReplicaId, u64)| *seq > base.upto(replica);
        self.iter().filter(exceeds).map(|(replica, seq)| (replica.clone(), seq)).collect()
    }

    /// How many events `self` contains that `other` does not.
    pub fn events_beyond(&self, other: &Self) -> u64 {
        let missing = |(replica, seq): (&ReplicaId, u64)| seq.saturating_sub(other.upto(replica));
        self.iter().map(missing).fold(0, u64::saturating_add)
    }

    /// Whether every event of `other` is contained.
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|(replica, seq)| seq <= self.upto(replica))
    }

    /// The four-way causal relation of two vectors.
    pub fn compare(&self, other: &Self) -> Ordering {
        causality::compare_entries(self.iter(), other.iter())
    }

    /// The entries in the order of their replicas.
    pub fn iter(&self) -> impl Iterator<Item = (&ReplicaId, u64)> {
        self.entries.iter().map(|(replica, seq)| (replica, *seq))
    }

    /// How many replicas have an entry.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is contained.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Zero entries are left out; a replica named twice keeps its largest entry.
impl FromIterator<(ReplicaId, u64)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (ReplicaId, u64)>>(entries: I) -> Self {
        let mut vector = Self::new();
        entries.into_iter().for_each(|(replica, seq)| vector.raise(&replica, seq));
        vector
    }
}

/// `{pacific.1a2b3c4d: 3, …}`; the alternate form names the stations alone where that is unambiguous, for people.
impl fmt::Display for VersionVector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        for (index, (replica, seq)) in self.iter().enumerate() {
            formatter.write_str(if index == 0 { "" } else { ", " })?;
            let incarnations = self.iter().filter(|(other, _)| other.node == replica.node).count();
            match formatter.alternate() && incarnations == 1 {
                true => write!(formatter, "{replica:#}: {seq}")?,
                false => write!(formatter, "{replica}: {seq}")?,
            }
        }
        formatter.write_str("}")
    }
}

impl Serialize for VersionVector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// One canonical form: replicas strictly ascending, every entry between 1 and [`MAX_COUNTER`].
impl<'de> Deserialize<'de> for VersionVector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = VersionVector;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "at most {VECTOR_ENTRIES_MAX} vector entries, replicas strictly ascending, values 1 to {MAX_COUNTER}"
        )
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<VersionVector, A::Error> {
        let mut entries = BTreeMap::<ReplicaId, u64>::new();
        while let Some((replica, seq)) = sequence.next_element::<(ReplicaId, u64)>()? {
            let ascending = entries.last_key_value().is_none_or(|(last, _)| *last < replica);
            if !ascending || seq == 0 || seq > MAX_COUNTER {
                return Err(de::Error::custom(format_args!(
                    "vector entry {replica} = {seq}: expected ascending replicas and 1 to {MAX_COUNTER}"
                )));
            }
            if entries.len() == VECTOR_ENTRIES_MAX {
                return Err(de::Error::invalid_length(VECTOR_ENTRIES_MAX + 1, &self));
            }
            entries.insert(replica, seq);
        }
        Ok(VersionVector { entries })
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
