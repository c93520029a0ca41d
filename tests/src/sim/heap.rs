//! The one queue of everything that will happen, in virtual time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Events by time; those of one moment in the order in which they were put in.
#[derive(Debug)]
pub(super) struct Heap<T> {
    waiting: std::collections::BinaryHeap<Reverse<(u64, u64)>>,
    events: BTreeMap<u64, T>,
    next: u64,
    now_us: u64,
}

impl<T> Heap<T> {
    pub(super) fn new() -> Self {
        Self { waiting: Default::default(), events: BTreeMap::new(), next: 0, now_us: 0 }
    }

    /// The virtual time, in microseconds.
    pub(super) fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Puts in an event that is to happen after `later_us` microseconds.
    pub(super) fn after(&mut self, later_us: u64, event: T) {
        self.at(self.now_us.saturating_add(later_us), event);
    }

    /// Puts in an event for a moment; one that has passed means now.
    pub(super) fn at(&mut self, at_us: u64, event: T) {
        self.waiting.push(Reverse((at_us.max(self.now_us), self.next)));
        self.events.insert(self.next, event);
        self.next += 1;
    }

    /// Goes on to the next event, if it comes before `until_us`.
    pub(super) fn pop(&mut self, until_us: u64) -> Option<T> {
        let Reverse((at_us, number)) = *self.waiting.peek().filter(|next| next.0.0 < until_us)?;
        self.waiting.pop();
        self.now_us = at_us;
        self.events.remove(&number)
    }

    /// Lets time pass up to a moment, if nothing happens before.
    pub(super) fn pass_to(&mut self, at_us: u64) {
        self.now_us = self.now_us.max(at_us);
    }
}
