//! What cannot be true of working clocks.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::LogEntry;
use super::findings::Findings;
use super::tracks::Track;
use super::views::Views;
use crate::headers::EventId;
use crate::id::NodeId;

/// Something that working clocks do not bring about: state was lost, a clock is shared or forged, or a line
/// is not from the service it is filed under.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

/// The first ones: by id, then those within a service, then those between services.
pub(super) fn find(views: &Views<'_>) -> Findings<Contradiction> {
    let mut found = Findings::new();
    reused_ids(views.entries, &mut found);
    for entry in views.entries.iter().filter(|entry| entry.event.causality().get(entry.service.as_str()) == 0)
    {
        let (event_id, service) = (entry.event.event_id(), &entry.service);
        found.push(|| Contradiction::NotCounted { event_id: event_id.clone(), service: service.clone() });
    }
    for track in views.tracks.all() {
        within(views.entries, track, &mut found);
    }
    for one in 0..views.tracks.all().len() {
        mutual(views, one, &mut found);
        incomplete(views, one, &mut found);
    }
    found
}

fn reused_ids(entries: &[LogEntry], found: &mut Findings<Contradiction>) {
    let mut ids: Vec<&EventId> = entries.iter().map(|entry| entry.event.event_id()).collect();
    ids.sort_unstable();
    for same in ids.chunk_by(|a, b| a == b).filter(|same| same.len() > 1) {
        found.push(|| Contradiction::IdReused { event_id: same[0].clone() });
    }
}

/// Neighbours suffice: knowing all of the one before is knowing all of those before it.
fn within(entries: &[LogEntry], track: &Track, found: &mut Findings<Contradiction>) {
    let service = &track.service;
    for pair in track.steps.windows(2) {
        let [earlier, later] = [pair[0], pair[1]].map(|step| &entries[step.place].event);
        let events = || [earlier.event_id().clone(), later.event_id().clone()];
        if pair[0].counter == pair[1].counter {
            if earlier.event_id() != later.event_id() {
                let (service, counter) = (service.clone(), pair[0].counter);
                found.push(|| Contradiction::CounterShared { service, counter, events: events() });
            }
        } else if !later.causality().contains(earlier.causality()) {
            found.push(|| Contradiction::WentBack { service: service.clone(), events: events() });
        }
    }
}

/// Events of this service and of later ones that know of each other.
fn mutual(views: &Views<'_>, one: usize, found: &mut Findings<Contradiction>) {
    views.each_of_track(one, |view| {
        if view.other < one || view.knowing >= view.known {
            return;
        }
        let Some(theirs) = views.tracks.all()[view.other].steps.get(view.knowing) else { return };
        let event_id = |place: usize| views.entries[place].event.event_id().clone();
        found.push(|| Contradiction::Mutual { events: [view.step.place, theirs.place].map(event_id) });
    });
}

/// Holds the events of a service to the last event of each other service that they know of, when that is a
/// new one: what that one knew includes what the ones before it knew. They are looked at from the last in the
/// order; one that itself knew of others vouches for these, since it is held to them in its turn. So an event
/// is compared with those that it heard from directly, which is one for each receipt, and not with all
/// services.
fn incomplete(views: &Views<'_>, one: usize, found: &mut Findings<Contradiction>) {
    let tracks = views.tracks.all();
    let mut known = vec![0; tracks.len()];
    let mut vouched_at = vec![usize::MAX; tracks.len()];
    let mut news: Vec<(usize, usize)> = Vec::new();
    for step in &tracks[one].steps {
        let event = &views.entries[step.place].event;
        news.clear();
        for (other, count) in views.tracks.known_by(&views.entries[step.place]) {
            if other != one && count > known[other] {
                known[other] = count;
                news.push((tracks[other].steps[count - 1].place, other));
            }
        }
        news.sort_unstable();
        while let Some((place, other)) = news.pop() {
            if vouched_at[other] == step.place {
                continue;
            }
            let heard_of = &views.entries[place];
            if !event.causality().contains(heard_of.event.causality()) {
                let [event_id, knows] = [event, &heard_of.event].map(|event| event.event_id().clone());
                found.push(|| Contradiction::PastIncomplete { event_id, knows });
            } else if !news.is_empty() {
                let vouched =
                    views.tracks.known_by(heard_of).filter(|(other, count)| *count >= known[*other]);
                vouched.for_each(|(other, _)| vouched_at[other] = step.place);
            }
        }
    }
}
