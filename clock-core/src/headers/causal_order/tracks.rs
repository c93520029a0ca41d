//! The events of each service by themselves, in the order in which it counted them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::LogEntry;
use crate::id::NodeId;

/// One service's events.
pub(in crate::headers) struct Track {
    /// The service.
    pub(in crate::headers) service: NodeId,
    /// Its events, by ascending counter.
    pub(in crate::headers) steps: Vec<Step>,
}

/// One event in its service's own count.
#[derive(Clone, Copy)]
pub(in crate::headers) struct Step {
    /// Its number there, from 1.
    pub(in crate::headers) counter: u64,
    /// Its place in the whole order.
    pub(in crate::headers) place: usize,
}

/// All services that have events, by name. Events that do not count themselves are on no track.
pub(in crate::headers) struct Tracks(Vec<Track>);

impl Tracks {
    pub(in crate::headers) fn of(entries: &[LogEntry]) -> Self {
        let mut steps: BTreeMap<&NodeId, Vec<Step>> = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            let counter = entry.event.causality().get(entry.service.as_str());
            if counter > 0 {
                steps.entry(&entry.service).or_default().push(Step { counter, place });
            }
        }
        let track = |(service, mut steps): (&NodeId, Vec<Step>)| {
            steps.sort_by_key(|step| step.counter);
            Track { service: service.clone(), steps }
        };
        Self(steps.into_iter().map(track).collect())
    }

    pub(in crate::headers) fn all(&self) -> &[Track] {
        &self.0
    }

    pub(in crate::headers) fn of_service(&self, service: &str) -> Option<&Track> {
        let at = self.0.binary_search_by(|track| track.service.as_str().cmp(service)).ok()?;
        self.0.get(at)
    }

    /// Each service with each other one, both ways.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&Track, &Track)> {
        let others = |one| self.0.iter().filter(move |other: &&Track| !core::ptr::eq(one, *other));
        self.0.iter().flat_map(move |one| others(one).map(move |other| (one, other)))
    }
}

impl Track {
    /// How many of the events are counted up to here.
    pub(in crate::headers) fn steps_upto(&self, counter: u64) -> usize {
        self.steps.partition_point(|step| step.counter <= counter)
    }
}

/// What one event of a service and the events of another service know of each other.
pub(super) struct View {
    /// The event.
    pub(super) step: Step,
    /// It knew the other service's events below this index.
    pub(super) known: usize,
    /// The other service's events from this index on knew it.
    pub(super) knowing: usize,
}

/// How each event of `one` sees the events of `other`. Both borders only move forward, so the walk looks at each event
/// of either once. Clocks that went back make it inexact, not longer; they are reported as contradictions.
pub(super) fn views<'a>(
    entries: &'a [LogEntry],
    one: &'a Track,
    other: &'a Track,
) -> impl Iterator<Item = View> + 'a {
    let knowledge = |step: Step, of: &Track| entries[step.place].event.causality().get(of.service.as_str());
    let (mut known, mut knowing) = (0, 0);
    one.steps.iter().map(move |step| {
        let reached = knowledge(*step, other);
        while other.steps.get(known).is_some_and(|theirs| theirs.counter <= reached) {
            known += 1;
        }
        while other.steps.get(knowing).is_some_and(|theirs| knowledge(*theirs, one) < step.counter) {
            knowing += 1;
        }
        View { step: *step, known, knowing }
    })
}
