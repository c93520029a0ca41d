//! Who may speak: sessions begin, are accepted or refused, and end. What is refused is not heard any more.

use super::effect::{Effect, Fact};
use super::input::{Opener, SessionId};
use super::outbound::Outbound;
use super::{Replica, Step};
use crate::id::{NodeId, ReplicaId};
use crate::versions::VersionVector;
use crate::wire::message::{Claim, Hello, Message, Refusal, Role};

/// A session that a peer dialled: it ships to us.
#[derive(Debug, Clone)]
pub(super) struct Inbound {
    pub(super) peer: NodeId,
}

impl Replica {
    pub(super) fn handle_session_up(&mut self, step: &mut Step<'_>, session: SessionId, opener: Opener) {
        match opener {
            Opener::Dialled(peer) => {
                self.outbound.insert(session, Outbound::new(peer));
                let hello = Hello { cluster: self.config.cluster.clone(), role: Role::Peer(self.claim()) };
                step.push(Effect::Send { session, message: Message::Hello(hello) });
            }
            Opener::Peer { cluster, claim } => match self.refuse_peer(&cluster, &claim.replica.node) {
                Some(refusal) => self.close(step, session, refusal),
                None => self.accept_peer(step, session, &claim),
            },
            Opener::Client { cluster } if cluster != self.config.cluster => {
                self.close(step, session, Refusal::OtherCluster(self.config.cluster.clone()));
            }
            Opener::Client { .. } => {
                self.clients.insert(session);
                step.push(Effect::Send { session, message: Message::Welcome(self.claim()) });
            }
        }
    }

    /// Ends a session for good: whatever it still says is not heard.
    pub(super) fn close(&mut self, step: &mut Step<'_>, session: SessionId, refusal: Refusal) {
        self.handle_session_down(step, session);
        step.push(Effect::Close { session, refusal });
    }

    fn claim(&self) -> Claim {
        Claim { replica: self.me.clone(), durable: self.ledger.visible().clone() }
    }

    fn refuse_peer(&self, cluster: &NodeId, station: &NodeId) -> Option<Refusal> {
        if *cluster != self.config.cluster {
            return Some(Refusal::OtherCluster(self.config.cluster.clone()));
        }
        if *station == self.config.station {
            return Some(Refusal::SameStation(station.clone()));
        }
        (!self.config.peers.contains(station)).then(|| Refusal::UnknownStation(station.clone()))
    }

    fn accept_peer(&mut self, step: &mut Step<'_>, session: SessionId, claim: &Claim) {
        let peer = claim.replica.node.clone();
        if let Err(refusal) = self.check_claim(step, &peer, &claim.durable) {
            return self.close(step, session, refusal);
        }
        self.inbound.insert(session, Inbound { peer });
        step.push(Effect::Send { session, message: Message::Welcome(self.claim()) });
    }

    pub(super) fn handle_session_down(&mut self, step: &mut Step<'_>, session: SessionId) {
        self.clients.remove(&session);
        self.inbound.remove(&session);
        let ended = self.outbound.remove(&session).filter(Outbound::is_established);
        ended.into_iter().for_each(|outbound| step.observe(Fact::LinkDown { peer: outbound.peer }));
    }

    pub(super) fn check_claim(
        &mut self,
        step: &mut Step<'_>,
        peer: &NodeId,
        claim: &VersionVector,
    ) -> Result<(), Refusal> {
        self.check_own_events(step, peer, &self.me.clone(), claim.upto(&self.me))
    }

    /// A peer that knows more of my events than I minted proves that I lost some: it got them from my disk.
    /// They come back from the peers; under this incarnation nothing may be minted any more (a dot is never
    /// used twice). Of an incarnation that has minted nothing nobody can know an event: such a claim is a lie,
    /// and answering it with yet another incarnation would let a peer make me take one after the other.
    pub(super) fn check_own_events(
        &mut self,
        step: &mut Step<'_>,
        peer: &NodeId,
        replica: &ReplicaId,
        claimed: u64,
    ) -> Result<(), Refusal> {
        let minted = self.ledger.applied().upto(&self.me);
        if *replica != self.me || claimed <= minted {
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
