//! An event's name and its past in one value, so that happens-before takes one load.
//!
//! A vector of its own says what lies in an event's past, and comparing two takes a look at every entry. An event that
//! also carries its *dot* (who, and its number) needs one: it happened before another if and only if the other's vector
//! covers its dot (Mattern 1989, section 5.1; Almeida et al., DAIS 2014, section 3). The cost no longer depends on how
//! many nodes there are.

use crate::causality::Ordering;
use crate::versions::{Slot, VectorTimestamp};
use alloc::sync::Arc;
use core::fmt;

/// The stamp of one event, made by [`VectorClock::stamp`](crate::VectorClock::stamp).
///
/// Stamps of one system must come from distinct events: two clocks under one name, or a clock that lost its state and
/// began again under the old name, mint the same dot twice, and then no comparison by dots means anything.
#[derive(Clone)]
pub struct EventStamp {
    origin: Slot,
    counter: u64,
    /// Which table of names the vector is over: kept beside it, so that the fast comparison need not look for it.
    table: usize,
    vector: VectorTimestamp,
}

impl EventStamp {
    pub(super) fn new(origin: Slot, counter: u64, vector: VectorTimestamp) -> Self {
        Self { origin, counter, table: vector.members().address(), vector }
    }

    /// The stamp of the event that sent `vector`, as it arrives with a message of `origin`; `None` if the vector has no
    /// entry for it. A vector that changed since its origin's last event is no event's: stamp that clock's next one.
    #[must_use]
    pub fn of(origin: &str, vector: VectorTimestamp) -> Option<Self> {
        let slot = vector.members().slot(origin)?;
        let counter = vector.at(slot);
        (counter > 0).then(|| Self::new(slot, counter, vector))
    }

    /// Whose event it is.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.origin_id()
    }

    /// Its number among the events of its origin, from 1.
    #[must_use]
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// All that it knew of, itself included.
    #[must_use]
    pub fn vector(&self) -> &VectorTimestamp {
        &self.vector
    }

    /// Whether this event happened before the other: one load, however many nodes there are.
    #[inline]
    #[must_use]
    pub fn happened_before(&self, other: &Self) -> bool {
        if self.table == other.table {
            let is_other = self.origin == other.origin && self.counter == other.counter;
            return other.vector.at(self.origin) >= self.counter && !is_other;
        }
        self.happened_before_by_name(other)
    }

    #[cold]
    fn happened_before_by_name(&self, other: &Self) -> bool {
        other.vector.get(self.origin_id()) >= self.counter && *self != *other
    }

    /// How this event relates to the other: two loads.
    #[inline]
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        if *self == *other {
            return Ordering::Equal;
        }
        match (self.happened_before(other), other.happened_before(self)) {
            (true, false) => Ordering::Before,
            (false, true) => Ordering::After,
            // Each knowing the other cannot be: forged. What cannot be ordered is surfaced.
            (false, false) | (true, true) => Ordering::Concurrent,
        }
    }

    fn origin_id(&self) -> &Arc<str> {
        self.vector.members().id(self.origin).expect("a stamp keeps the table that its slot is of")
    }
}

/// By dot: the same event of the same origin.
impl PartialEq for EventStamp {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        let same_origin = match self.table == other.table {
            true => self.origin == other.origin,
            false => self.origin_id() == other.origin_id(),
        };
        same_origin && self.counter == other.counter
    }
}

impl Eq for EventStamp {}

impl core::hash::Hash for EventStamp {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        (self.origin_id(), self.counter).hash(state);
    }
}

impl fmt::Debug for EventStamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (origin, counter) = (self.origin(), self.counter);
        formatter
            .debug_struct("EventStamp")
            .field("origin", &origin)
            .field("counter", &counter)
            .finish_non_exhaustive()
    }
}

/// `pacific:7 {atlantic: 2, pacific: 7}`.
impl fmt::Display for EventStamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{} {}", self.origin(), self.counter, self.vector)
    }
}

#[cfg(test)]
mod tests {
    use super::super::VectorClock;
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        /// Disproved by two stamps whose dots and whose whole vectors tell different stories.
        #[test]
        fn one_load_says_what_the_whole_vectors_say(
            steps in prop::collection::vec((0usize..5, prop::option::of(0usize..40)), 1..40),
            is_one_table in any::<bool>(),
        ) {
            let mut clocks: Vec<VectorClock> = ["a", "b", "c", "d", "e"].map(VectorClock::new).into();
            let mut stamps: Vec<EventStamp> = Vec::new();
            for (node, received) in steps {
                if let Some(message) = received.and_then(|index| stamps.get(index)) {
                    clocks[node].merge(&VectorClock::resuming("x", message.vector().clone()));
                }
                let stamp = clocks[node].stamp().unwrap();
                // A stamp that came over a wire has a table of its own.
                let entries = stamp.vector().entries();
                let foreign = VectorTimestamp::from_entries(entries).unwrap();
                stamps.push(if is_one_table { stamp } else { EventStamp::of(stamp.origin(), foreign).unwrap() });
            }
            for (left, right) in stamps.iter().flat_map(|left| stamps.iter().map(move |right| (left, right))) {
                let by_vectors = left.vector().compare(right.vector());
                prop_assert_eq!(left.compare(right), by_vectors, "{} and {}", left, right);
                prop_assert_eq!(left.happened_before(right), by_vectors == Ordering::Before);
            }
        }
    }

    #[test]
    fn a_vector_without_an_entry_of_the_origin_stamps_nothing() {
        let vector = VectorTimestamp::from_entries([("a", 1)]).unwrap();
        assert_eq!(EventStamp::of("b", vector.clone()), None);
        assert_eq!(EventStamp::of("a", vector).unwrap().to_string(), "a:1 {a: 1}");
    }

    #[test]
    fn forged_stamps_are_not_before_each_other() {
        let vector = VectorTimestamp::from_entries([("a", 1), ("b", 1)]).unwrap();
        let (left, right) =
            (EventStamp::of("a", vector.clone()).unwrap(), EventStamp::of("b", vector).unwrap());
        assert_eq!(left.compare(&right), Ordering::Concurrent);
        assert_eq!(right.compare(&left), Ordering::Concurrent);
    }
}
