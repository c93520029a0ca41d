//! What cannot be true of working clocks.

use alloc::vec::Vec;
use core::fmt;

use super::LogEntry;
use super::tracks::{Track, Tracks, View, views};
use crate::headers::EventId;
use crate::id::NodeId;

/// Something that working clocks do not bring about: state was lost, a clock is shared or forged, or a line is not from
/// the service it is filed under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Two lines have one id and say different things.
    IdReused {
        /// The id.
        event_id: EventId,
    },
    /// An event's vector does not count the event itself.
    NotCounted {
        /// The event.
        event_id: EventId,
        /// Its service.
        service: NodeId,
    },
    /// Two events of a service have one number.
    CounterShared {
        /// The service.
        service: NodeId,
        /// The number.
        counter: u64,
        /// The two events.
        events: [EventId; 2],
    },
    /// A later event of a service knows less than an earlier one.
    WentBack {
        /// The service.
        service: NodeId,
        /// The two events, by number.
        events: [EventId; 2],
    },
    /// An event knows of another and not of all that the other knew.
    PastIncomplete {
        /// The event.
        event_id: EventId,
        /// The event that it knows of.
        knows: EventId,
    },
    /// Two events of different services each know of the other.
    Mutual {
        /// The two events, in the order of their services.
        events: [EventId; 2],
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdReused { event_id } => write!(formatter, "event id {event_id} names different events"),
            Self::NotCounted { event_id, service } => {
                write!(formatter, "event {event_id} does not count itself as one of {service}")
            }
            Self::CounterShared { service, counter, events: [one, other] } => {
                write!(formatter, "events {one} and {other} of {service} are both its number {counter}")
            }
            Self::WentBack { service, events: [earlier, later] } => {
                write!(formatter, "event {later} of {service} knows less than the earlier {earlier}")
            }
            Self::PastIncomplete { event_id, knows } => {
                write!(formatter, "event {event_id} knows of {knows} and not of its past")
            }
            Self::Mutual { events: [one, other] } => {
                write!(formatter, "events {one} and {other} each know of the other")
            }
        }
    }
}

/// All of them: by id, then by service, then by pair of services.
pub(super) fn find(entries: &[LogEntry], tracks: &Tracks) -> Vec<Contradiction> {
    let mut found = reused_ids(entries);
    found.extend(entries.iter().filter_map(not_counted));
    for track in tracks.all() {
        found.extend(within(entries, track));
    }
    for (one, other) in tracks.pairs() {
        found.extend(between(entries, one, other));
    }
    found
}

fn reused_ids(entries: &[LogEntry]) -> Vec<Contradiction> {
    let mut ids: Vec<&EventId> = entries.iter().map(|entry| entry.event.event_id()).collect();
    ids.sort_unstable();
    let reused = ids.chunk_by(|a, b| a == b).filter(|same| same.len() > 1);
    reused.map(|same| Contradiction::IdReused { event_id: same[0].clone() }).collect()
}

fn not_counted(entry: &LogEntry) -> Option<Contradiction> {
    (entry.event.causality().get(entry.service.as_str()) == 0).then(|| Contradiction::NotCounted {
        event_id: entry.event.event_id().clone(),
        service: entry.service.clone(),
    })
}

/// Neighbours suffice: knowing all of the one before is knowing all of those before it.
fn within<'a>(entries: &'a [LogEntry], track: &'a Track) -> impl Iterator<Item = Contradiction> + 'a {
    let service = &track.service;
    track.steps.windows(2).filter_map(move |pair| {
        let [earlier, later] = [pair[0], pair[1]].map(|step| &entries[step.place].event);
        let events = || [earlier.event_id().clone(), later.event_id().clone()];
        if pair[0].counter == pair[1].counter {
            let shared = Contradiction::CounterShared {
                service: service.clone(),
                counter: pair[0].counter,
                events: events(),
            };
            return (earlier.event_id() != later.event_id()).then_some(shared);
        }
        let went_back = !later.causality().contains(earlier.causality());
        went_back.then(|| Contradiction::WentBack { service: service.clone(), events: events() })
    })
}

/// An event is held to the last event of the other service that it knows of, when that is a new one: what that one knew
/// includes what the ones before it knew.
fn between<'a>(
    entries: &'a [LogEntry],
    one: &'a Track,
    other: &'a Track,
) -> impl Iterator<Item = Contradiction> + 'a {
    let mut checked = 0;
    views(entries, one, other).filter_map(move |view| {
        let mutual = (view.knowing < view.known && one.service < other.service)
            .then(|| mutual(entries, other, &view))
            .flatten();
        let is_new = view.known > checked;
        checked = view.known;
        mutual.or_else(|| is_new.then(|| past_incomplete(entries, other, &view)).flatten())
    })
}

fn mutual(entries: &[LogEntry], other: &Track, view: &View) -> Option<Contradiction> {
    let theirs = other.steps.get(view.knowing)?;
    let events = [view.step.place, theirs.place].map(|place| entries[place].event.event_id().clone());
    Some(Contradiction::Mutual { events })
}

fn past_incomplete(entries: &[LogEntry], other: &Track, view: &View) -> Option<Contradiction> {
    let known = &entries[other.steps.get(view.known.checked_sub(1)?)?.place].event;
    let event = &entries[view.step.place].event;
    (!event.causality().contains(known.causality())).then(|| Contradiction::PastIncomplete {
        event_id: event.event_id().clone(),
        knows: known.event_id().clone(),
    })
}
