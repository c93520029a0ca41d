//! Causal deduplication: of what arrives, what is news, what came before, and what has to be reconciled.
//!
//! A stream (one order, one satellite, one partition) has its last processed events. An event that knew them
//! all is news; one that a processed event knew of is old, whichever way it came; one that neither knew nor
//! was known is concurrent, and is queued for whoever can decide, for dropping it would lose a write. A
//! counter or a wall time could not tell the last two apart.
//!
//! **Knowing is not including.** That a later event knew of an earlier one says that its sender had seen it,
//! not that its payload repeats it. Dropping what is stale is right for a stream whose events each carry the
//! whole new state (the status of an order, the attitude of a satellite); in a stream of changes (invoices,
//! increments) it loses them.
//!
//! Invariant: what is remembered of a stream, processed or queued, is bounded in number, and so are the
//! streams. When full, nothing is dropped or forgotten: the event is refused and can be offered again. A
//! forged event that claims the end of a counter would make all honest ones stale, so no entry may be far
//! above what the stream has seen.
//!
//! ```
//! use clock_core::headers::{Deduplicator, EventId, EventType, Trace, TracedEvent, Verdict};
//! use clock_core::VectorTimestamp;
//!
//! let status = |id, clock| -> Result<TracedEvent, Box<dyn std::error::Error>> {
//!     let causality = VectorTimestamp::from_entries(clock)?;
//!     let trace = Trace { event_id: EventId::new(id)?, event_type: EventType::new("order.status")?, causality };
//!     Ok(TracedEvent::new(trace, Vec::new()))
//! };
//! let mut seen = Deduplicator::new(1000, 16);
//! let paid = status("paid", [("billing", 2), ("stock", 0)])?;
//! let sold_out = status("sold-out", [("billing", 0), ("stock", 1)])?;
//! let placed = status("placed", [("billing", 1), ("stock", 0)])?;
//! assert_eq!(seen.offer("order-42", &paid)?.verdict, Verdict::Fresh);
//! assert_eq!(seen.offer("order-42", &placed)?.verdict, Verdict::Stale);
//! assert_eq!(seen.offer("order-42", &sold_out)?.verdict, Verdict::Concurrent);
//! let refunded = status("refunded", [("billing", 3), ("stock", 1)])?;
//! assert_eq!(seen.offer("order-42", &refunded)?.superseded, [sold_out]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::{Trace, TracedEvent};
use crate::causality::Ordering;
use crate::clocks::MAX_JUMP;
use crate::versions::VectorTimestamp;

/// What to do with an event that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It knew of all that was processed: process it.
    Fresh,
    /// It was processed or queued already.
    Duplicate,
    /// A processed event knew of it: drop it.
    Stale,
    /// It was made without knowledge of what was processed: it goes to conflict resolution. So does an older
    /// event of one that waits there, for nothing was decided yet.
    Concurrent,
}

