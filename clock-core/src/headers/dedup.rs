//! Causal deduplication: of what arrives, what is news, what came before, and what has to be reconciled.
//!
//! A stream (one order, one satellite, one partition) has its last processed events. An event that knew them all is
//! news; one that a processed event knew of is old, whichever way it came; one that neither knew nor was known is
//! concurrent, and is queued for whoever can decide, for dropping it would lose a write. A counter or a wall time could
//! not tell the last two apart.
//!
//! Invariant: the events of a stream that are remembered, processed or queued, are pairwise concurrent. So there are as
//! many of them as there are unreconciled writers, and both their number and that of the streams is bounded: when full,
//! nothing is dropped or forgotten, the event is refused and can be offered again.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::{Trace, TracedEvent};
use crate::causality::Ordering;

/// What to do with an event that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It knew of all that was processed: process it.
    Fresh,
    /// It was processed or queued already.
    Duplicate,
    /// A later event that knew of it was processed or queued already.
    Stale,
    /// It was made without knowledge of what was processed: it goes to conflict resolution.
    Concurrent,
}

/// Remembers, for each stream, what was processed last.
#[derive(Clone, Debug)]
pub struct Deduplicator {
    streams: BTreeMap<String, Stream>,
    streams_max: usize,
    siblings_max: usize,
}

#[derive(Clone, Debug, Default)]
struct Stream {
    processed: Vec<Trace>,
    queued: Vec<TracedEvent>,
}

impl Deduplicator {
    /// A memory of at most so many streams, with so many pairwise concurrent events in each. Writers that may write to
    /// a stream without hearing of each other bound the second number; 16 is generous.
    #[must_use]
    pub fn new(streams_max: usize, siblings_max: usize) -> Self {
        Self { streams: BTreeMap::new(), streams_max, siblings_max }
    }

    /// What an event would be, if it were offered.
    #[must_use]
    pub fn classify(&self, stream: &str, trace: &Trace) -> Verdict {
        self.streams.get(stream).map_or(Verdict::Fresh, |stream| stream.classify(trace))
    }

    /// Judges an event and remembers it: as the last processed one if it is [`Fresh`](Verdict::Fresh), in the queue if
    /// it is [`Concurrent`](Verdict::Concurrent). What it knew of is forgotten, queued events included: their writer's
    /// work is part of it.
    ///
    /// The memory is not durable. A service that stops between this call and its own commit has to begin again from
    /// what it committed.
    ///
    /// # Errors
    /// [`DedupFull`]. Nothing changed.
    pub fn offer(&mut self, stream: &str, event: &TracedEvent) -> Result<Verdict, DedupFull> {
        let verdict = self.classify(stream, event.trace());
        if matches!(verdict, Verdict::Duplicate | Verdict::Stale) {
            return Ok(verdict);
        }
        self.check_room(stream, event.trace())?;
        let remembered = self.streams.entry(stream.to_owned()).or_default();
        remembered.forget_past_of(event.trace());
        match verdict {
            Verdict::Concurrent => remembered.queued.push(event.clone()),
            Verdict::Fresh | Verdict::Duplicate | Verdict::Stale => {
                remembered.processed.push(event.trace().clone());
            }
        }
        Ok(verdict)
    }

    /// The events of a stream that wait for a decision, in the order of their arrival.
    #[must_use]
    pub fn conflicts(&self, stream: &str) -> &[TracedEvent] {
        self.streams.get(stream).map_or(&[], |stream| &stream.queued)
    }

    /// Hands over the events that wait for a decision; from now on they count as processed. The event that records the
    /// decision should know of them all, and will then be [`Fresh`](Verdict::Fresh) everywhere.
    pub fn take_conflicts(&mut self, stream: &str) -> Vec<TracedEvent> {
        let Some(stream) = self.streams.get_mut(stream) else { return Vec::new() };
        let taken = core::mem::take(&mut stream.queued);
        stream.processed.extend(taken.iter().map(|event| event.trace().clone()));
        taken
    }

    /// Forgets a stream that has ended, with its queue; any event of it is fresh again.
    pub fn forget(&mut self, stream: &str) {
        self.streams.remove(stream);
    }

    fn check_room(&self, stream: &str, trace: &Trace) -> Result<(), DedupFull> {
        let Some(remembered) = self.streams.get(stream) else {
            return match self.streams.len() < self.streams_max && self.siblings_max > 0 {
                true => Ok(()),
                false => Err(DedupFull::Streams { stream: stream.to_owned(), limit: self.streams_max }),
            };
        };
        let siblings = remembered.traces().filter(|other| !is_past(other, trace)).count();
        if siblings < self.siblings_max {
            return Ok(());
        }
        Err(DedupFull::Siblings { stream: stream.to_owned(), limit: self.siblings_max })
    }
}

impl Stream {
    fn traces(&self) -> impl Iterator<Item = &Trace> {
        self.processed.iter().chain(self.queued.iter().map(TracedEvent::trace))
    }

    /// Two events with equal timestamps and different ids are a fault of their sender; neither is dropped for it.
    fn classify(&self, trace: &Trace) -> Verdict {
        for other in self.traces() {
            match trace.causality.compare(&other.causality) {
                Ordering::Equal if trace.event_id == other.event_id => return Verdict::Duplicate,
                Ordering::Before => return Verdict::Stale,
                Ordering::Equal | Ordering::After | Ordering::Concurrent => {}
            }
        }
        match self.processed.iter().all(|other| is_past(other, trace)) {
            true => Verdict::Fresh,
            false => Verdict::Concurrent,
        }
    }

