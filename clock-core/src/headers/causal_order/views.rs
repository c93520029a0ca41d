//! What the events of one service and those of each other service know of each other.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::LogEntry;
use super::tracks::{Step, Tracks};

/// What one event and the events of another service know of each other.
pub(super) struct View {
    /// The event.
    pub(super) step: Step,
    /// The index of the other service's track.
    pub(super) other: usize,
    /// It knew the other service's events below this index.
    pub(super) known: usize,
    /// The other service's events from this index on knew it.
    pub(super) knowing: usize,
}

/// A log, with who heard of whom when.
pub(super) struct Views<'a> {
    pub(super) entries: &'a [LogEntry],
    pub(super) tracks: &'a Tracks,
    /// For each track, the moments at which another one heard more of it: by that other one, in its order.
    heard: Vec<Vec<Heard>>,
}

/// The first event of a track that knew so many events of another one.
#[derive(Clone, Copy)]
struct Heard {
    by: usize,
    step: usize,
    known: usize,
}

impl<'a> Views<'a> {
    /// Reads each vector once.
    pub(super) fn of(entries: &'a [LogEntry], tracks: &'a Tracks) -> Self {
        let mut heard: Vec<Vec<Heard>> = tracks.all().iter().map(|_| Vec::new()).collect();
        for (by, track) in tracks.all().iter().enumerate() {
            let mut furthest = vec![0; heard.len()];
            for (step, at) in track.steps.iter().enumerate() {
                for (other, known) in tracks.known_by(&entries[at.place]) {
                    if known > furthest[other] {
                        furthest[other] = known;
                        heard[other].push(Heard { by, step, known });
                    }
                }
            }
        }
        Self { entries, tracks, heard }
    }

    /// How each event of one service sees the events of each other service. Both borders of what is
    /// concurrent only move forward. Clocks that went back make it inexact, not longer; they are reported as
    /// contradictions.
    pub(super) fn each_of_track(&self, one: usize, mut see: impl FnMut(View)) {
        let heard = &self.heard[one];
        let (mut known, mut later) = (vec![0; self.heard.len()], self.by_listener(one));
        for (index, step) in self.tracks.all()[one].steps.iter().enumerate() {
            for (other, count) in self.tracks.known_by(&self.entries[step.place]) {
                known[other] = count.max(known[other]);
            }
            for (other, later) in later.iter_mut().enumerate().filter(|(other, _)| *other != one) {
                while heard[later.clone()].first().is_some_and(|moment| moment.known <= index) {
                    later.start += 1;
                }
                let knowing = heard[later.clone()].first().map(|moment| moment.step);
                let knowing = knowing.unwrap_or(self.tracks.all()[other].steps.len());
                see(View { step: *step, other, known: known[other], knowing });
            }
        }
    }

    /// Where in the moments of a track those of each listener are.
    fn by_listener(&self, one: usize) -> Vec<Range<usize>> {
        let mut ranges = vec![0..0; self.heard.len()];
        let mut start = 0;
        for moments in self.heard[one].chunk_by(|a, b| a.by == b.by) {
            ranges[moments[0].by] = start..start + moments.len();
            start += moments.len();
        }
        ranges
    }
}
