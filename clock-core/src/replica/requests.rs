//! Which requests the writes in the log came from, so that a retry is applied once (rule 9).
//!
//! Writes of other stations count too: a client that got no answer there may ask again here, and a second write
//! would supersede what was written since.
//!
//! Retention: the latest [`Limits::requests`](super::Limits) writes in the log, also across a restart. A retry that comes later, or at a station
//! that has not seen the write yet, is a new event; the catalog collapses the two while both are current.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use super::conflict::ConflictId;
use super::input::Lsn;
use crate::bugs::{Bug, planted};
use crate::event::{Body, WriteEvent};
use crate::id::{Dot, Key, RequestId};
use crate::wire::Receipt;

/// What became of a request.
#[derive(Debug, Clone)]
pub(super) enum Progress {
    /// In the log, not yet durable.
    Staged,
    /// Durable: its place in the log, and its receipt as of then.
    Written(Lsn, Box<Receipt>),
}

/// What a request asks for, as far as it can be compared with the write that has its id.
pub(super) enum Asked<'a> {
    Put {
        key: &'a Key,
        body: &'a Body,
    },
    /// With a value of its own, or with that of a sibling.
    Resolve {
        conflict: ConflictId,
        body: Option<&'a Body>,
        taken: Option<&'a Dot>,
    },
}

#[derive(Debug, Clone)]
struct Known {
    dot: Dot,
    key: Key,
    body_digest: u32,
    /// The conflict that the write's context was: what a resolution ended.
    resolved: ConflictId,
    progress: Progress,
}

#[derive(Debug, Clone)]
pub(super) struct RequestTable {
    known: BTreeMap<RequestId, Known>,
    oldest_first: VecDeque<RequestId>,
    by_dot: BTreeMap<Dot, RequestId>,
    kept: usize,
}

impl RequestTable {
    /// Remembers the latest `kept` writes.
    pub(super) fn new(kept: usize) -> Self {
        Self { known: BTreeMap::new(), oldest_first: VecDeque::new(), by_dot: BTreeMap::new(), kept }
    }

    pub(super) fn len(&self) -> usize {
        self.oldest_first.len()
    }

    pub(super) fn staged(&mut self, event: &WriteEvent) {
        self.remember(event, Progress::Staged);
    }

    pub(super) fn written(&mut self, event: &WriteEvent, lsn: Lsn, receipt: Receipt) {
        self.remember(event, Progress::Written(lsn, Box::new(receipt)));
    }

    /// A peer tells what the write met there: whoever asks for its receipt is told too.
    pub(super) fn learn_beside(&mut self, dot: &Dot, versions: &[Dot]) {
        let request = self.by_dot.get(dot);
        let known = request.and_then(|request| self.known.get_mut(request));
        if let Some(Known { progress: Progress::Written(_, receipt), .. }) = known {
            receipt.learn_beside(versions);
        }
    }

    /// What became of a request, and the dot it got.
    pub(super) fn progress(&self, request: RequestId) -> Option<(&Dot, &Progress)> {
        self.known.get(&request).map(|known| (&known.dot, &known.progress))
    }

    /// Whether a known request was for this very write.
    pub(super) fn is_same(&self, request: RequestId, asked: &Asked<'_>) -> bool {
        self.known.get(&request).is_some_and(|known| match asked {
            Asked::Put { key, body } => known.key == **key && known.body_digest == digest(body),
            Asked::Resolve { conflict, body, taken } => {
                // The sibling itself is superseded since; its request tells what it was, as long as that is known.
                let taken = taken.and_then(|dot| self.digest_of(dot));
                let asked = body.map(digest).or(taken);
                known.resolved == *conflict && asked.is_none_or(|asked| known.body_digest == asked)
            }
        })
    }

    fn digest_of(&self, dot: &Dot) -> Option<u32> {
        self.known.get(self.by_dot.get(dot)?).map(|known| known.body_digest)
    }

    fn remember(&mut self, event: &WriteEvent, progress: Progress) {
        let known = Known {
            dot: event.dot.clone(),
            key: event.key.clone(),
            body_digest: digest(&event.body),
            resolved: ConflictId::of(&event.context),
            progress,
        };
        match self.known.entry(event.request) {
            // One request, two dots: the first that was learned of answers.
            Entry::Occupied(known_already) if known_already.get().dot != event.dot => {}
            Entry::Occupied(mut known_already) => drop(known_already.insert(known)),
            Entry::Vacant(new) => {
                new.insert(known);
                self.by_dot.insert(event.dot.clone(), event.request);
                self.oldest_first.push_back(event.request);
            }
        }
        while self.oldest_first.len() > self.kept && !planted(Bug::RequestsUnbounded) {
            let oldest = self.oldest_first.pop_front().and_then(|oldest| self.known.remove(&oldest));
            if let Some(known) = oldest {
                self.by_dot.remove(&known.dot);
            }
        }
    }
}

/// Tells a client's mistake (one id for two writes) from a retry; not a defence, so a checksum will do.
fn digest(body: &Body) -> u32 {
    crc32c::crc32c_append(u32::from(body.kind.0), &body.bytes)
}