    fn forget_past_of(&mut self, trace: &Trace) {
        self.processed.retain(|other| !is_past(other, trace));
        self.queued.retain(|other| !is_past(other.trace(), trace));
    }
}

fn is_past(earlier: &Trace, later: &Trace) -> bool {
    earlier.causality.compare(&later.causality) == Ordering::Before
}

/// Why an event was not judged. Nothing changed: resolve conflicts or forget streams, then offer it again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DedupFull {
    /// As many streams as there may be are remembered.
    #[error("stream {stream:?} is one more than the {limit} that are remembered")]
    Streams {
        /// The stream of the event.
        stream: String,
        /// How many there may be.
        limit: usize,
    },
    /// As many concurrent events of the stream as there may be are remembered.
    #[error("stream {stream:?} has {limit} concurrent events already: resolve them")]
    Siblings {
        /// The stream.
        stream: String,
        /// How many there may be.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VectorTimestamp;
    use crate::headers::{EventId, EventType};

    fn event(id: &str, entries: &[(&str, u64)]) -> TracedEvent {
        let causality = VectorTimestamp::from_entries(entries.iter().copied()).unwrap();
        let event_type = EventType::new("order.changed").unwrap();
        TracedEvent::new(Trace { event_id: EventId::new(id).unwrap(), event_type, causality }, Vec::new())
    }

    fn offer(dedup: &mut Deduplicator, id: &str, entries: &[(&str, u64)]) -> Verdict {
        dedup.offer("order-42", &event(id, entries)).unwrap()
    }

    #[test]
    fn news_repeats_and_old_events_are_told_apart() {
        let mut dedup = Deduplicator::new(8, 8);
        assert_eq!(offer(&mut dedup, "1", &[("a", 1)]), Verdict::Fresh);
        assert_eq!(offer(&mut dedup, "1", &[("a", 1)]), Verdict::Duplicate);
        assert_eq!(offer(&mut dedup, "3", &[("a", 2), ("b", 1)]), Verdict::Fresh);
        assert_eq!(offer(&mut dedup, "2", &[("a", 2)]), Verdict::Stale);
        assert_eq!(dedup.classify("order-43", event("9", &[("a", 1)]).trace()), Verdict::Fresh);
    }

    #[test]
    fn concurrent_events_wait_for_a_decision_and_their_successor_makes_it() {
        let mut dedup = Deduplicator::new(8, 8);
        offer(&mut dedup, "1", &[("a", 1)]);
        assert_eq!(offer(&mut dedup, "2", &[("b", 1)]), Verdict::Concurrent);
        assert_eq!(offer(&mut dedup, "2", &[("b", 1)]), Verdict::Duplicate);
        assert_eq!(dedup.conflicts("order-42"), [event("2", &[("b", 1)])]);
        assert_eq!(offer(&mut dedup, "3", &[("a", 2), ("b", 1)]), Verdict::Fresh);
        assert!(dedup.conflicts("order-42").is_empty());
        assert_eq!(offer(&mut dedup, "2", &[("b", 1)]), Verdict::Stale);
    }

    #[test]
    fn what_was_taken_for_decision_is_not_news_again() {
        let mut dedup = Deduplicator::new(8, 8);
        offer(&mut dedup, "1", &[("a", 1)]);
        offer(&mut dedup, "2", &[("b", 1)]);
        assert_eq!(dedup.take_conflicts("order-42").len(), 1);
        assert_eq!(offer(&mut dedup, "2", &[("b", 1)]), Verdict::Duplicate);
        assert_eq!(offer(&mut dedup, "3", &[("a", 2)]), Verdict::Concurrent, "it does not know of b");
        assert_eq!(offer(&mut dedup, "4", &[("a", 3), ("b", 1)]), Verdict::Fresh);
    }

    #[test]
    fn events_that_share_a_timestamp_are_both_kept() {
        let mut dedup = Deduplicator::new(8, 8);
        offer(&mut dedup, "1", &[("a", 1)]);
        assert_eq!(offer(&mut dedup, "other", &[("a", 1)]), Verdict::Concurrent);
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let mut dedup = Deduplicator::new(1, 2);
        offer(&mut dedup, "1", &[("a", 1)]);
        offer(&mut dedup, "2", &[("b", 1)]);
        let third = event("3", &[("c", 1)]);
        let full = DedupFull::Siblings { stream: "order-42".to_owned(), limit: 2 };
        assert_eq!(dedup.offer("order-42", &third), Err(full));
        let full = DedupFull::Streams { stream: "order-43".to_owned(), limit: 1 };
        assert_eq!(dedup.offer("order-43", &third), Err(full));
        assert_eq!(offer(&mut dedup, "4", &[("b", 2)]), Verdict::Concurrent, "takes the place of its past");
        assert_eq!(dedup.conflicts("order-42"), [event("4", &[("b", 2)])]);
        dedup.forget("order-42");
        assert_eq!(dedup.offer("order-43", &third), Ok(Verdict::Fresh));
    }
}
