//! Which incarnation this station mints under: no dot is ever used twice.
//!
//! A station that lost events it had minted would mint them again, with other content. Three things tell that it
//! may have lost some: the store says so when it opens (`recover`), a peer knows more of its events than it does,
//! or nobody has told yet. The last is an old backup, put back: nothing in the file shows it. So an incarnation
//! that was found on disk is trusted only once every peer has said what it has of it; a write that comes earlier
//! takes a new incarnation, in the same commit.
//!
//! A peer's word is its *welcome*: it answers a hello that has ended all earlier sessions from here, so nothing
//! that was on its way when this station stopped is heard after it. A peer's own hello comes without that, and
//! proves nothing. What a welcome says must be all that the peer will ever show by itself: see
//! [`Replica::claim_to`].
//!
//! A station without peers has no witnesses, and needs none: nobody else can know a dot of it.

use super::effect::{Effect, Fact, LogRecord};
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::id::{Incarnation, NodeId, ReplicaId};
use crate::versions::VersionVector;
use crate::wire::message::{Claim, Refusal};

impl Replica {
    /// What we have, for a peer that asks: what is durable. Of its own events also those on their way to the disk
    /// here, and those that wait for their past: they will be shown, and it may be asking because it lost them. If we
    /// lose them too, the session is over, and the next one claims less. What lies between is asked for at the next
    /// heartbeat.
    pub(super) fn claim_to(&self, peer: &NodeId) -> Claim {
        let mut durable = self.ledger.visible().clone();
        let staged = self.ledger.staged().map(|staged| staged.event.dot.clone());
        let unshown = staged.filter(|dot| dot.replica.node == *peer).chain(self.hold_back.last_of(peer));
        unshown
            .filter(|_| !planted(Bug::WelcomeHidesUnshown))
            .for_each(|dot| durable.raise(&dot.replica, dot.seq));
        Claim { replica: self.me.clone(), durable }
    }

    /// A peer has told all that it has.
    pub(super) fn note_witness(&mut self, peer: &NodeId) {
        self.unheard.remove(peer);
    }

    /// Before a dot is minted: the incarnation is given up if it may have minted events that are lost, and a peer
    /// that could know has not been heard.
    pub(super) fn make_sure_of_incarnation(&mut self, step: &mut Step<'_>) {
        if self.needs_incarnation() {
            self.take_new_incarnation(step);
        }
    }

    /// Whether the next write takes a new incarnation.
    pub(super) fn needs_incarnation(&self) -> bool {
        let is_trusted = planted(Bug::OldBackupTrusted) || planted(Bug::ClaimsIgnored);
        !self.unheard.is_empty() && !is_trusted
    }

    /// Takes a new incarnation, durable before anything is minted under it: they share a commit or follow it.
    pub(super) fn take_new_incarnation(&mut self, step: &mut Step<'_>) {
        let old = self.me.incarnation;
        while self.ledger.knows(&self.me) || self.me.incarnation == old {
            self.me.incarnation = Incarnation(self.rng.u32(..));
        }
        self.minted_since_incarnation = false;
        self.unheard.clear();
        self.ledger.note_unsynced();
        step.push(Effect::Append(LogRecord::Incarnation(self.me.incarnation)));
        step.observe(Fact::NewIncarnation { old, new: self.me.incarnation });
    }

    pub(super) fn check_claim(
        &mut self,
        step: &mut Step<'_>,
        peer: &NodeId,
        claim: &VersionVector,
    ) -> Result<(), Refusal> {
        if planted(Bug::ClaimMerged) {
            self.ledger.believe(claim);
        }
        self.check_own_events(step, peer, &self.me.clone(), claim.upto(&self.me))
    }

    /// A peer that knows more of my events than I minted proves that I lost some: it got them from my disk.
    /// They come back from the peers; under this incarnation nothing may be minted any more. Of an incarnation that
    /// has minted nothing nobody can know an event: such a claim is a lie, and answering it with yet another
    /// incarnation would let a peer make me take one after the other.
    pub(super) fn check_own_events(
        &mut self,
        step: &mut Step<'_>,
        peer: &NodeId,
        replica: &ReplicaId,
        claimed: u64,
    ) -> Result<(), Refusal> {
        let minted = self.ledger.applied().upto(&self.me);
        if *replica != self.me || claimed <= minted || planted(Bug::ClaimsIgnored) {
            return Ok(());
        }
        if !self.minted_since_incarnation {
            return Err(Refusal::Protocol(format!("claims event {claimed} of {replica}, which minted none")));
        }
        step.observe(Fact::LostOwnEvents { peer: peer.clone(), claimed, minted });
        self.take_new_incarnation(step);
        Ok(())
    }
}
