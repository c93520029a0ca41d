//! The logs of several services as one, in causal order, with a report of what raced, what is missing, and what cannot
//! be true.
//!
//! Sorting by wall time puts effects before causes. Sorting pairwise by happens-before is no order at all, for
//! concurrent events are not ordered. But if one event happened before another its vector is smaller in an entry and
//! larger in none, so the *sum* of its counters is smaller: sorting by the sum, then by id, is a linear extension of
//! happens-before, the same for any order of input, in O(n log n). It needs no event to be present, so a log may be a
//! sample.
//!
//! The reports come from one walk over each pair of services. The events of one service are totally ordered, so those
//! of another service that are concurrent with one of them are neighbours, between the last one it knew and the first
//! one that knew it; both borders only move forward. O(events * services) counter look-ups in all, not O(n^2)
//! comparisons.
//!
//! Source: Mattern, *Virtual Time and Global States of Distributed Systems*, 1989, theorem 10 and section 5; the test
//! of one entry is that of Fidge, 1988.

mod contradictions;
mod gaps;
mod races;
mod tracks;

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

pub use contradictions::Contradiction;
pub use gaps::Gap;
pub use races::Race;
pub(super) use tracks::Tracks;

use super::TracedEvent;
use crate::causality;
use crate::id::NodeId;

/// One line of a service's log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogEntry {
    /// The service that made the event, under the name that it has in vectors.
    pub service: NodeId,
    /// The event.
    pub event: TracedEvent,
}

/// A log in causal order, with what is noteworthy about it.
#[derive(Clone, Debug)]
pub struct CausalOrder {
    entries: Vec<LogEntry>,
    copies: usize,
    groups: Vec<Range<usize>>,
    races: Vec<Race>,
    gaps: Vec<Gap>,
    contradictions: Vec<Contradiction>,
}

impl CausalOrder {
    /// Orders the lines of any number of logs, given in any order. Copies of a line count once; no other line is left
    /// out, whatever is wrong with it.
    #[must_use]
    pub fn of(log: Vec<LogEntry>) -> Self {
        let given = log.len();
        let mut entries = sorted(log);
        entries.dedup();
        let tracks = Tracks::of(&entries);
        let (races, groups) = races::find(&entries, &tracks);
        Self {
            copies: given - entries.len(),
            gaps: gaps::find(&entries, &tracks),
            contradictions: contradictions::find(&entries, &tracks),
            groups,
            races,
            entries,
        }
    }

    /// The lines: each comes after all that happened before it. The order of concurrent ones means nothing, and is the
    /// same each time.
    #[must_use]
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// How many lines were copies of another.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.copies
    }

    /// The stretches of [`entries`](Self::entries) whose events are linked by concurrency, each as short as can be:
    /// everything before a stretch happened before everything in it.
    #[must_use]
    pub fn groups(&self) -> &[Range<usize>] {
        &self.groups
    }

    /// Which services raced, by name.
    #[must_use]
    pub fn races(&self) -> &[Race] {
        &self.races
    }

    /// What the events know of and the log does not have, by service.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// What cannot be true of working clocks. If there is any, the order and the races are as good as the clocks are.
    #[must_use]
    pub fn contradictions(&self) -> &[Contradiction] {
        &self.contradictions
    }

    /// The lines that are concurrent with the one at this place, by place; none if there is no such place.
    pub fn concurrent_with(&self, place: usize) -> impl Iterator<Item = usize> {
        let group = self.groups.iter().find(|group| group.contains(&place)).cloned().unwrap_or_default();
        group.filter(move |other| {
            let [one, other] = [place, *other].map(|place| &self.entries[place].event);
            one.compare(other) == causality::Ordering::Concurrent
        })
    }
}

/// Smaller for whatever happened before. At most [`ENTRIES_MAX`](super::ENTRIES_MAX) counters of 63 bits do not
/// overflow it; nor do 2^64 of them.
fn sum_of_counters(entry: &LogEntry) -> u128 {
    entry.event.causality().entries().map(|(_, counter)| u128::from(counter)).sum()
}

fn sorted(log: Vec<LogEntry>) -> Vec<LogEntry> {
    let mut keyed: Vec<_> = log.into_iter().map(|entry| (sum_of_counters(&entry), entry)).collect();
    keyed.sort_by(|(sum, entry), (other_sum, other)| {
        sum.cmp(other_sum).then_with(|| by_content(entry, other))
    });
    keyed.into_iter().map(|(_, entry)| entry).collect()
}

/// Orders lines of one sum, the id first; lines that compare equal are equal.
fn by_content(a: &LogEntry, b: &LogEntry) -> Ordering {
    let (left, right) = (&a.event, &b.event);
    let ids = left.event_id().cmp(right.event_id()).then_with(|| a.service.cmp(&b.service));
    let vectors = || left.causality().entries().cmp(right.causality().entries());
    ids.then_with(vectors)
        .then_with(|| left.event_type().cmp(right.event_type()))
        .then_with(|| left.payload().cmp(right.payload()))
        .then_with(|| left.time().cmp(&right.time()))
}
