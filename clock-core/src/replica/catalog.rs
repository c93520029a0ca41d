//! The catalog: for each key, the versions that no other version supersedes.
//!
//! A write removes exactly the versions its context names and then stands beside what is left. More than one
//! version is a conflict, and stays one until a write that has read all of them. Nothing else ever removes a
//! version: no timestamp, no station's rank, no order of arrival.
//!
//! Source: Almeida et al., DAIS 2014, section 4 (kernel operations *discard* and *event*).

use std::collections::BTreeMap;

use super::conflict::ConflictId;
use super::ledger::Height;
use super::twins::{Operation, Superseded, Twin};
use crate::bugs::{Bug, planted};
use crate::event::{Body, WriteEvent};
use crate::id::{Dot, Key};
use crate::versions::VersionVector;
use crate::wire::{ConflictView, Presence, SUMMARY_VALUE_BYTES_MAX, SiblingSummary};

/// Siblings that a conflict's description names, and up to how many it also repeats their values: it fits a frame.
const SUMMARIES_MAX: usize = 4096;
const VALUES_MAX: usize = 256;

/// One version that is not superseded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Version {
    /// Ascending by dot, never empty. Two, if a client's retry was accepted at two stations: one version, two
    /// names (rule 9). Each keeps its own clocks, so that what is left of a version does not depend on the order
    /// in which its names arrived.
    writes: Vec<Written>,
}

/// One write with everything that happened before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Written {
    pub(super) event: WriteEvent,
    pub(super) vector: VersionVector,
    twin: Twin,
}

/// A key's versions.
#[derive(Debug, Default, Clone)]
pub(super) struct Entry {
    /// Ascending by first dot.
    pub(super) versions: Vec<Version>,
    /// How many writes the key has had.
    pub(super) revision: u64,
}

/// What one write changed about the conflict on its key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) closed: Option<ConflictId>,
    pub(super) opened: Option<ConflictView>,
    /// The other versions that now stand beside the write.
    pub(super) beside: Vec<Dot>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Catalog {
    entries: BTreeMap<Key, Entry>,
    superseded: Superseded,
    conflicts: BTreeMap<Key, ConflictId>,
    keys_by_conflict: BTreeMap<ConflictId, Key>,
}

impl Entry {
    pub(super) fn dots(&self) -> impl Iterator<Item = &Dot> {
        self.versions.iter().flat_map(Version::dots)
    }

    /// Whether any version has a value.
    pub(super) fn presence(&self) -> Presence {
        match self.versions.iter().all(|version| version.written().event.body.is_tombstone()) {
            true => Presence::Deleted,
            false => Presence::Live,
        }
    }

    /// Whether the write is among the versions.
    pub(super) fn is_current(&self, dot: &Dot) -> bool {
        self.dots().any(|name| name == dot)
    }

    /// The versions other than that of this write.
    pub(super) fn beside<'a>(&'a self, dot: &'a Dot) -> impl Iterator<Item = &'a Dot> {
        let others = self.versions.iter().filter(move |version| version.dots().all(|name| name != dot));
        others.flat_map(Version::dots)
    }

    fn conflict(&self) -> Option<ConflictId> {
        (self.versions.len() > 1).then(|| ConflictId::of(self.dots()))
    }

    fn retain(&mut self, mut stays: impl FnMut(&Written) -> bool) {
        self.versions.iter_mut().for_each(|version| version.writes.retain(&mut stays));
        self.versions.retain(|version| !version.writes.is_empty());
    }

    fn apply(&mut self, written: Written, superseded: &mut Superseded) {
        self.revision += 1;
        let is_seen = |dot: &Dot| written.event.context.binary_search(dot).is_ok();
        if planted(Bug::ConcurrentIsEqual) && !self.dots().all(is_seen) {
            return;
        }
        let is_superseded = |dot: &Dot| {
            is_seen(dot)
                && !(planted(Bug::DominatedKept) && dot.replica.node != written.event.dot.replica.node)
        };
        let written_is_tombstone = written.event.body.is_tombstone();
        let key = &written.event.key;
        written.event.context.iter().for_each(|dot| superseded.note_fallen(key, dot));
        self.retain(|known| {
            let is_read = is_superseded(&known.event.dot);
            if is_read {
                superseded.note(&known.twin);
            }
            !is_read
        });
        match self.versions.iter_mut().find(|version| version.is_same_write(&written.event)) {
            Some(version) => version.join(written),
            None => self.versions.push(Version { writes: vec![written] }),
        }
        self.retain(|known| !superseded.takes(&known.event, &known.twin));
        if !planted(Bug::ArrivalOrderShown) {
            self.versions.sort_by(|left, right| left.dots().cmp(right.dots()));
        }
        if planted(Bug::TombstoneWins) && written_is_tombstone {
            self.versions.retain(|version| version.written().event.body.is_tombstone());
        }
        if planted(Bug::LastWriterWins) {
            let newest = self.versions.iter().map(|version| version.written().event.hlc).max();
            self.versions.retain(|version| Some(version.written().event.hlc) == newest);
        }
        if planted(Bug::LastWriterWinsTies) {
            // Ascending by dot: the last of equal ones stays.
            self.versions.reverse();
            self.versions.dedup_by_key(|version| version.written().event.hlc);
            self.versions.reverse();
        }
    }
}

