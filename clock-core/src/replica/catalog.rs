//! The catalog: for each key, the versions that no other version supersedes.
//!
//! A write removes exactly the versions its context names and then stands beside what is left. More than one
//! version is a conflict, and stays one until a write that has read all of them. Nothing else ever removes a
//! version: no timestamp, no station's rank, no order of arrival.
//!
//! Source: Almeida et al., DAIS 2014, section 4 (kernel operations *discard* and *event*).

use std::collections::BTreeMap;

use super::conflict::ConflictId;
use crate::clocks::VersionVector;
use crate::event::WriteEvent;
use crate::id::{Dot, Key};
use crate::wire::{ConflictView, SiblingSummary};

/// One version that is not superseded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Version {
    /// Ascending. Two, if a client's retry was accepted at two stations: one version, two names (rule 9).
    pub(super) dots: Vec<Dot>,
    pub(super) event: WriteEvent,
    pub(super) vector: VersionVector,
}

/// A key's versions.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// Ascending by first dot.
    pub(super) versions: Vec<Version>,
    /// How many writes the key has had.
    pub(super) revision: u64,
}

/// What one write changed about the conflict on its key.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    pub(super) closed: Option<ConflictId>,
    pub(super) opened: Option<ConflictView>,
    /// The other versions that now stand beside the write.
    pub(super) beside: Vec<Dot>,
}

#[derive(Debug, Default)]
pub(super) struct Catalog {
    entries: BTreeMap<Key, Entry>,
    conflicts: BTreeMap<Key, ConflictId>,
    keys_by_conflict: BTreeMap<ConflictId, Key>,
}

impl Entry {
    pub(super) fn dots(&self) -> impl Iterator<Item = &Dot> {
        self.versions.iter().flat_map(|version| &version.dots)
    }

    fn conflict(&self) -> Option<ConflictId> {
        (self.versions.len() > 1).then(|| ConflictId::of(self.dots()))
    }

    fn apply(&mut self, event: WriteEvent, vector: VersionVector) {
        self.revision += 1;
        for version in &mut self.versions {
            version.dots.retain(|dot| event.context.binary_search(dot).is_err());
        }
        self.versions.retain(|version| !version.dots.is_empty());
        let same_write = |version: &&mut Version| {
            version.event.request == event.request && version.event.body == event.body
        };
        match self.versions.iter_mut().find(same_write) {
            Some(version) => version.join(event, vector),
            None => self.versions.push(Version { dots: vec![event.dot.clone()], event, vector }),
        }
        self.versions.sort_by(|left, right| left.dots.cmp(&right.dots));
    }
}

impl Version {
    /// Takes in the same write under another dot. The lower dot's event stands for both, whichever came first.
    fn join(&mut self, event: WriteEvent, vector: VersionVector) {
        self.dots.push(event.dot.clone());
        self.dots.sort_unstable();
        if self.dots.first() == Some(&event.dot) {
            *self = Self { dots: std::mem::take(&mut self.dots), event, vector };
        }
    }
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
    pub(super) fn apply(&mut self, event: WriteEvent, vector: VersionVector) -> Change {
        let (key, dot) = (event.key.clone(), event.dot.clone());
        let entry = self.entries.entry(key.clone()).or_default();
        entry.apply(event, vector);
        let after = entry.conflict();
        let beside = entry
            .versions
            .iter()
            .filter(|version| !version.dots.contains(&dot))
            .flat_map(|version| version.dots.clone())
            .collect();
        let before = match after {
            Some(id) => self.conflicts.insert(key.clone(), id),
            None => self.conflicts.remove(&key),
        };
        if before == after {
            return Change { closed: None, opened: None, beside };
        }
        before.iter().for_each(|id| drop(self.keys_by_conflict.remove(id)));
        after.iter().for_each(|id| drop(self.keys_by_conflict.insert(*id, key.clone())));
        let opened = after.and_then(|id| Some(self.conflict_view(&key, id, self.entries.get(&key)?)));
        Change { closed: before, opened, beside }
    }

    fn conflict_view(&self, key: &Key, id: ConflictId, entry: &Entry) -> ConflictView {
        let sibling = |version: &Version| SiblingSummary {
            dots: version.dots.clone(),
            lamport: version.event.lamport,
            hlc: version.event.hlc,
            wall_ms: version.event.wall_ms,
        };
        let siblings = entry.versions.iter().map(sibling).collect();
        ConflictView { id, key: key.clone(), revision: entry.revision, siblings }
    }
}
