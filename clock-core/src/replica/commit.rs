//! What happens when the disk has spoken: staged events become visible, and only then does anyone learn of them
//! (rule 1).

use super::catalog::Change;
use super::effect::{Effect, Fact};
use super::input::Lsn;
use super::ledger::Staged;
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::event::WriteEvent;
use crate::id::Dot;
use crate::versions::VersionVector;
use crate::wire::{AppliedView, Outcome, Receipt, Response, VersionView};

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
        }
    }

    fn publish(&mut self, step: &mut Step<'_>, staged: Staged) {
        let Staged { lsn, event, vector, via, waiters, is_minted_here: _ } = staged;
        let change = self.catalog.apply(event.clone(), vector.clone());
        self.note_relay(step.now.mono, lsn, &event.dot);
        let receipt = self.receipt(&event, &vector, &change.beside);
        for ticket in waiters {
            step.push(Effect::Reply { ticket, response: Response::Written(receipt.clone()) });
        }
        self.requests.written(&event, receipt);
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
            durable_on: vec![self.config.station.clone()],
            concurrent_with: beside.to_vec(),
        }
    }
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
