//! Which services acted without knowing of each other, and which stretches of the order that ties together.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::findings::Findings;
use super::views::Views;
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

/// The concurrent pairs of two services so far, and the places of the first.
#[derive(Clone, Copy)]
struct Counted {
    pairs: u64,
    example: [usize; 2],
}

/// The races, and the stretches of places that concurrency links.
pub(super) fn find(views: &Views<'_>) -> (Findings<Race>, Vec<Range<usize>>) {
    let mut races = Findings::new();
    let tracks = views.tracks.all();
    let mut furthest: Vec<usize> = (0..views.entries.len()).collect();
    for one in 0..tracks.len() {
        let mut counted: Vec<Option<Counted>> = vec![None; tracks.len()];
        views.each_of_track(one, |view| {
            let Some([first, .., last] | [first @ last]) =
                tracks[view.other].steps.get(view.known..view.knowing)
            else {
                return;
            };
            let reach = &mut furthest[view.step.place];
            *reach = last.place.max(*reach);
            let example = [view.step.place, first.place];
            let race = counted[view.other].get_or_insert(Counted { pairs: 0, example });
            race.pairs += u64::try_from(view.knowing - view.known).unwrap_or(u64::MAX);
        });
        for (other, race) in counted.iter().enumerate().skip(one + 1) {
            let Some(race) = race else { continue };
            races.push(|| race.between(views, [one, other]));
        }
    }
    (races, groups(&furthest))
}

impl Counted {
    fn between(self, views: &Views<'_>, services: [usize; 2]) -> Race {
        Race {
            services: services.map(|track| views.tracks.all()[track].service.clone()),
            pairs: self.pairs,
            example: self.example.map(|place| views.entries[place].event.event_id().clone()),
        }
    }
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
