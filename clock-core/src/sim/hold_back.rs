//! Events that came before their past did.
//!
//! Bounded per origin, so that one flooding peer cannot crowd out the others, and only events that have to
//! wait are counted: the next deliverable event is always admitted, so a missing dependency is never locked
//! out by those that wait for it.

use super::event::{Event, EventId};
use super::fact::Refusal;
use crate::clocks::Clock;
use std::collections::BTreeMap;

/// How many events of one origin may wait: as many as the bus holds for one recipient, so that a partition
/// the bus can buffer does not overflow here. When it is reached, further ones are dropped and counted.
pub const HOLD_BACK_MAX: usize = super::network::RECIPIENT_CAPACITY;

/// The waiting events, by origin and then in the order of their counters.
#[derive(Debug, Default)]
pub(super) struct HoldBack {
    waiting: BTreeMap<String, BTreeMap<u64, Event>>,
}

/// What may become of an event that cannot be delivered yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hold {
    MayWait,
    WaitsAlready,
    Refused(Refusal),
}

impl HoldBack {
    pub(super) fn check(&self, event: &Event) -> Hold {
        let EventId { origin, counter } = event.id();
        let Some(events) = self.waiting.get(&origin) else {
            return Hold::MayWait;
        };
        match events.get(&counter) {
            Some(known) if known == event => Hold::WaitsAlready,
            Some(_) => Hold::Refused(Refusal::Equivocation),
            None if events.len() >= HOLD_BACK_MAX => Hold::Refused(Refusal::HoldBackFull),
            None => Hold::MayWait,
        }
    }

    /// Lets an event wait that [`check`](Self::check) has passed.
    pub(super) fn insert(&mut self, event: Event) {
        let EventId { origin, counter } = event.id();
        self.waiting.entry(origin).or_default().insert(counter, event);
    }

    /// Takes out one event that need not wait any more.
    ///
    /// Only the earliest of each origin is asked about: if it has to wait, so do its successors.
    pub(super) fn take_deliverable(&mut self, clock: &impl Clock) -> Option<Event> {
        let firsts = self.waiting.values_mut().filter_map(BTreeMap::first_entry);
        let mut ready = firsts.filter(|first| {
            let event = first.get();
            clock.deliverable(&event.origin, &event.timestamp())
        });
        ready.next().map(|first| first.remove())
    }

    pub(super) fn count(&self) -> usize {
        self.waiting.values().map(BTreeMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clocks::VectorNodeClock;
    use std::collections::HashMap;

    fn event(origin: &str, counter: u64, payload: u8) -> Event {
        let vector = HashMap::from([(origin.to_owned(), counter)]);
        Event { origin: origin.to_owned(), lamport: counter, vector, payload: vec![payload] }
    }

    #[test]
    fn it_tells_a_repeated_event_from_a_forged_one() {
        let mut hold_back = HoldBack::default();
        hold_back.insert(event("a", 2, 0));
        assert_eq!(hold_back.check(&event("a", 2, 0)), Hold::WaitsAlready);
        assert_eq!(hold_back.check(&event("a", 2, 1)), Hold::Refused(Refusal::Equivocation));
        assert_eq!(hold_back.check(&event("a", 3, 0)), Hold::MayWait);
    }

    #[test]
    fn a_full_origin_does_not_crowd_out_another() {
        let mut hold_back = HoldBack::default();
        for counter in (2..).take(HOLD_BACK_MAX) {
            assert_eq!(hold_back.check(&event("a", counter, 0)), Hold::MayWait);
            hold_back.insert(event("a", counter, 0));
        }
        assert_eq!(hold_back.check(&event("a", u64::MAX, 0)), Hold::Refused(Refusal::HoldBackFull));
        assert_eq!(hold_back.check(&event("b", 2, 0)), Hold::MayWait);
    }

    #[test]
    fn events_come_out_when_their_past_is_there() {
        let (mut hold_back, mut clock) = (HoldBack::default(), VectorNodeClock::new("z"));
        hold_back.insert(event("a", 3, 0));
        hold_back.insert(event("a", 2, 0));
        assert_eq!(hold_back.take_deliverable(&clock), None);
        for counter in 1..3 {
            clock.observe(&event("a", counter, 0).timestamp()).unwrap();
            assert_eq!(hold_back.take_deliverable(&clock), Some(event("a", counter + 1, 0)));
        }
        assert_eq!(hold_back.count(), 0);
    }
}
