//! What a write of the station's own has to be, given what it was asked for.

use std::collections::BTreeSet;

use clock_core::replica::ConflictId;
use clock_core::wire::{Change, Choice, Request, WriteContext};
use clock_core::{Dot, Key, RequestId, WriteEvent};

use super::disk::{Entry, Past};
use super::station::Station;
use super::world::WORLD;

/// A counter that overflows adds a millisecond; no sequence is long enough for more.
const COUNTED_MS: u64 = 1_000;

impl Station<'_> {
    /// Judges the event that was appended last, which a client has asked for: just now, or before its session's past came.
    pub(super) fn judge_minted(&self) {
        let (minted, before) = self.disk.entries().split_last().expect("it was appended");
        assert!(self.unheard.is_empty(), "{} before {:?} were heard", minted.event.dot, self.unheard);
        let is_known = before.iter().any(|entry| entry.event.request == minted.event.request);
        assert!(!is_known, "a retry was minted again: {}", minted.event);
        assert_eq!(minted.past, self.expected_past(minted), "what {} comes after", minted.event);
        self.judge_clocks(minted, before);
        let is_asked = self.open.values().any(|(_, asked)| self.asks_for(asked, &minted.event));
        assert!(is_asked, "nobody has asked for {}, of {:?}", minted.event, self.open);
    }

    /// Whether a request asks for just this write.
    fn asks_for(&self, asked: &Request, minted: &WriteEvent) -> bool {
        let is = |key: &Key, context: &WriteContext, request: &RequestId, is_deletion: bool| {
            (key, request, is_deletion) == (&minted.key, &minted.request, minted.body.is_tombstone())
                && minted.context == self.expected_context(minted, context)
        };
        match asked {
            Request::Put { key, context, request, .. } => is(key, context, request, false),
            Request::Delete { key, context, request } => is(key, context, request, true),
            Request::Batch { writes } => writes.iter().any(|write| {
                is(&write.key, &write.context, &write.request, matches!(write.change, Change::Delete))
            }),
            Request::Resolve { conflict, choice, request } => {
                *request == minted.request && self.ends(*conflict, choice, minted)
            }
            _ => false,
        }
    }

    /// Whether a write ends an open conflict, as it was chosen to.
    fn ends(&self, conflict: ConflictId, choice: &Choice, minted: &WriteEvent) -> bool {
        let current = self.disk.current(&minted.key);
        let current: Vec<&Dot> = current.iter().map(|event| &event.dot).collect();
        let is_open = minted.context.iter().all(|dot| current.contains(&dot));
        let is_chosen = match choice {
            Choice::Take(dot) => self.disk.entry(dot).map(|entry| &entry.event.body) == Some(&minted.body),
            Choice::Value { .. } => !minted.body.is_tombstone(),
            Choice::Delete => minted.body.is_tombstone(),
        };
        ConflictId::of(&minted.context) == conflict && is_open && is_chosen
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