/// What became of an event that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Offered {
    /// What to do with it.
    pub verdict: Verdict,
    /// The queued events that a [`Fresh`](Verdict::Fresh) one knew of, in the order of their arrival. They
    /// are no longer queued; whether the fresh one includes them is the caller's to say.
    pub superseded: Vec<TracedEvent>,
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
    /// A memory of at most so many streams, with so many events in each, processed or queued. The second
    /// number has to hold what writers that do not hear of each other write until somebody decides; 16 is
    /// generous. With 0 of either, all events are refused.
    #[must_use]
    pub fn new(streams_max: usize, siblings_max: usize) -> Self {
        Self { streams: BTreeMap::new(), streams_max, siblings_max }
    }

    /// What an event would be, if it were offered and not refused.
    #[must_use]
    pub fn classify(&self, stream: &str, trace: &Trace) -> Verdict {
        self.streams.get(stream).map_or(Verdict::Fresh, |stream| stream.classify(trace))
    }

    /// Judges an event and remembers it: as the last processed one if it is [`Fresh`](Verdict::Fresh), in the
    /// queue if it is [`Concurrent`](Verdict::Concurrent).
    ///
    /// The memory is not durable. A service that stops between this call and its own commit has to begin
    /// again from what it committed.
    ///
    /// # Errors
    /// [`OfferRefused`]. Nothing changed.
    pub fn offer(&mut self, stream: &str, event: &TracedEvent) -> Result<Offered, OfferRefused> {
        let verdict = self.classify(stream, event.trace());
        let superseded = match verdict {
            Verdict::Duplicate | Verdict::Stale => Vec::new(),
            Verdict::Fresh => self.admitted(stream, event.trace(), true)?.process(event.trace()),
            Verdict::Concurrent => {
                self.admitted(stream, event.trace(), false)?.queued.push(event.clone());
                Vec::new()
            }
        };
        Ok(Offered { verdict, superseded })
    }

    /// The events of a stream that wait for a decision, in the order of their arrival.
    #[must_use]
    pub fn conflicts(&self, stream: &str) -> &[TracedEvent] {
        self.streams.get(stream).map_or(&[], |stream| &stream.queued)
    }

    /// Hands over the events that wait for a decision; from now on they count as processed, and are
    /// remembered until an event knows of them. [`resolved`](Self::resolved) names the one that records the
    /// decision.
    #[must_use]
    pub fn take_conflicts(&mut self, stream: &str) -> Vec<TracedEvent> {
        let Some(stream) = self.streams.get_mut(stream) else { return Vec::new() };
        let taken = core::mem::take(&mut stream.queued);
        stream.processed.extend(taken.iter().map(|event| event.trace().clone()));
        stream.forget_past_of_processed();
        taken
    }

    /// Remembers the event that records a decision, in place of all that it knew of, and so makes room. It
    /// should know of everything that was decided about, and will then be [`Fresh`](Verdict::Fresh)
    /// everywhere. Returns the queued events that it knew of and that were not taken.
    ///
    /// # Errors
    /// [`OfferRefused`], also if it knew of none of them and there is no room beside them. Nothing changed.
    pub fn resolved(&mut self, stream: &str, decision: &Trace) -> Result<Vec<TracedEvent>, OfferRefused> {
        match self.classify(stream, decision) {
            Verdict::Duplicate | Verdict::Stale => Ok(Vec::new()),
            Verdict::Fresh | Verdict::Concurrent => {
                Ok(self.admitted(stream, decision, true)?.process(decision))
            }
        }
    }

    /// Forgets a stream that has ended, with its queue; any event of it is fresh again.
    pub fn forget(&mut self, stream: &str) {
        self.streams.remove(stream);
    }

    /// The stream with room for this event, which takes the place of its past or stands beside it.
    fn admitted(
        &mut self,
        name: &str,
        trace: &Trace,
        replaces_past: bool,
    ) -> Result<&mut Stream, OfferRefused> {
        let unknown = Stream::default();
        let stream = self.streams.get(name).unwrap_or(&unknown);
        stream.check_jump(name, trace)?;
        let stays = |other: &&Trace| !(replaces_past && is_past(other, trace));
        if stream.traces().filter(stays).count() >= self.siblings_max {
            let (limit, waiting) = (self.siblings_max, stream.queued.len());
            return Err(OfferRefused::TooManySiblings { stream: name.to_owned(), limit, waiting });
        }
        if !self.streams.contains_key(name) && self.streams.len() >= self.streams_max {
            return Err(OfferRefused::TooManyStreams { stream: name.to_owned(), limit: self.streams_max });
        }
        Ok(self.streams.entry(name.to_owned()).or_default())
    }
}

impl Stream {
    fn traces(&self) -> impl Iterator<Item = &Trace> {
        self.processed.iter().chain(self.queued.iter().map(TracedEvent::trace))
    }

    /// Two events with equal timestamps and different ids are a fault of their sender; neither is dropped for
    /// it.
    fn classify(&self, trace: &Trace) -> Verdict {
        let is_copy = |other: &Trace| {
            trace.event_id == other.event_id && trace.causality.compare(&other.causality) == Ordering::Equal
        };
        if self.traces().any(is_copy) {
            return Verdict::Duplicate;
        }
        if self.processed.iter().any(|other| is_past(trace, other)) {
            return Verdict::Stale;
        }
        match self.processed.iter().all(|other| is_past(other, trace)) {
            true => Verdict::Fresh,
            false => Verdict::Concurrent,
        }
    }

    /// What was forgotten is below what is remembered, so the limit never falls while the stream is
    /// remembered.
    fn check_jump(&self, name: &str, trace: &Trace) -> Result<(), OfferRefused> {
        let mut seen = VectorTimestamp::new();
        self.traces().for_each(|other| seen.merge(&other.causality));
        for (node, incoming) in trace.causality.entries() {
            let limit = seen.get(node).saturating_add(MAX_JUMP);
            if incoming > limit {
                let (stream, node_id) = (name.to_owned(), node.to_owned());
                return Err(OfferRefused::Jump { stream, node_id, incoming, limit });
            }
        }
        Ok(())
    }