impl Version {
    /// Its names, ascending.
    pub(super) fn dots(&self) -> impl Iterator<Item = &Dot> {
        self.writes.iter().map(|written| &written.event.dot)
    }

    /// The write that stands for all of them: the one with the lowest dot.
    pub(super) fn written(&self) -> &Written {
        self.writes.first().expect("a version without a write is removed at once")
    }

    fn is_same_write(&self, event: &WriteEvent) -> bool {
        let known = &self.written().event;
        let same_request = known.request == event.request || planted(Bug::EqualValuesCollapse);
        let same_body = known.body == event.body || planted(Bug::ValuesOfOneRequestCollapse);
        same_request && same_body && !planted(Bug::RetriesKeptApart)
    }

    fn join(&mut self, written: Written) {
        if planted(Bug::LaterNameForgotten) {
            return;
        }
        self.writes.push(written);
        self.writes.sort_by(|left, right| left.event.dot.cmp(&right.event.dot));
    }
}

/// The value, if it is small enough to be repeated in a list.
fn summary_value(body: &Body) -> Option<bytes::Bytes> {
    (body.bytes.len() <= SUMMARY_VALUE_BYTES_MAX).then(|| body.bytes.clone())
}

impl Catalog {
    pub(super) fn entry(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(key)
    }

    pub(super) fn key_of(&self, conflict: ConflictId) -> Option<&Key> {
        self.keys_by_conflict.get(&conflict)
    }

    pub(super) fn conflict_of(&self, key: &Key) -> Option<ConflictId> {
        self.conflicts.get(key).copied()
    }

    pub(super) fn keys_count(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn conflicts_count(&self) -> usize {
        self.conflicts.len()
    }

    /// The open conflicts behind a key, in the order of their keys.
    pub(super) fn conflicts_after(&self, after: Option<&Key>) -> impl Iterator<Item = ConflictView> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.conflicts
            .range((from, Unbounded))
            .filter_map(|(key, id)| Some(self.conflict_view(key, *id, self.entries.get(key)?)))
    }

    /// Applies one write: the only way a version ever appears or disappears.
    pub(super) fn apply(&mut self, event: WriteEvent, vector: VersionVector, height: Height) -> Change {
        let (key, dot) = (event.key.clone(), event.dot.clone());
        let entry = self.entries.entry(key.clone()).or_default();
        let twin = Twin { operation: Operation::of(&event), height };
        entry.apply(Written { event, vector, twin }, &mut self.superseded);
        let after = entry.conflict();
        // A name that fell with its twin has met nothing.
        let beside = match entry.is_current(&dot) {
            true => entry.beside(&dot).cloned().collect(),
            false => Vec::new(),
        };
        let before = match after {
            Some(id) => self.conflicts.insert(key.clone(), id),
            None if planted(Bug::EndedConflictListed) => None,
            None => self.conflicts.remove(&key),
        };
        if before == after {
            return Change { closed: None, opened: None, beside };
        }
        if !planted(Bug::ChangedConflictResolved) {
            before.iter().for_each(|id| drop(self.keys_by_conflict.remove(id)));
        }
        after.iter().for_each(|id| drop(self.keys_by_conflict.insert(*id, key.clone())));
        let opened = after.and_then(|id| Some(self.conflict_view(&key, id, self.entries.get(&key)?)));
        Change { closed: before, opened, beside }
    }

    fn conflict_view(&self, key: &Key, id: ConflictId, entry: &Entry) -> ConflictView {
        let sibling = |version: &Version| SiblingSummary {
            dots: version.dots().cloned().collect(),
            lamport: version.written().event.lamport,
            hlc: version.written().event.hlc,
            wall_ms: version.written().event.wall_ms,
            kind: version.written().event.body.kind,
            value: summary_value(&version.written().event.body),
        };
        let mut siblings: Vec<SiblingSummary> =
            entry.versions.iter().take(SUMMARIES_MAX).map(sibling).collect();
        if siblings.len() > VALUES_MAX {
            siblings.iter_mut().for_each(|sibling| sibling.value = None);
        }
        ConflictView { id, key: key.clone(), revision: entry.revision, siblings }
    }
}
