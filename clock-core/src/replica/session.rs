//! Who may speak: sessions begin, are accepted or refused, and end. What is refused is not heard any more.

use super::effect::{Effect, Fact};
use super::input::{Opener, SessionId};
use super::outbound::Outbound;
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::id::NodeId;
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
                let hello =
                    Hello { cluster: self.config.cluster.clone(), role: Role::Peer(self.claim_to(&peer)) };
                let kept =
                    planted(Bug::PeerStateKept).then(|| self.outbound_of_earlier_session(&peer)).flatten();
                self.outbound.insert(session, kept.unwrap_or_else(|| Outbound::new(peer)));
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
                let claim = Claim { replica: self.me.clone(), durable: self.ledger.visible().clone() };
                step.push(Effect::Send { session, message: Message::Welcome(claim) });
            }
        }
    }

    /// Ends a session for good: whatever it still says is not heard.
    pub(super) fn close(&mut self, step: &mut Step<'_>, session: SessionId, refusal: Refusal) {
        self.handle_session_down(step, session);
        step.push(Effect::Close { session, refusal });
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
        if planted(Bug::HelloIsWitness) {
            self.note_witness(&peer);
        }
        if !planted(Bug::EarlierSessionsHeard) {
            self.end_earlier_sessions(step, &peer);
        }
        let message = Message::Welcome(self.claim_to(&peer));
        self.inbound.insert(session, Inbound { peer });
        step.push(Effect::Send { session, message });
    }

    /// A station that says hello starts anew: what it said on earlier sessions and is not applied is forgotten. It may
    /// have lost its memory of that, and mint it again with other content. Nothing is lost: none of it was
    /// acknowledged.
    fn end_earlier_sessions(&mut self, step: &mut Step<'_>, peer: &NodeId) {
        let earlier = self.inbound.iter().filter(|(_, inbound)| inbound.peer == *peer);
        let earlier: Vec<SessionId> = earlier.map(|(session, _)| *session).collect();
        earlier.into_iter().for_each(|session| self.close(step, session, Refusal::Superseded));
        self.hold_back.forget_from(peer);
    }

    pub(super) fn handle_session_down(&mut self, step: &mut Step<'_>, session: SessionId) {
        if self.clients.remove(&session) {
            self.behind.forget(session);
            self.batches.forget(session);
            self.forget_waiting();
        }
        self.inbound.remove(&session);
        if planted(Bug::PeerStateKept) {
            return self.outbound.get_mut(&session).into_iter().for_each(Outbound::pause);
        }
        let ended = self.outbound.remove(&session).filter(Outbound::is_established);
        ended.into_iter().for_each(|outbound| step.observe(Fact::LinkDown { peer: outbound.peer }));
    }
}
