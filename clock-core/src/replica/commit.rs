//! What happens when the disk has spoken: staged events become visible, and only then does anyone learn of them
//! (rule 1).

use super::asker::narrow;
use super::catalog::Change;
use super::effect::{Effect, Fact};
use super::input::Lsn;
use super::ledger::Staged;
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::event::{CONTEXT_DOTS_MAX, WriteEvent};
use crate::id::Dot;
use crate::versions::VersionVector;
use crate::wire::message::{Beside, Message};
use crate::wire::{AppliedView, Outcome, Receipt, VersionView};

impl Replica {
    pub(super) fn handle_synced(&mut self, step: &mut Step<'_>, upto: Lsn) {
        let before = self.ledger.visible_lsn();
        let upto = if planted(Bug::SyncCoversAll) { self.ledger.last_lsn() } else { upto };
        while let Some(staged) = self.ledger.commit_next(upto) {
            self.publish(step, staged);
        }
        if self.ledger.visible_lsn() > before {
            self.acknowledge_peers(step);
            self.pump_all(step);
            self.count_met(step);
            self.serve_caught_up(step);
        }
    }

    fn publish(&mut self, step: &mut Step<'_>, staged: Staged) {
        let Staged { lsn, event, vector, via, waiters, is_minted_here: _ } = staged;
        let height = self.ledger.height(&event);
        let change = self.catalog.apply(event.clone(), vector.clone(), height);
        self.note_relay(step.now.mono, lsn, &event.dot);
        let receipt = self.receipt(&event, &vector, &change.beside);
        self.requests.written(&event, lsn, receipt.clone());
        self.note_met(&event, &vector);
        for asker in waiters {
            self.await_copies(step, asker, lsn, &receipt);
        }
        self.tell_author(step, &event.dot, &change.beside);
        let (key, dot) = (event.key.clone(), event.dot.clone());
        let version = version_view(vec![dot.clone()], &event, vector);
        let applied = AppliedView {
            key: key.clone(),
            version,
            position: lsn.0,
            via,
            applied_wall_ms: step.now.wall_ms,
        };
        step.observe(Fact::Applied(Box::new(applied)));
        let Change { closed, opened, beside: _ } = change;
        closed
            .into_iter()
            .for_each(|id| step.observe(Fact::ConflictClosed { id, key: key.clone(), by: dot.clone() }));
        opened.into_iter().for_each(|conflict| step.observe(Fact::ConflictOpened(conflict)));
    }

    /// Tells the station that made a write what it met here, before the ack by which this copy is counted.
    fn tell_author(&self, step: &mut Step<'_>, dot: &Dot, beside: &[Dot]) {
        if beside.is_empty() || planted(Bug::AuthorNotTold) {
            return;
        }
        let from_author = self.inbound.iter().filter(|(_, inbound)| inbound.peer == dot.replica.node);
        for (session, _) in from_author {
            let versions = beside.iter().take(CONTEXT_DOTS_MAX).cloned().collect();
            let message = Message::Beside(Beside { dot: dot.clone(), versions });
            step.push(Effect::Send { session: *session, message });
        }
    }

    pub(super) fn receipt(&self, event: &WriteEvent, vector: &VersionVector, beside: &[Dot]) -> Receipt {
        Receipt {
            dot: event.dot.clone(),
            key: event.key.clone(),
            request: event.request,
            lamport: event.lamport,
            hlc: event.hlc,
            wall_ms: event.wall_ms,
            vector: vector.clone(),
            context: event.context.clone(),
            outcome: Outcome::Local,
            w: 1,
            n: narrow(self.members()),
            durable_on: vec![self.config.station.clone()],
            concurrent_with: sorted(beside),
            is_cut: false,
        }
    }
}

fn sorted(dots: &[Dot]) -> Vec<Dot> {
    let mut dots = dots.to_vec();
    dots.sort_unstable();
    dots
}

pub(super) fn version_view(dots: Vec<Dot>, event: &WriteEvent, vector: VersionVector) -> VersionView {
    VersionView {
        dots,
        lamport: event.lamport,
        hlc: event.hlc,
        wall_ms: event.wall_ms,
        vector,
        context: event.context.clone(),
        kind: event.body.kind,
        value: event.body.bytes.clone(),
        request: event.request,
    }
}
