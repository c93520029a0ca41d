//! What a write of the station's own has to be, given what it was asked for.

use std::collections::BTreeSet;

use clock_core::replica::ConflictId;
use clock_core::wire::{Choice, Request, WriteContext};
use clock_core::{Dot, WriteEvent};

use super::disk::{Entry, Past};
use super::station::Station;
use super::world::WORLD;

/// A counter that overflows adds a millisecond; no sequence is long enough for more.
const COUNTED_MS: u64 = 1_000;

impl Station<'_> {
    /// Judges the event that was appended last, which a client has just asked for.
    pub(super) fn judge_minted(&self, asked: &Request) {
        let (minted, before) = self.disk.entries().split_last().expect("it was appended");
        assert!(self.unheard.is_empty(), "{} before {:?} were heard", minted.event.dot, self.unheard);
        let is_known = before.iter().any(|entry| entry.event.request == minted.event.request);
        assert!(!is_known, "a retry was minted again: {}", minted.event);
        assert_eq!(minted.past, self.expected_past(minted), "what {} comes after", minted.event);
        self.judge_clocks(minted, before);
        match asked {
            Request::Put { key, context, request, .. } => {
                let is_asked = (key, request) == (&minted.event.key, &minted.event.request);
                assert!(is_asked, "another write than was asked for: {}", minted.event);
                assert_eq!(
                    minted.event.context,
                    self.expected_context(&minted.event, context),
                    "of {asked:?}"
                );
            }
            Request::Resolve { conflict, choice, .. } => {
                assert_eq!(ConflictId::of(&minted.event.context), *conflict, "another conflict is resolved");
                let current = self.disk.current(&minted.event.key);
                let current: Vec<&Dot> = current.iter().map(|event| &event.dot).collect();
                let is_current = minted.event.context.iter().all(|dot| current.contains(&dot));
                assert!(is_current, "a conflict that is not open: {asked:?}");
                if let Choice::Take(dot) = choice {
                    let taken = self.disk.entry(dot).map(|entry| &entry.event.body);
                    assert_eq!(taken, Some(&minted.event.body), "another sibling than {dot}");
                }
            }
            question => panic!("{question:?} was answered with a write"),
        }
    }

    /// All that was visible, what this process has minted itself, and the event.
    fn expected_past(&self, minted: &Entry) -> Past {
        let visible = self.disk.visible();
        let mut past: Past = visible.iter().map(|(replica, seq)| (replica.clone(), seq)).collect();
        for Entry { event, .. } in self.disk.staged_here() {
            past.insert(event.dot.replica.clone(), event.dot.seq);
        }
        past.insert(minted.event.dot.replica.clone(), minted.event.dot.seq);
        past
    }

    /// Both clocks are above the whole past, and the hybrid one is not ahead of every wall that was ever shown.
    fn judge_clocks(&self, minted: &Entry, before: &[Entry]) {
        let event = &minted.event;
        let has = |dot: &Dot| minted.past.get(&dot.replica).is_some_and(|upto| dot.seq <= *upto);
        let is_past =
            |entry: &&Entry| has(&entry.event.dot) && !self.refused_times.contains(&entry.event.dot);
        for earlier in before.iter().filter(is_past).map(|entry| &entry.event) {
            assert!(event.lamport > earlier.lamport, "Lamport: {earlier} before {event}");
            assert!(event.hlc > earlier.hlc, "hybrid: {earlier} before {event}");
        }
        let ahead_ms = self.wall_max_ms.saturating_add(WORLD.config.drift_max_ms + COUNTED_MS);
        assert!(event.hlc.wall_ms() <= ahead_ms, "hybrid: {event} is ahead of every wall");
    }

    fn expected_context(&self, minted: &WriteEvent, context: &WriteContext) -> Vec<Dot> {
        let dots: BTreeSet<Dot> = match context {
            WriteContext::Blind => BTreeSet::new(),
            WriteContext::Exactly(dots) => dots.iter().cloned().collect(),
            WriteContext::StationView => {
                let current = self.disk.current(&minted.key);
                let mut view: BTreeSet<Dot> = current.iter().map(|event| event.dot.clone()).collect();
                let staged = self.disk.staged_here().map(|entry| &entry.event);
                for own in staged.filter(|own| own.key == minted.key && own.dot != minted.dot) {
                    view.retain(|dot| !own.context.contains(dot));
                    view.insert(own.dot.clone());
                }
                view
            }
        };
        dots.into_iter().collect()
    }
}
