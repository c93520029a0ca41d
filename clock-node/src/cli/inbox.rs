//! The open conflicts as an inbox: how old each is, how far apart its versions are, in which order to look at them.

use bytes::Bytes;
use clap::ValueEnum;
use clock_core::Body;
use clock_core::record::{Candidate, Severity, severity};
use clock_core::wire::ConflictView;

/// In which order conflicts are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Sort {
    /// The farthest apart first.
    Severity,
    /// The oldest first.
    Age,
    /// By key.
    Key,
}

/// One conflict of the inbox.
#[derive(Debug)]
pub(super) struct Item {
    /// What the station shows of it.
    pub(super) conflict: ConflictView,
    /// How far apart its versions are.
    pub(super) severity: Severity,
    /// For how long there have been two versions, in milliseconds, by the clocks of the stations that wrote them. It is for
    /// people and may be wrong by as much as those clocks are.
    pub(super) age_ms: u64,
}

impl Item {
    /// The conflict as of an instant, in milliseconds since 1970.
    pub(super) fn of(conflict: ConflictView, at_ms: u64) -> Self {
        let bodies = bodies(&conflict);
        let severity = severity(&bodies.iter().collect::<Vec<_>>(), at_ms);
        let mut written: Vec<u64> = conflict.siblings.iter().map(|sibling| sibling.wall_ms).collect();
        written.sort_unstable();
        let begun = written.get(1).copied().unwrap_or(at_ms);
        Self { severity, age_ms: at_ms.saturating_sub(begun), conflict }
    }
}

/// The inbox in this order; where it says nothing, by key.
pub(super) fn inbox(conflicts: Vec<ConflictView>, at_ms: u64, sort: Sort) -> Vec<Item> {
    let mut items: Vec<Item> = conflicts.into_iter().map(|conflict| Item::of(conflict, at_ms)).collect();
    items.sort_by(|left, right| {
        let order = match sort {
            Sort::Severity => right.severity.cmp(&left.severity),
            Sort::Age => right.age_ms.cmp(&left.age_ms),
            Sort::Key => std::cmp::Ordering::Equal,
        };
        order.then_with(|| left.conflict.key.cmp(&right.conflict.key))
    });
    items
}

/// The values of a conflict's versions. One that is larger than a summary holds is left empty: it is no record, so that
/// neither a severity nor a view looks into it.
pub(super) fn bodies(conflict: &ConflictView) -> Vec<Body> {
    let body = |kind, value: &Option<Bytes>| Body { kind, bytes: value.clone().unwrap_or_default() };
    conflict.siblings.iter().map(|sibling| body(sibling.kind, &sibling.value)).collect()
}

/// A conflict's versions as a view sees them.
pub(super) fn candidates<'a>(conflict: &'a ConflictView, bodies: &'a [Body]) -> Vec<Candidate<'a>> {
    let siblings = conflict.siblings.iter().zip(bodies);
    siblings.map(|(sibling, body)| Candidate { dots: &sibling.dots, body }).collect()
}
