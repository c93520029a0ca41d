//! The clock of a node that must find every conflict and invent none: a vector clock, with a Lamport value
//! for display.

use alloc::borrow::ToOwned;

use super::{Clock, ClockError, LamportClock, Timestamp, VectorClock};

/// The exact [`Clock`]: its timestamps compare as happens-before does.
#[derive(Debug)]
pub struct VectorNodeClock {
    lamport: LamportClock,
    vector: VectorClock,
}

impl VectorNodeClock {
    /// The clock of a node that has seen nothing.
    #[must_use]
    pub fn new(node_id: &str) -> Self {
        Self { lamport: LamportClock::new(), vector: VectorClock::new(node_id) }
    }

    /// The vector: what this node has applied.
    #[must_use]
    pub fn vector(&self) -> &VectorClock {
        &self.vector
    }
}

impl Clock for VectorNodeClock {
    fn tick(&mut self) -> Result<Timestamp, ClockError> {
        self.vector.try_tick()?;
        let vector = self.vector.entries().map(|(node, counter)| (node.to_owned(), counter)).collect();
        Ok(Timestamp { lamport: self.lamport.tick(), vector })
    }

    fn observe(&mut self, remote: &Timestamp) -> Result<(), ClockError> {
        self.vector.check_merge(remote.entries())?;
        for (node, counter) in remote.entries() {
            self.vector.raise(node, counter);
        }
        // A Lamport value is for display. Nodes at different values disagree on which jump is too far, so refusing
        // one must not keep the vector from counting an event that everybody keeps.
        self.lamport.try_observe(remote.lamport)?;
        Ok(())
    }

    /// Causal delivery (Birman, Schiper and Stephenson 1991, section 5.1): the next event of its origin, and
    /// everything it depends on is here.
    fn deliverable(&self, origin: &str, ts: &Timestamp) -> bool {
        let is_next = ts.get(origin) == self.vector.get(origin) + 1;
        is_next && ts.entries().all(|(node, counter)| node == origin || counter <= self.vector.get(node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Ordering;

    fn timestamp(lamport: u64, entries: &[(&str, u64)]) -> Timestamp {
        let vector = entries.iter().map(|(node, counter)| ((*node).to_owned(), *counter)).collect();
        Timestamp { lamport, vector }
    }

    #[test]
    fn an_event_after_an_observed_one_comes_after_it() {
        let (mut x, mut y) = (VectorNodeClock::new("x"), VectorNodeClock::new("y"));
        let cause = x.tick().unwrap();
        y.observe(&cause).unwrap();
        let effect = y.tick().unwrap();
        assert_eq!(cause.compare(&effect), Ordering::Before);
        assert!(cause.lamport < effect.lamport);
    }

    #[test]
    fn only_the_next_event_with_a_complete_past_is_deliverable() {
        let mut clock = VectorNodeClock::new("z");
        clock.observe(&timestamp(1, &[("x", 1)])).unwrap();
        assert!(clock.deliverable("x", &timestamp(2, &[("x", 2)])));
        assert!(!clock.deliverable("x", &timestamp(3, &[("x", 3)])), "a gap in the origin's own events");
        assert!(!clock.deliverable("x", &timestamp(2, &[("x", 2), ("y", 1)])), "a dependency is missing");
        assert!(!clock.deliverable("x", &timestamp(1, &[("x", 1)])), "already delivered");
    }

    #[test]
    fn a_refused_vector_changes_nothing_and_a_refused_lamport_value_the_vector_alone() {
        let mut clock = VectorNodeClock::new("z");
        assert!(clock.observe(&timestamp(9, &[("z", 1)])).is_err());
        assert_eq!(clock.vector().snapshot().len(), 0);
        assert!(clock.observe(&timestamp(u64::MAX, &[("x", 1)])).is_err());
        assert!(clock.deliverable("x", &timestamp(2, &[("x", 2)])), "the event itself was kept");
        assert_eq!(clock.tick().unwrap(), timestamp(1, &[("x", 1), ("z", 1)]));
    }
}
