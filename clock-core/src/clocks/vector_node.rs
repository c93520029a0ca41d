//! The clock of a node that must find every conflict and invent none: a vector clock, with a Lamport value
//! for display.

use alloc::borrow::ToOwned;

use super::{Clock, ClockError, LamportClock, LamportExhausted, MAX_COUNTER, Timestamp, VectorClock};
use crate::versions::VectorTimestamp;

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

    /// The clock of a node that goes on after a restart: from the vector it stored,
    /// [`VectorClock::timestamp`], and from its [`lamport`](Self::lamport) value.
    ///
    /// Both have to be as of the last event that anybody else may know of. A node that lost them and comes
    /// back under its old name would count events anew that others know already. The first peer that has seen
    /// more of them sets off [`MergeRefused::OwnEntryAhead`](super::MergeRefused::OwnEntryAhead), unless the
    /// node stamped first: who cannot be sure takes a new name.
    #[must_use]
    pub fn restored(node_id: &str, vector: VectorTimestamp, lamport: u64) -> Self {
        Self { lamport: LamportClock::starting_at(lamport), vector: VectorClock::resuming(node_id, vector) }
    }

    /// The Lamport value of the latest event or the latest one learned of, to be stored for
    /// [`restored`](Self::restored).
    #[must_use]
    pub fn lamport(&self) -> u64 {
        self.lamport.current()
    }

    /// The vector: what this node has applied.
    #[must_use]
    pub fn vector(&self) -> &VectorClock {
        &self.vector
    }
}

impl Clock for VectorNodeClock {
    fn tick(&mut self) -> Result<Timestamp, ClockError> {
        // Looked at first, so that neither is counted where the other is refused. Nobody else ticks
        // meanwhile.
        if self.lamport.current() >= MAX_COUNTER {
            return Err(LamportExhausted { limit: MAX_COUNTER }.into());
        }
        self.vector.try_tick()?;
        let vector = self.vector.entries().map(|(node, counter)| (node.to_owned(), counter)).collect();
        Ok(Timestamp { lamport: self.lamport.tick(), vector })
    }

    fn observe(&mut self, remote: &Timestamp) -> Result<(), ClockError> {
        self.vector.check_merge(remote.entries())?;
        for (node, counter) in remote.entries() {
            self.vector.raise(node, counter);
        }
        // A Lamport value is for display. Nodes at different values disagree on which jump is too far, so
        // refusing one must not keep the vector from counting an event that everybody keeps.
        self.lamport.try_witness(remote.lamport)?;
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
    use super::super::MergeRefused;
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

    #[test]
    fn where_one_counter_is_used_up_neither_counts() {
        let lamport_left = |lamport| VectorNodeClock::restored("z", VectorTimestamp::new(), lamport);
        let mut clock = lamport_left(MAX_COUNTER);
        let exhausted = ClockError::LamportExhausted(LamportExhausted { limit: MAX_COUNTER });
        assert_eq!((clock.tick(), clock.vector().get("z")), (Err(exhausted), 0));
        assert_eq!(lamport_left(MAX_COUNTER - 1).tick().unwrap().lamport, MAX_COUNTER);
        let used_up = VectorTimestamp::from_entries([("z", MAX_COUNTER)]).unwrap();
        let mut clock = VectorNodeClock::restored("z", used_up, 7);
        assert!(matches!(clock.tick(), Err(ClockError::CounterExhausted(_))));
        assert_eq!(clock.lamport(), 7);
    }

    #[test]
    fn a_restored_node_goes_on_above_all_it_stamped() {
        let mut before = VectorNodeClock::new("x");
        before.observe(&timestamp(4, &[("y", 2)])).unwrap();
        let last = before.tick().unwrap();
        let mut after = VectorNodeClock::restored("x", before.vector().timestamp().clone(), before.lamport());
        let next = after.tick().unwrap();
        assert_eq!((last.compare(&next), next.lamport), (Ordering::Before, last.lamport + 1));
        assert_eq!(next, timestamp(6, &[("x", 2), ("y", 2)]));
    }

    /// Disproved by a node that takes back from others what it forgot itself, and counts on as if nothing
    /// were.
    #[test]
    fn a_node_that_lost_its_state_is_alarmed_by_the_first_message() {
        let (mut x, mut y) = (VectorNodeClock::new("x"), VectorNodeClock::new("y"));
        for _ in 0..3 {
            y.observe(&x.tick().unwrap()).unwrap();
        }
        let message = y.tick().unwrap();

        let mut forgetful = VectorNodeClock::new("x");
        let alarm = MergeRefused::OwnEntryAhead { node_id: "x".to_owned(), incoming: 3, local: 0 };
        assert_eq!(forgetful.observe(&message), Err(ClockError::MergeRefused(alarm)));
        assert_eq!((forgetful.vector().entries().count(), forgetful.lamport()), (0, 0));

        let mut renamed = VectorNodeClock::new("x-2");
        renamed.observe(&message).unwrap();
        let first = renamed.tick().unwrap();
        assert_eq!(message.compare(&first), Ordering::Before);
        assert!(y.observe(&first).is_ok() && y.vector().get("x") == 3);
    }
}
