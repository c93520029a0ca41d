//! The log as the replica sees it: which events are in it, in which order, and how much of it is durable.
//!
//! Log order is application order, so it is a linear extension of causality: whoever reads the log from any
//! position forward never meets an event before its past. Replication relies on that.
//!
//! Two vectors: *applied* covers everything in the log, *visible* only what is durable. Both move event by
//! event (rule 2); the difference between them is the queue of staged events.

use std::collections::{BTreeMap, VecDeque};

use super::asker::Asker;
use super::input::Lsn;
use crate::bugs::{Bug, planted};
use crate::event::WriteEvent;
use crate::id::{Dot, NodeId, ReplicaId};
use crate::versions::VersionVector;

/// An event in the log that is not yet known to be durable.
#[derive(Debug, Clone)]
pub(super) struct Staged {
    pub(super) lsn: Lsn,
    pub(super) event: WriteEvent,
    pub(super) vector: VersionVector,
    pub(super) via: Option<NodeId>,
    pub(super) waiters: Vec<Asker>,
    /// Minted by this process, and not one of its own that it had lost and was sent again.
    pub(super) is_minted_here: bool,
}

/// What is remembered of each replica that ever minted an event.
#[derive(Debug, Default, Clone)]
struct Origin {
    /// The vector of its latest event: the base of the next one's delta.
    vector: VersionVector,
    /// The checksum of each of its events, by sequence from 1, to tell two contents of one dot apart (rule 4).
    checksums: Vec<u32>,
    /// The height of each of its events, by sequence from 1.
    heights: Vec<u64>,
}

/// How an event lies in the causal order: a number that is larger than that of everything in its past.
///
/// It is counted here and never believed: the number of events in its past, and in any case more than any version that it
/// supersedes, also if a dishonest origin left that out of its past. Equal on every station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Height {
    /// Its own.
    pub(super) of: u64,
    /// The largest of what it supersedes; 0 for nothing.
    pub(super) superseded: u64,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Ledger {
    last_lsn: Lsn,
    applied: VersionVector,
    visible: VersionVector,
    origins: BTreeMap<ReplicaId, Origin>,
    staged: VecDeque<Staged>,
    visible_lsn: Lsn,
    unsynced: bool,
}

impl Ledger {
    pub(super) fn last_lsn(&self) -> Lsn {
        self.last_lsn
    }

    pub(super) fn visible_lsn(&self) -> Lsn {
        self.visible_lsn
    }

    pub(super) fn applied(&self) -> &VersionVector {
        &self.applied
    }

    pub(super) fn visible(&self) -> &VersionVector {
        &self.visible
    }

    /// What peers may be sent: whatever is durable, up to where in the log.
    pub(super) fn shippable(&self) -> (&VersionVector, Lsn) {
        match planted(Bug::ShippedBeforeSync) {
            true => (&self.applied, self.last_lsn),
            false => (&self.visible, self.visible_lsn),
        }
    }

    /// A claim taken for the truth: a mistake that only a planted bug makes.
    pub(super) fn believe(&mut self, claim: &VersionVector) {
        self.applied.merge(claim);
        self.visible.merge(claim);
    }

    pub(super) fn staged(&self) -> impl Iterator<Item = &Staged> {
        self.staged.iter()
    }

    /// How many clients wait for writes to become durable.
    pub(super) fn waiters(&self) -> usize {
        self.staged.iter().map(|staged| staged.waiters.len()).sum()
    }

    /// Nobody waits but those.
    pub(super) fn retain_waiters(&mut self, stays: impl Fn(Asker) -> bool) {
        self.staged.iter_mut().for_each(|staged| staged.waiters.retain(|asker| stays(*asker)));
    }

    pub(super) fn staged_mut(&mut self, dot: &Dot) -> Option<&mut Staged> {
        self.staged.iter_mut().find(|staged| staged.event.dot == *dot)
    }

    /// Whether this replica ever minted an event we know.
    pub(super) fn knows(&self, replica: &ReplicaId) -> bool {
        self.origins.contains_key(replica)
    }

    /// How many replicas ever minted an event we know.
    pub(super) fn origins_count(&self) -> usize {
        self.origins.len()
    }

    pub(super) fn checksum(&self, dot: &Dot) -> Option<u32> {
        let index = usize::try_from(dot.seq.checked_sub(1)?).ok()?;
        self.origins.get(&dot.replica)?.checksums.get(index).copied()
    }

    /// How an event that is in the log lies above the versions that it supersedes.
    pub(super) fn height(&self, event: &WriteEvent) -> Height {
        let superseded = event.context.iter().map(|dot| self.height_of(dot)).max().unwrap_or(0);
        Height { of: self.height_of(&event.dot), superseded }
    }

    fn height_of(&self, dot: &Dot) -> u64 {
        let index = usize::try_from(dot.seq.saturating_sub(1)).ok();
        let origin = self.origins.get(&dot.replica);
        origin.zip(index).and_then(|(origin, index)| origin.heights.get(index)).copied().unwrap_or(0)
    }