    /// Remembers an event in place of its past; returns what was queued of that.
    fn process(&mut self, trace: &Trace) -> Vec<TracedEvent> {
        self.processed.retain(|other| !is_past(other, trace));
        self.processed.push(trace.clone());
        self.queued.extract_if(.., |other| is_past(other.trace(), trace)).collect()
    }

    fn forget_past_of_processed(&mut self) {
        let all = core::mem::take(&mut self.processed);
        let is_last = |trace: &&Trace| !all.iter().any(|other| is_past(trace, other));
        self.processed = all.iter().filter(is_last).cloned().collect();
    }
}

fn is_past(earlier: &Trace, later: &Trace) -> bool {
    earlier.causality.compare(&later.causality) == Ordering::Before
}

/// Why an event was not judged. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OfferRefused {
    /// As many streams as there may be are remembered: forget those that have ended, then offer it again.
    #[error("stream {stream:?} is one more than the {limit} that are remembered")]
    TooManyStreams {
        /// The stream of the event.
        stream: String,
        /// How many there may be.
        limit: usize,
    },
    /// As many events of the stream as there may be are remembered: take those that wait, decide, say by
    /// which event that is [`resolved`](Deduplicator::resolved), then offer it again.
    #[error(
        "stream {stream:?} has {limit} unresolved events, {waiting} of them queued: resolve them by an event that knows them"
    )]
    TooManySiblings {
        /// The stream.
        stream: String,
        /// How many there may be.
        limit: usize,
        /// How many of them wait in the queue.
        waiting: usize,
    },
    /// A counter is too far above all that was seen of the stream to be honest: count it against the sender.
    #[error("counter {incoming} of {node_id} in stream {stream:?} is above the limit {limit}")]
    Jump {
        /// The stream.
        stream: String,
        /// The node that the entry is about.
        node_id: String,
        /// The counter received.
        incoming: u64,
        /// The largest counter that would have been accepted: [`MAX_JUMP`] above what was seen.
        limit: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_COUNTER;
    use crate::headers::{EventId, EventType};

    fn event(id: &str, entries: &[(&str, u64)]) -> TracedEvent {
        let causality = VectorTimestamp::from_entries(entries.iter().copied()).unwrap();
        let event_type = EventType::new("order.changed").unwrap();
        TracedEvent::new(Trace { event_id: EventId::new(id).unwrap(), event_type, causality }, Vec::new())
    }

    fn offer(dedup: &mut Deduplicator, id: &str, entries: &[(&str, u64)]) -> Verdict {
        let offered = dedup.offer("order-42", &event(id, entries)).unwrap();
        assert!(offered.superseded.is_empty(), "{offered:?}");
        offered.verdict
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
    fn concurrent_events_wait_and_their_successor_hands_them_back() {
        let mut dedup = Deduplicator::new(8, 8);
        let waiting = event("2", &[("b", 1)]);
        offer(&mut dedup, "1", &[("a", 1)]);
        assert_eq!(offer(&mut dedup, "2", &[("b", 1)]), Verdict::Concurrent);
        assert_eq!(offer(&mut dedup, "2", &[("b", 1)]), Verdict::Duplicate);
        assert_eq!(dedup.conflicts("order-42"), std::slice::from_ref(&waiting));
        let successor = dedup.offer("order-42", &event("3", &[("a", 2), ("b", 1)]));
        assert_eq!(successor, Ok(Offered { verdict: Verdict::Fresh, superseded: vec![waiting] }));
        assert!(dedup.conflicts("order-42").is_empty());
        assert_eq!(offer(&mut dedup, "2", &[("b", 1)]), Verdict::Stale);
    }

    /// Disproved by a write that is lost because a later one of its writer arrived before it.
    #[test]
    fn only_what_was_processed_makes_an_event_stale() {
        let mut dedup = Deduplicator::new(8, 8);
        offer(&mut dedup, "1", &[("a", 1)]);
        assert_eq!(offer(&mut dedup, "b2", &[("b", 2)]), Verdict::Concurrent);
        assert_eq!(offer(&mut dedup, "b1", &[("b", 1)]), Verdict::Concurrent);
        assert_eq!(dedup.take_conflicts("order-42").len(), 2);
        assert_eq!(offer(&mut dedup, "b1", &[("b", 1)]), Verdict::Stale);
    }

    #[test]
    fn what_was_taken_for_decision_is_not_news_again() {
        let mut dedup = Deduplicator::new(8, 8);
        offer(&mut dedup, "1", &[("a", 1)]);
        offer(&mut dedup, "2", &[("b", 1)]);
        assert_eq!(dedup.take_conflicts("order-42").len(), 1);
        assert_eq!(offer(&mut dedup, "2", &[("b", 1)]), Verdict::Duplicate);
        assert_eq!(offer(&mut dedup, "3", &[("a", 2)]), Verdict::Concurrent, "it does not know of b");
        let decision = event("4", &[("a", 3), ("b", 1)]);
        assert_eq!(dedup.resolved("order-42", decision.trace()), Ok(vec![event("3", &[("a", 2)])]));
        assert_eq!(offer(&mut dedup, "4", &[("a", 3), ("b", 1)]), Verdict::Duplicate);
    }

    #[test]
    fn events_that_share_a_timestamp_are_both_kept() {
        let mut dedup = Deduplicator::new(8, 8);
        offer(&mut dedup, "1", &[("a", 1)]);
        assert_eq!(offer(&mut dedup, "other", &[("a", 1)]), Verdict::Concurrent);
    }

    /// Disproved by a forged event that is taken in, or by an honest one that is stale after it.
    #[test]
    fn a_forged_end_of_the_counters_does_not_silence_a_stream() {
        let mut dedup = Deduplicator::new(8, 8);
        let forged = event("evil", &[("a", MAX_COUNTER), ("b", MAX_COUNTER)]);
        assert!(matches!(dedup.offer("order-42", &forged), Err(OfferRefused::Jump { limit: MAX_JUMP, .. })));
        assert_eq!(offer(&mut dedup, "1", &[("a", 1)]), Verdict::Fresh);
        let beyond = event("evil", &[("a", MAX_JUMP + 2)]);
        let (stream, node_id) = ("order-42".to_owned(), "a".to_owned());
        let refused = OfferRefused::Jump { stream, node_id, incoming: MAX_JUMP + 2, limit: MAX_JUMP + 1 };
        assert_eq!(dedup.offer("order-42", &beyond), Err(refused.clone()));
        assert_eq!(dedup.resolved("order-42", beyond.trace()), Err(refused));
        assert_eq!(offer(&mut dedup, "2", &[("a", 2)]), Verdict::Fresh);
        assert_eq!(offer(&mut dedup, "far", &[("a", MAX_JUMP + 2)]), Verdict::Fresh);
    }

    #[test]
    fn a_full_memory_refuses_and_forgets_nothing() {
        let mut dedup = Deduplicator::new(1, 2);
        offer(&mut dedup, "1", &[("a", 1)]);
        offer(&mut dedup, "2", &[("b", 1)]);
        let third = event("3", &[("c", 1)]);
        let full =
            |waiting| Err(OfferRefused::TooManySiblings { stream: "order-42".to_owned(), limit: 2, waiting });
        assert_eq!(dedup.offer("order-42", &third), full(1));
        assert_eq!(dedup.resolved("order-42", third.trace()), full(1).map(|_: Offered| vec![]));
        let streams = OfferRefused::TooManyStreams { stream: "order-43".to_owned(), limit: 1 };
        assert_eq!(dedup.offer("order-43", &third), Err(streams));
        assert_eq!(dedup.take_conflicts("order-42"), [event("2", &[("b", 1)])]);
        assert_eq!(dedup.offer("order-42", &third), full(0), "what was taken is not decided yet");
        let decision = event("4", &[("a", 2), ("b", 1)]);
        assert_eq!(dedup.resolved("order-42", decision.trace()), Ok(vec![]));
        assert_eq!(offer(&mut dedup, "3", &[("c", 1)]), Verdict::Concurrent);
        dedup.forget("order-42");
        assert!(dedup.offer("order-43", &third).is_ok_and(|offered| offered.verdict == Verdict::Fresh));
    }

    #[test]
    fn no_room_at_all_is_reported_as_what_it_is() {
        let first = event("1", &[("a", 1)]);
        let refused = Deduplicator::new(8, 0).offer("order-42", &first);
        assert!(matches!(refused, Err(OfferRefused::TooManySiblings { limit: 0, .. })));
        let refused = Deduplicator::new(0, 8).offer("order-42", &first);
        assert!(matches!(refused, Err(OfferRefused::TooManyStreams { limit: 0, .. })));
    }
}
