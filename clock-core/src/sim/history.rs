//! What a node has applied: its events, the latest of them, and the conflicts among those.
//!
//! Heads are the events that no other known event comes after. Invariant: any two heads are in the list of
//! conflicts, because the later of them was compared with the earlier when it came, and a head has been one
//! since it came. Which superseded pairs are in the list too depends on the order of arrival; the heads do
//! not. Neither of two heads ever gives way to the other.

use super::conflict::Conflict;
use super::event::{Event, EventId};
use crate::causality::Ordering;
use std::collections::BTreeMap;

/// Grows with the events applied, as any history does.
#[derive(Debug, Default)]
pub(super) struct History {
    events: Vec<Event>,
    index_by_id: BTreeMap<EventId, usize>,
    /// Indices into `events`. At most one per origin, as the events of an origin are ordered.
    heads: Vec<usize>,
    conflicts: Vec<Conflict>,
}

impl History {
    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    pub(super) fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    pub(super) fn heads(&self) -> impl Iterator<Item = &Event> {
        self.heads.iter().map(|index| &self.events[*index])
    }

    pub(super) fn find(&self, id: &EventId) -> Option<&Event> {
        self.index_by_id.get(id).map(|index| &self.events[*index])
    }

    /// Adds an event that is not here yet and returns the conflicts it brought.
    pub(super) fn admit(&mut self, event: Event) -> &[Conflict] {
        let known_count = self.conflicts.len();
        let relations: Vec<_> = self.heads().map(|head| event.compare(head)).collect();
        let index = self.events.len();
        // An event that comes late and is superseded already contests nothing.
        if !relations.contains(&Ordering::Before) {
            let mut relation_to_head = relations.iter();
            let contested = |relation: &Ordering| *relation != Ordering::After;
            self.heads.retain(|_| relation_to_head.next().is_some_and(contested));
            let rivals = self.heads.iter().map(|head| self.events[*head].id());
            self.conflicts.extend(rivals.map(|rival| Conflict::between(rival, event.id())));
            self.heads.push(index);
        }
        self.index_by_id.insert(event.id(), index);
        self.events.push(event);
        &self.conflicts[known_count..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn event(origin: &str, entries: &[(&str, u64)]) -> Event {
        let vector =
            entries.iter().map(|(node, counter)| ((*node).to_owned(), *counter)).collect::<HashMap<_, _>>();
        Event { origin: origin.to_owned(), lamport: 1, vector, payload: Vec::new() }
    }

    fn conflicts(events: Vec<Event>) -> Vec<String> {
        let mut history = History::default();
        for event in events {
            history.admit(event);
        }
        history.conflicts().iter().map(Conflict::to_string).collect()
    }

    #[test]
    fn both_orders_of_arrival_report_the_same_pair() {
        let (a, b) = (event("a", &[("a", 1)]), event("b", &[("b", 1)]));
        assert_eq!(conflicts(vec![a.clone(), b.clone()]), ["a#1 || b#1"]);
        assert_eq!(conflicts(vec![b, a]), ["a#1 || b#1"]);
    }

    #[test]
    fn an_event_that_knew_of_both_ends_the_contest() {
        let mut history = History::default();
        history.admit(event("a", &[("a", 1)]));
        history.admit(event("b", &[("b", 1)]));
        assert!(history.admit(event("a", &[("a", 2), ("b", 1)])).is_empty());
        assert_eq!(history.heads().map(|head| head.id().to_string()).collect::<Vec<_>>(), ["a#2"]);
    }

    #[test]
    fn a_late_event_that_is_superseded_contests_nothing() {
        let late = event("a", &[("a", 1)]);
        assert_eq!(conflicts(vec![event("b", &[("b", 1)]), event("a", &[("a", 2)]), late]), ["a#2 || b#1"]);
    }
}
