//! Frames that may overtake each other: each goes when it is due.
//!
//! A heap by due time, and the frames themselves by the order in which they came. When the rules change the heap is
//! forgotten at once, and the frames go back to the line one by one, where the new rules meet them in their order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use tokio::time::Instant;

use super::Item;

/// Frames with a due time each.
#[derive(Debug, Default)]
pub(super) struct Free {
    items: BTreeMap<u64, Item>,
    dues: BinaryHeap<Reverse<(Instant, u64)>>,
    next: u64,
}

impl Free {
    pub(super) fn push(&mut self, item: Item, due: Instant) {
        self.dues.push(Reverse((due, self.next)));
        self.items.insert(self.next, item);
        self.next += 1;
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.dues.peek().map(|Reverse((due, _))| *due)
    }

    pub(super) fn pop(&mut self) -> Option<Item> {
        let Reverse((_, number)) = self.dues.pop()?;
        self.items.remove(&number)
    }

    /// Forgets when they are due: they are to be taken back, the last one first.
    pub(super) fn unwind(&mut self) {
        self.dues = BinaryHeap::new();
    }

    pub(super) fn take_back(&mut self) -> Option<Item> {
        self.items.pop_last().map(|(_, item)| item)
    }

    pub(super) fn is_unwinding(&self) -> bool {
        self.dues.len() < self.items.len()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}
