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

    pub(super) fn of_service(&self, service: &str) -> Option<&Track> {
        let at = self.0.binary_search_by(|track| track.service.as_str().cmp(service)).ok()?;
        self.0.get(at)
    }

    /// How many logged events of which tracks an event knew of, by ascending index of track. Both the entries
    /// of a vector and the tracks are sorted by name, so one walk along both resolves all names of the event.
    pub(in crate::headers) fn known_by<'a>(
        &'a self,
        entry: &'a LogEntry,
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
        let mut tracks = self.0.iter().enumerate().peekable();
        entry.event.causality().entries().filter_map(move |(name, counter)| {
            while tracks.next_if(|(_, track)| track.service.as_str() < name).is_some() {}
            let (index, track) = tracks.next_if(|(_, track)| track.service.as_str() == name)?;
            Some((index, track.steps_upto(counter)))
        })
    }
}

impl Track {
    /// How many of the events are counted up to here.
    fn steps_upto(&self, counter: u64) -> usize {
        self.steps.partition_point(|step| step.counter <= counter)
    }
}
