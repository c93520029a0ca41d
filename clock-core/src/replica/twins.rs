//! Twins: one write that was taken at two stations, because its client asked again elsewhere (rule 9). It has two names
//! and is one version.
//!
//! Who supersedes one name has read that version, so the other name falls with it, also if it arrives later: otherwise a
//! retry would stand beside what its own client wrote next. A name falls only if everything that it supersedes itself
//! lies below the twin that was read. That keeps the relation free of circles, whatever clients send again in whatever
//! order: let each fallen name point to a current write that is built on its twin; around a circle of such steps the
//! heights of the twins would rise for ever. So a key never ends up with nothing, and since only the events decide, it
//! ends up with the same on every station.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::ledger::Height;
use crate::bugs::{Bug, planted};
use crate::event::WriteEvent;
use crate::id::{Dot, Key};

/// What makes two writes one: key, request and value. The first 128 bits of SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Operation(u128);

impl Operation {
    pub(super) fn of(event: &WriteEvent) -> Self {
        let mut digest = Sha256::new();
        digest.update(event.request.0.to_be_bytes());
        digest.update([event.body.kind.0]);
        // A key has no control characters: the zero ends it.
        digest.update(event.key.as_str().as_bytes());
        digest.update([0]);
        digest.update(&event.body.bytes);
        Self(digest.finalize().iter().take(16).fold(0, |id, byte| id << 8 | u128::from(*byte)))
    }
}

/// A name, as far as it matters to its twins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Twin {
    pub(super) operation: Operation,
    pub(super) height: Height,
}

/// Operations of which a name was superseded. It grows with the history, by some forty bytes a write.
#[derive(Debug, Default, Clone)]
pub(super) struct Superseded {
    /// The height of the highest name that somebody has read and superseded.
    highest: BTreeMap<Operation, u64>,
    /// Names that fell with a twin, and were not read themselves so far: rare.
    fallen: BTreeMap<Dot, (Key, Twin)>,
}

impl Superseded {
    /// Somebody has read this name and superseded it.
    pub(super) fn note(&mut self, twin: &Twin) {
        let highest = self.highest.entry(twin.operation).or_default();
        *highest = twin.height.of.max(*highest);
    }

    /// As [`note`](Self::note), if the name is not current because it fell.
    pub(super) fn note_fallen(&mut self, key: &Key, dot: &Dot) {
        // A context may name versions of other keys: nothing of them was superseded by it.
        if let Some((_, twin)) = self.fallen.get(dot).filter(|(of, _)| of == key).cloned() {
            self.fallen.remove(dot);
            self.note(&twin);
        }
    }

    /// Whether a name falls with a twin, and remembers it if so.
    pub(super) fn takes(&mut self, event: &WriteEvent, twin: &Twin) -> bool {
        let highest = self.highest.get(&twin.operation);
        let falls = highest
            .is_some_and(|highest| twin.height.superseded < *highest || planted(Bug::TwinsFallInCircles));
        if falls && !planted(Bug::TwinStands) {
            self.fallen.insert(event.dot.clone(), (event.key.clone(), *twin));
            return true;
        }
        false
    }
}
