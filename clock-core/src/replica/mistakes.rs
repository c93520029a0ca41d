//! What planted bugs do where it takes more than a line. Nothing here runs unless a bug is planted
//! ([`crate::bugs`], feature `sim-bugs`), and without the feature nothing here is compiled in.

use super::asker::Asker;
use super::catalog::Catalog;
use super::input::{Now, SessionId};
use super::outbound::Outbound;
use super::{Replica, Step};
use crate::clocks::{HybridClock, HybridTimestamp};
use crate::event::WriteEvent;
use crate::id::{Dot, NodeId};
use crate::versions::VersionVector;
use crate::wire::{EntryView, RequestError, Response};

/// The timestamp with a counter of three bits.
pub(super) fn wrapped(hlc: HybridTimestamp) -> HybridTimestamp {
    HybridTimestamp::from_packed(hlc.as_packed() - hlc.counter() + hlc.counter() % 8)
}

/// The start of the wall time: what a clock that has issued nothing yet would show.
pub(super) fn wall(now: Now) -> Option<HybridTimestamp> {
    HybridClock::new().tick_at(now.wall_ms).ok()
}

/// Everything that may be left out of a read for a peer that is shipped one origin after the other.
pub(super) fn all_but_one_origin(sent: &VersionVector, visible: &VersionVector) -> VersionVector {
    let mut covered = sent.clone();
    visible.delta_from(sent).iter().skip(1).for_each(|(replica, seq)| covered.raise(replica, *seq));
    covered
}

/// Shows one version alone, and no conflict.
pub(super) fn hide_siblings(view: &mut EntryView) {
    view.versions.truncate(1);
    view.versions_total = view.versions_total.min(1);
    view.conflict = None;
}

impl Replica {
    /// Answers whoever waits for a staged write.
    pub(super) fn answer_early(&mut self, step: &mut Step<'_>, dot: &Dot) {
        let Some(staged) = self.ledger.staged_mut(dot) else { return };
        let waiters = std::mem::take(&mut staged.waiters);
        let (event, vector) = (staged.event.clone(), staged.vector.clone());
        let receipt = self.receipt(&event, &vector, &[]);
        waiters.into_iter().for_each(|asker| self.give_receipt(step, asker, receipt.clone()));
    }

    /// Refuses a write that is staged behind another one.
    pub(super) fn refuse_behind_another(&mut self, dot: &Dot) -> Result<(), RequestError> {
        if self.ledger.staged().count() < 2 {
            return Ok(());
        }
        self.ledger.staged_mut(dot).into_iter().for_each(|staged| staged.waiters.clear());
        Err(RequestError::Exhausted("writes on their way to the disk".to_owned()))
    }

    /// Tells whoever waits for copies that their write failed.
    pub(super) fn refuse_by_mistake(&self, step: &mut Step<'_>, asker: Asker) {
        let error = RequestError::Exhausted("patience".to_owned());
        self.reply(step, asker, Response::Refused(error));
    }

    /// The catalog as it will be when the disk has spoken.
    pub(super) fn catalog_with_staged(&self) -> Catalog {
        let mut catalog = self.catalog.clone();
        for staged in self.ledger.staged() {
            let height = self.ledger.height(&staged.event);
            catalog.apply(staged.event.clone(), staged.vector.clone(), height);
        }
        catalog
    }

    /// Applies an event to its key once more.
    pub(super) fn apply_again(&mut self, event: &WriteEvent) {
        if self.ledger.visible().covers(&event.dot) {
            let (vector, height) = (self.ledger.delta_base(&event.dot.replica), self.ledger.height(event));
            self.catalog.apply(event.clone(), vector, height);
        }
    }

    /// What is known of a peer from a session that has ended.
    pub(super) fn outbound_of_earlier_session(&mut self, peer: &NodeId) -> Option<Outbound> {
        let is_ended =
            |(_, outbound): &(&SessionId, &Outbound)| outbound.peer == *peer && !outbound.is_established();
        let session = self.outbound.iter().find(is_ended).map(|(session, _)| *session)?;
        self.outbound.remove(&session)
    }
}
