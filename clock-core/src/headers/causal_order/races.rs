//! Which services acted without knowing of each other, and which stretches of the order that ties together.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::LogEntry;
use super::tracks::{Tracks, views};
use crate::headers::EventId;
use crate::id::NodeId;

/// Two services with events that neither knew of the other's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Race {
    /// The first service by name, and the second.
    pub services: [NodeId; 2],
    /// How many pairs of their events are concurrent.
    pub pairs: u64,
    /// The first such pair, in the order of the services.
    pub example: [EventId; 2],
}

/// The races, and the stretches of places that concurrency links.
pub(super) fn find(entries: &[LogEntry], tracks: &Tracks) -> (Vec<Race>, Vec<Range<usize>>) {
    let mut races = Vec::new();
    let mut furthest: Vec<usize> = (0..entries.len()).collect();
    for (one, other) in tracks.pairs() {
        let mut race: Option<Race> = None;
        for view in views(entries, one, other) {
            let Some([first, .., last] | [first @ last]) = other.steps.get(view.known..view.knowing) else {
                continue;
            };
            furthest[view.step.place] = furthest[view.step.place].max(last.place);
            let id = |place: usize| entries[place].event.event_id().clone();
            let race = race.get_or_insert_with(|| Race {
                services: [one.service.clone(), other.service.clone()],
                pairs: 0,
                example: [id(view.step.place), id(first.place)],
            });
            race.pairs += u64::try_from(view.knowing - view.known).unwrap_or(u64::MAX);
        }
        races.extend(race.filter(|race| race.services.is_sorted()));
    }
    (races, groups(&furthest))
}

/// A stretch ends where no event so far is concurrent with one beyond.
fn groups(furthest: &[usize]) -> Vec<Range<usize>> {
    let (mut groups, mut start, mut end) = (vec![], 0, 0);
    for (place, reach) in furthest.iter().enumerate() {
        end = end.max(*reach);
        if end == place {
            if end > start {
                groups.push(start..end + 1);
            }
            start = place + 1;
        }
    }
    groups
}
