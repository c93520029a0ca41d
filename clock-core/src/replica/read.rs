//! A client's questions, answered from what is visible: no answer ever shows what a crash could take back.

use super::catalog::Written;
use super::commit::version_view;
use super::effect::Effect;
use super::input::{Lsn, Ticket};
use super::mistakes;
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::id::{Key, NodeId};
use crate::wire::{
    ConflictView, EntryView, LinkView, Request, RequestError, Response, StatusView, VersionView,
};

/// Bytes in one answer: with the largest version on top it still fits a frame.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// An upper estimate of an encoded dot or vector entry.
const ID_BYTES: usize = 88;
/// Versions in one answer: their vectors are bounded by the cluster, their number must be too.
const ANSWER_VERSIONS_MAX: usize = 64;
/// Siblings over all conflicts in one answer, beyond which the rest follows in the next.
const ANSWER_SIBLINGS_MAX: usize = 1024;

impl Replica {
    pub(super) fn handle_request(&mut self, step: &mut Step<'_>, ticket: Ticket, request: Request) {
        let response = match request {
            Request::Put { key, kind, value, context, request } => {
                let written = self.put(step, ticket, (key, context, request), (kind, value));
                return refuse_on_error(step, ticket, written);
            }
            Request::Resolve { conflict, choice, request } => {
                let written = self.resolve(step, ticket, conflict, choice, request);
                return refuse_on_error(step, ticket, written);
            }
            Request::History { key, after } => {
                return step.push(Effect::ReplyHistory { ticket, key, after: Lsn(after) });
            }
            Request::Get { key, skip } => self.entry_view(key, skip),
            Request::Conflicts { after } => self.conflicts_view(after.as_ref()),
            Request::Status => Response::Status(self.status(step.now.wall_ms)),
            Request::Watch => Response::Watching,
        };
        step.push(Effect::Reply { ticket, response });
    }

    fn entry_view(&self, key: Key, skip: u32) -> Response {
        let unsynced = planted(Bug::UnsyncedShown).then(|| self.catalog_with_staged());
        let catalog = unsynced.as_ref().unwrap_or(&self.catalog);
        let Some(entry) = catalog.entry(&key) else { return Response::UnknownKey };
        let skipped = usize::try_from(skip).unwrap_or(usize::MAX);
        let (mut bytes, mut versions) = (0, Vec::<VersionView>::new());
        for version in entry.versions.iter().skip(skipped).take(ANSWER_VERSIONS_MAX) {
            let Written { event, vector } = version.written();
            let ids = version.dots().count() + event.context.len() + vector.len();
            bytes += event.body.bytes.len() + ids * ID_BYTES;
            if bytes > ANSWER_BYTES_MAX && !versions.is_empty() {
                break;
            }
            versions.push(version_view(version.dots().cloned().collect(), event, vector.clone()));
        }
        let conflict = catalog.conflict_of(&key);
        let versions_total = u32::try_from(entry.versions.len()).unwrap_or(u32::MAX);
        let mut view = EntryView { key, revision: entry.revision, conflict, versions_total, versions };
        if planted(Bug::FirstVersionShown) {
            mistakes::hide_siblings(&mut view);
        }
        Response::Entry(view)
    }

    fn conflicts_view(&self, after: Option<&Key>) -> Response {
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

    fn status(&self, wall_ms: u64) -> StatusView {
        StatusView {
            cluster: self.config.cluster.clone(),
            replica: self.me.clone(),
            lamport: self.clocks.lamport(),
            durable: self.ledger.visible().clone(),
            keys: self.catalog.keys_count() as u64,
            conflicts: self.catalog.conflicts_count() as u64,
            held_back: self.hold_back.len() as u64,
            duplicates: self.counters.duplicates,
            quarantined: self.counters.quarantined,
            wall_ms,
            links: self.config.peers.iter().map(|peer| self.link_view(peer)).collect(),
        }
    }

    fn link_view(&self, peer: &NodeId) -> LinkView {
        let lags = self.outbound.values().filter(|outbound| outbound.peer == *peer);
        let lag_events = lags.filter_map(|outbound| outbound.lag_events(self.ledger.visible())).min();
        let inbound = self.inbound.values().any(|inbound| inbound.peer == *peer);
        LinkView { peer: peer.clone(), outbound: lag_events.is_some(), inbound, lag_events }
    }
}

/// An accepted write answers by itself, when the disk has spoken; a refused one at once.
fn refuse_on_error(step: &mut Step<'_>, ticket: Ticket, written: Result<(), RequestError>) {
    if let Err(error) = written {
        step.push(Effect::Reply { ticket, response: Response::Refused(error) });
    }
}