    /// What a replica's next event takes its delta from.
    pub(super) fn delta_base(&self, replica: &ReplicaId) -> VersionVector {
        self.origins.get(replica).map(|origin| origin.vector.clone()).unwrap_or_default()
    }

    /// The first event that has to be applied before this one; `None` if its past is complete.
    ///
    /// The context is part of the past too. An honest origin's vector covers it; that a dishonest one's may
    /// not must not make the order of arrival decide which siblings survive.
    pub(super) fn missing_before(&self, event: &WriteEvent) -> Option<Dot> {
        let before = event.dot.seq.checked_sub(1).filter(|seq| *seq > 0);
        let previous = before.map(|seq| Dot { replica: event.dot.replica.clone(), seq });
        let delta = event.delta.iter().map(|(replica, seq)| Dot { replica: replica.clone(), seq: *seq });
        let past = previous.into_iter().chain(delta).chain(event.context.iter().cloned());
        let overlooked = |dot: &Dot| {
            let is_previous = dot.replica == event.dot.replica;
            planted(Bug::GapAccepted) && is_previous || planted(Bug::AppliedOnArrival) && !is_previous
        };
        past.into_iter().filter(|dot| !overlooked(dot)).find(|dot| !self.applied.covers(dot))
    }

    /// Puts an event whose past is complete at the end of the log.
    pub(super) fn stage(
        &mut self,
        event: WriteEvent,
        checksum: u32,
        via: Option<NodeId>,
        waiters: Vec<Asker>,
    ) -> Lsn {
        let vector = self.enter(&event, checksum);
        let lsn = self.last_lsn.next();
        self.last_lsn = lsn;
        self.unsynced = true;
        // Only of a write that is minted just now somebody awaits the receipt already.
        let is_minted_here = !waiters.is_empty();
        self.staged.push_back(Staged { lsn, event, vector, via, waiters, is_minted_here });
        lsn
    }

    /// Takes up an event that a restart found in the log, durable and in its place; returns its vector.
    pub(super) fn restore(&mut self, lsn: Lsn, event: &WriteEvent, checksum: u32) -> VersionVector {
        let vector = self.enter(event, checksum);
        advance(&mut self.visible, &event.dot);
        self.skip_to(lsn);
        vector
    }

    /// Leaves out log positions whose event could not be taken up.
    pub(super) fn skip_to(&mut self, lsn: Lsn) {
        self.last_lsn = self.last_lsn.max(lsn);
        self.visible_lsn = self.last_lsn;
    }

    /// Takes the next staged event that is durable now.
    pub(super) fn commit_next(&mut self, upto: Lsn) -> Option<Staged> {
        let staged = self.staged.pop_front_if(|staged| staged.lsn <= upto)?;
        advance(&mut self.visible, &staged.event.dot);
        self.visible_lsn = staged.lsn;
        Some(staged)
    }

    /// Something other than an event was appended and has to be synced.
    pub(super) fn note_unsynced(&mut self) {
        self.unsynced = true;
    }

    /// Whether anything was appended since the last call.
    pub(super) fn take_unsynced(&mut self) -> bool {
        std::mem::take(&mut self.unsynced)
    }

    /// Counts an event as applied and rebuilds its vector on that of its predecessor.
    fn enter(&mut self, event: &WriteEvent, checksum: u32) -> VersionVector {
        advance(&mut self.applied, &event.dot);
        let above = event.context.iter().map(|dot| self.height_of(dot)).max().unwrap_or(0);
        let origin = self.origins.entry(event.dot.replica.clone()).or_default();
        event.delta.iter().for_each(|(replica, seq)| origin.vector.raise(replica, *seq));
        origin.vector.raise(&event.dot.replica, event.dot.seq);
        origin.checksums.push(checksum);
        let past = origin.vector.iter().fold(0_u64, |events, (_, seq)| events.saturating_add(seq));
        origin.heights.push(past.max(above.saturating_add(1)));
        origin.vector.clone()
    }

    pub(super) fn invariant(&self) -> Result<(), String> {
        let staged_count = self.applied.events_beyond(&self.visible);
        if !self.applied.contains(&self.visible) || staged_count != self.staged.len() as u64 {
            return Err(format!(
                "applied {} exceeds visible {} by {staged_count} events, but {} are staged",
                self.applied,
                self.visible,
                self.staged.len()
            ));
        }
        let short = |(replica, origin): &(&ReplicaId, &Origin)| {
            origin.checksums.len() as u64 != self.applied.upto(replica)
        };
        match self.origins.iter().find(short) {
            Some((replica, origin)) => Err(format!("{} checksums for {replica}", origin.checksums.len())),
            None => Ok(()),
        }
    }
}

/// Events enter the log one by one, each behind its predecessor: only a bug could offer another.
fn advance(vector: &mut VersionVector, dot: &Dot) {
    if planted(Bug::GapAccepted) || planted(Bug::ClaimMerged) || planted(Bug::IncarnationIgnored) {
        return vector.raise(&dot.replica, dot.seq);
    }
    vector
        .advance(dot)
        .expect("an event is staged only when nothing is missing before it, and committed in that order");
}
