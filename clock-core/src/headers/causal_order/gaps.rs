//! What the events know of and the log does not have.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::LogEntry;
use super::tracks::{Step, Tracks};
use crate::headers::EventId;

/// Steps of a service that the log does not have, although one of its events knew of them.
///
/// A log of sent events always has some, since receipts count as well; an entry that should be complete has
/// none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The service, as vectors name it.
    pub service: String,
    /// The first missing step.
    pub from: u64,
    /// The last one.
    pub upto: u64,
    /// An event that knew of it: the service's next one, or the first of another service.
    pub known_by: EventId,
}

/// The gaps by service, each service's in order.
pub(super) fn find(entries: &[LogEntry], tracks: &Tracks) -> Vec<Gap> {
    let mut gaps = Vec::new();
    for (service, furthest) in known(entries) {
        let mut next = 1;
        let mut miss = |from, upto, witness: Step| {
            let known_by = entries[witness.place].event.event_id().clone();
            gaps.push(Gap { service: service.to_owned(), from, upto, known_by });
        };
        for step in tracks.of_service(service).map_or(&[][..], |track| &track.steps) {
            if step.counter > next {
                miss(next, step.counter - 1, *step);
            }
            next = step.counter + 1;
        }
        if furthest.counter >= next {
            miss(next, furthest.counter, furthest);
        }
    }
    gaps
}

/// The furthest step of each service that any event knew of, and the first such event.
fn known(entries: &[LogEntry]) -> BTreeMap<&str, Step> {
    let mut known: BTreeMap<&str, Step> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        for (service, counter) in entry.event.causality().entries() {
            let furthest = known.entry(service).or_insert(Step { counter, place });
            if counter > furthest.counter {
                *furthest = Step { counter, place };
            }
        }
    }
    known
}
