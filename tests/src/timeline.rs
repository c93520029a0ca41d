//! What happened on a cluster, line by line: printed as it happens and kept for the test to look at.

use clock_core::{Event, EventId, Fact};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A record that all nodes of one cluster share.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    record: Arc<Mutex<Record>>,
}

#[derive(Debug, Default)]
struct Record {
    lines: Vec<String>,
    events: BTreeMap<EventId, Event>,
}

impl Timeline {
    /// Adds a line of the test's own.
    pub fn say(&self, line: impl Into<String>) {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).add(line.into());
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).lines.clone()
    }

    /// What a node is given to report to.
    pub fn observer(&self) -> impl FnMut(&str, Fact<'_>) + Send + 'static {
        let record = Arc::clone(&self.record);
        move |node, fact| record.lock().unwrap_or_else(PoisonError::into_inner).note(node, fact)
    }
}

impl Record {
    fn add(&mut self, line: String) {
        println!("{line}");
        self.lines.push(line);
    }

    fn note(&mut self, node: &str, fact: Fact<'_>) {
        match fact {
            Fact::Submitted(event) => self.note_event(format!("{node} submits {event}"), event),
            Fact::Received(event) => self.note_event(format!("{node} receives {event}"), event),
            Fact::HeldBack(event) => self.add(format!("{node} holds back {event}")),
            Fact::Duplicate(event) => self.add(format!("{node} has {} already", event.id())),
            Fact::Surfaced(pair) => self.note_conflict(node, pair.first(), pair.second()),
            Fact::Refused(refusal) => self.add(format!("{node} refuses: {refusal}")),
        }
    }

    fn note_event(&mut self, line: String, event: &Event) {
        self.events.insert(event.id(), event.clone());
        self.add(line);
    }

    /// The relation is computed here, from the events as they were seen, and not taken from the claim.
    fn note_conflict(&mut self, node: &str, first: &EventId, second: &EventId) {
        let compared = self.events.get(first).zip(self.events.get(second)).map(|(a, b)| a.compare(b));
        let relation = compared.map_or_else(|| "UNKNOWN EVENT".to_owned(), |relation| relation.to_string());
        self.add(format!("{node} reconcile({first}, {second}) -> {relation}"));
        self.add(format!("{node} surfaced conflict to application layer"));
    }
}
