//! The logs of several services as one, in causal order, with a report of what raced, what is missing, and
//! what cannot be true.
//!
//! Sorting by wall time puts effects before causes. Sorting pairwise by happens-before is no order at all,
//! for concurrent events are not ordered. But if one event happened before another its vector is smaller in
//! an entry and larger in none, so the *sum* of its counters is smaller: sorting by the sum, then by id, is a
//! linear extension of happens-before, the same for any order of input, in O(n log n). It needs no event to
//! be present, so a log may be a sample.
//!
//! The reports come from one walk along each service. The events of one service are totally ordered, so those
//! of another service that are concurrent with one of them are neighbours, between the last one it knew and
//! the first one that knew it; both borders only move forward. The names of a vector are resolved once, so a
//! log takes O(events * services) steps over numbers, and memory in proportion to its vectors. Whether pasts
//! are complete costs one comparison of vectors for each event that another one heard from directly: one per
//! receipt in practice, and one per service and event at worst.
//!
//! Logs are written by others: services are bounded by [`SERVICES_MAX`], what is listed by [`FINDINGS_MAX`].
//!
//! ```
//! use clock_core::headers::{CausalOrder, CountingSource, EventType, LogEntry, Tracer, shiviz};
//! use clock_core::NodeId;
//!
//! let mut log = Vec::new();
//! for name in ["orders", "billing"] {
//!     let service = NodeId::new(name)?;
//!     let mut tracer = Tracer::new(service.clone(), CountingSource::after(service.clone(), 0));
//!     let event = tracer.send(EventType::new("started")?, Vec::new(), 0)?;
//!     log.push(LogEntry { service, event });
//! }
//! let order = CausalOrder::of(log)?;
//! assert_eq!(order.races()[0].pairs, 1, "neither knew of the other");
//! let drawing = shiviz::export(&order)?;
//! assert!(drawing.starts_with("billing {\"billing\":1}\nstarted billing-1\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Source: Mattern, *Virtual Time and Global States of Distributed Systems*, 1989, theorem 10 and section 5;
//! the test of one entry is that of Fidge, 1988.

mod contradictions;
mod findings;
mod gaps;
mod races;
mod tracks;
mod views;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

pub use contradictions::Contradiction;
pub use findings::FINDINGS_MAX;
use findings::Findings;
pub use gaps::Gap;
pub use races::Race;
pub(super) use tracks::Tracks;

use thiserror::Error;
use views::Views;

use super::{ENTRIES_MAX, TracedEvent};
use crate::causality;
use crate::id::NodeId;

/// Most services of a log: as many as a vector may name. Time and the report grow with the pairs of them.
pub const SERVICES_MAX: usize = ENTRIES_MAX;

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
    races: Findings<Race>,
    gaps: Vec<Gap>,
    contradictions: Findings<Contradiction>,
}

impl CausalOrder {
    /// Orders the lines of any number of logs, given in any order. Copies of a line count once; no other line
    /// is left out, whatever is wrong with it.
    ///
    /// # Errors
    /// [`TooManyServices`], before anything else is done.
    pub fn of(log: Vec<LogEntry>) -> Result<Self, TooManyServices> {
        check_services(&log)?;
        let given = log.len();
        let mut entries = sorted(log);
        entries.dedup();
        let tracks = Tracks::of(&entries);
        let views = Views::of(&entries, &tracks);
        let (races, groups) = races::find(&views);
        let contradictions = contradictions::find(&views);
        let gaps = gaps::find(&entries, &tracks);
        Ok(Self { copies: given - entries.len(), gaps, contradictions, groups, races, entries })
    }

    /// The lines: each comes after all that happened before it. The order of concurrent ones means nothing,
    /// and is the same each time.
    #[must_use]
    pub fn entries(&self) -> &[LogEntry] {
        &self.entries
    }

    /// How many lines were copies of another.
    #[must_use]
    pub fn copies(&self) -> usize {
        self.copies
    }

    /// The stretches of [`entries`](Self::entries) whose events are linked by concurrency, each as short as
    /// can be: everything before a stretch happened before everything in it.
    #[must_use]
    pub fn groups(&self) -> &[Range<usize>] {
        &self.groups
    }

    /// Which services raced, by name: the first [`FINDINGS_MAX`] pairs of them.
    #[must_use]
    pub fn races(&self) -> &[Race] {
        self.races.kept()
    }

    /// How many pairs of services raced beyond those listed.
    #[must_use]
    pub fn races_omitted(&self) -> u64 {
        self.races.omitted()
    }

    /// What the events know of and the log does not have, by service.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// What cannot be true of working clocks: the first [`FINDINGS_MAX`]. If there is any, the order and the
    /// races are as good as the clocks are. An event that is incomplete because one it heard from is may be
    /// passed over.
    #[must_use]
    pub fn contradictions(&self) -> &[Contradiction] {
        self.contradictions.kept()
    }

    /// How many contradictions there are beyond those listed.
    #[must_use]
    pub fn contradictions_omitted(&self) -> u64 {
        self.contradictions.omitted()
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

/// A log names more services than can be put in relation to each other. Order it by parts: a log without the
/// lines of some services is ordered as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a log of more than {limit} services")]
pub struct TooManyServices {
    /// [`SERVICES_MAX`].
    pub limit: usize,
}

fn check_services(log: &[LogEntry]) -> Result<(), TooManyServices> {
    let mut services = BTreeSet::new();
    for entry in log {
        services.insert(&entry.service);
        if services.len() > SERVICES_MAX {
            return Err(TooManyServices { limit: SERVICES_MAX });
        }
    }
    Ok(())
}

/// Smaller for whatever happened before. At most [`ENTRIES_MAX`](super::ENTRIES_MAX) counters of 63 bits do
/// not overflow it; nor do 2^64 of them.
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
