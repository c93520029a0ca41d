//! A client's questions, answered from what is visible: no answer ever shows what a crash could take back.

use super::asker::Asker;
use super::behind::first_missing;
use super::catalog::Written;
use super::commit::version_view;
use super::effect::{About, Effect, LogQuery, LogQuestion, LogStart};
use super::input::Lsn;
use super::mistakes;
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::id::{Dot, Key, NodeId, ReplicaId};
use crate::versions::VersionVector;
use crate::wire::{ConflictView, EntryView, LinkView, RequestError, Response, StatusView, VersionView};

/// Bytes in one answer: with the largest version on top it still fits a frame.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// An upper estimate of an encoded dot or vector entry.
const ID_BYTES: usize = 88;
/// Versions in one answer: their vectors are bounded by the cluster, their number must be too.
const ANSWER_VERSIONS_MAX: usize = 64;
/// Events read at once for a watcher that is behind.
const REPLAYED_EVENTS_MAX: usize = 64;
/// Siblings over all conflicts in one answer, beyond which the rest follows in the next.
const ANSWER_SIBLINGS_MAX: usize = 1024;

impl Replica {
    /// From the log: what is visible by now, and no more.
    pub(super) fn ask_log(&self, step: &mut Step<'_>, asker: Asker, about: About) {
        let Some(ticket) = asker.ticket() else { return };
        let question = LogQuestion { upto: self.ledger.visible_lsn(), about };
        step.push(Effect::ReplyFromLog { ticket, token: self.token_for(asker), question });
    }

    /// A frontier is answered when all of it is visible, or else refused: a part of it would be another frontier.
    pub(super) fn snapshot(
        &self,
        step: &mut Step<'_>,
        asker: Asker,
        (keys, at): (Vec<Key>, Option<VersionVector>),
    ) -> Result<(), RequestError> {
        if keys.is_empty() {
            return Err(RequestError::EmptySnapshot);
        }
        let visible = self.ledger.visible();
        let at = at.unwrap_or_else(|| visible.clone());
        if let Some(missing) = first_missing(visible, &at) {
            return Err(RequestError::Behind { missing, events: at.events_beyond(visible) });
        }
        self.ask_log(step, asker, About::Snapshot { keys, at });
        Ok(())
    }

    pub(super) fn entry_view(&self, key: Key, skip: u32) -> Response {
        let unsynced = planted(Bug::UnsyncedShown).then(|| self.catalog_with_staged());
        let catalog = unsynced.as_ref().unwrap_or(&self.catalog);
        let Some(entry) = catalog.entry(&key) else { return Response::UnknownKey };
        let skipped = usize::try_from(skip).unwrap_or(usize::MAX);
        let (mut bytes, mut versions) = (0, Vec::<VersionView>::new());
        for version in entry.versions.iter().skip(skipped).take(ANSWER_VERSIONS_MAX) {
            let Written { event, vector, .. } = version.written();
            let ids = version.dots().count() + event.context.len() + vector.len();
            bytes += event.body.bytes.len() + ids * ID_BYTES;
            if bytes > ANSWER_BYTES_MAX && !versions.is_empty() {
                break;
            }
            versions.push(version_view(version.dots().cloned().collect(), event, vector.clone()));
        }
        let conflict = catalog.conflict_of(&key);
        let versions_total = u32::try_from(entry.versions.len()).unwrap_or(u32::MAX);
        let (revision, presence) = (entry.revision, entry.presence());
        let mut view = EntryView { key, revision, conflict, presence, versions_total, versions };
        if planted(Bug::FirstVersionShown) {
            mistakes::hide_siblings(&mut view);
        }
        Response::Entry(view)
    }

    pub(super) fn conflicts_view(&self, after: Option<&Key>) -> Response {
        let (mut siblings, mut conflicts) = (0, Vec::<ConflictView>::new());
        for conflict in self.catalog.conflicts_after(after) {
            siblings += conflict.siblings.len();
            if siblings > ANSWER_SIBLINGS_MAX && !conflicts.is_empty() {
                let more_after = conflicts.last().map(|last| last.key.clone());
                return Response::Conflicts { conflicts, more_after };
            }
            conflicts.push(conflict);
        }
        Response::Conflicts { conflicts, more_after: None }
    }

    pub(super) fn status(&self, wall_ms: u64) -> StatusView {
        StatusView {
            cluster: self.config.cluster.clone(),
            replica: self.me.clone(),
            lamport: self.clocks.lamport(),
            durable: self.ledger.visible().clone(),
            keys: self.catalog.keys_count() as u64,
            conflicts: self.catalog.conflicts_count() as u64,
            held_back: self.hold_back.len() as u64,
            awaiting_copies: self.copies.len() as u64,
            duplicates: self.counters.duplicates,
            quarantined: self.counters.quarantined,
            wall_ms,
            links: self.config.peers.iter().map(|peer| self.link_view(peer)).collect(),
        }
    }

    /// Everything that this station shows: a client that has been told of all of it has seen so much.
    pub fn shown(&self) -> &VersionVector {
        self.ledger.visible()
    }

    /// What to read from the log for a client that was told of so much; none, if that is everything shown. `from` is
    /// where the last piece ended.
    pub fn unseen(&self, told: &VersionVector, from: Option<Lsn>) -> Option<LogQuery> {
        let (shown, upto) = (self.ledger.visible(), self.ledger.visible_lsn());
        let first = |(replica, _): (ReplicaId, u64)| Dot { seq: told.upto(&replica) + 1, replica };
        let missing: Vec<Dot> = shown.delta_from(told).into_iter().map(first).collect();
        if missing.is_empty() || from.is_some_and(|from| from > upto) {
            return None;
        }
        Some(LogQuery {
            start: from.map_or(LogStart::FirstOf(missing), LogStart::At),
            upto,
            covered: told.clone(),
            events_max: REPLAYED_EVENTS_MAX,
            bytes_max: ANSWER_BYTES_MAX,
        })
    }

    fn link_view(&self, peer: &NodeId) -> LinkView {
        let lags = self.outbound.values().filter(|outbound| outbound.peer == *peer);
        let lag_events = lags.filter_map(|outbound| outbound.lag_events(self.ledger.visible())).min();
        let inbound = self.inbound.values().any(|inbound| inbound.peer == *peer);
        LinkView { peer: peer.clone(), outbound: lag_events.is_some(), inbound, lag_events }
    }
}
