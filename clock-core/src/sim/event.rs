//! What a cluster node submits and receives.

use crate::causality::{Ordering, compare_entries};
use crate::clocks::Timestamp;
use std::collections::HashMap;
use std::fmt;

/// One write, with the causal past it was made in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The node that made it.
    pub origin: String,
    /// For display and logs: picks no winner. 0 if the event was never stamped.
    pub lamport: u64,
    /// Per node, how much of its past the origin knew of, this event included. Empty if never stamped.
    pub vector: HashMap<String, u64>,
    /// The content, which the cluster does not look into.
    pub payload: Vec<u8>,
}

impl Event {
    pub(super) fn stamped(origin: &str, timestamp: Timestamp, payload: Vec<u8>) -> Self {
        let vector = timestamp.vector.into_iter().collect();
        Self { origin: origin.to_owned(), lamport: timestamp.lamport, vector, payload }
    }

    pub(super) fn unstamped(origin: &str, payload: Vec<u8>) -> Self {
        Self { origin: origin.to_owned(), lamport: 0, vector: HashMap::new(), payload }
    }

    /// Whether the event became part of the history; see [`ClusterNode::submit`](super::ClusterNode::submit).
    #[must_use]
    pub fn is_stamped(&self) -> bool {
        self.vector.contains_key(&self.origin)
    }

    /// The name of the event: its origin and the origin's own entry, which no two events share.
    #[must_use]
    pub fn id(&self) -> EventId {
        let counter = self.vector.get(&self.origin).copied().unwrap_or(0);
        EventId { origin: self.origin.clone(), counter }
    }

    /// How this event relates to the other under happens-before.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        compare_entries(self.sorted_entries(), other.sorted_entries())
    }

    /// The vector in normal form; the public field may hold zeros and is in no order.
    pub(super) fn sorted_entries(&self) -> Vec<(&str, u64)> {
        let stored = self.vector.iter().map(|(node, counter)| (node.as_str(), *counter));
        let mut entries: Vec<_> = stored.filter(|(_, counter)| *counter > 0).collect();
        entries.sort_unstable();
        entries
    }

    pub(super) fn timestamp(&self) -> Timestamp {
        let vector = self.vector.iter().map(|(node, counter)| (node.clone(), *counter)).collect();
        Timestamp { lamport: self.lamport, vector }
    }
}

impl fmt::Display for Event {
    /// Name, Lamport value and vector, as in `pacific#2 (lamport 3, vector {atlantic: 1, pacific: 2})`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (lamport {}, vector {{", self.id(), self.lamport)?;
        for (index, (node, counter)) in self.sorted_entries().into_iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{node}: {counter}")?;
        }
        f.write_str("})")
    }
}

/// The name of an event, the same on every node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The node that made it.
    pub origin: String,
    /// The origin's own entry in its vector: under a vector clock, the how-manieth event of that node.
    pub counter: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.origin, self.counter)
    }
}
