//! Replication as anti-entropy: learn what a peer has, ship what it lacks, in log order (rules 5 and 6).
//!
//! Each session we dialled has a *cursor* over the durable log and a *window* of events that the peer has not
//! acknowledged yet. The cursor moves in log order, which is causal, and passes over what the peer claims to
//! have; so what is in flight is always closed under causality, and a full window can never lock out an event
//! that one in it waits for. A slow peer costs disk, which has the events anyway, and not memory.
//!
//! Claims and acks are absolute vectors: lost, repeated or reordered ones are harmless. A claim chooses what to
//! ship and is never merged into our own vectors (rule 2).
//!
//! Any station relays any origin's events, so a pair that cannot talk converges over a third. To keep most
//! events from travelling twice, a cursor waits a moment (`relay_delay`) before it passes on a third station's
//! fresh event that the peer has not claimed yet.

use super::copies::Ack;
use super::effect::{Effect, Fact};
use super::input::{LoggedEvent, Lsn, Mono, SessionId};
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::id::{Dot, NodeId, ReplicaId};
use crate::versions::VersionVector;
use crate::wire::message::{Claim, Message, Refusal};

impl Replica {
    pub(super) fn handle_message(&mut self, step: &mut Step<'_>, session: SessionId, message: Message) {
        let shipper = self.inbound.get(&session).map(|inbound| inbound.peer.clone());
        let receiver = self.outbound.get(&session).map(|outbound| outbound.peer.clone());
        let heard = match (message, shipper, receiver) {
            // The session was closed, or never accepted: what is still on its way is not heard.
            (_, None, None) => Ok(()),
            (Message::Events(events), Some(peer), _) => self.handle_events(step, &peer, &events),
            (Message::Heartbeat { sent }, Some(peer), _) => {
                self.handle_heartbeat(step, session, &peer, &sent)
            }
            (Message::Welcome(claim), _, Some(peer)) => self.handle_welcome(step, session, &peer, claim),
            (Message::Ack { durable, resend }, _, Some(peer)) => {
                self.handle_ack(step, session, &peer, durable, resend)
            }
            (Message::Beside(beside), _, Some(_)) => {
                self.note_beside(&beside);
                Ok(())
            }
            // The peer says why it closes; the shell sees the close itself and reports it.
            (Message::Refused(_), _, _) => Ok(()),
            _ => Err(Refusal::Protocol("unexpected message for this side of the session".to_owned())),
        };
        if let Err(refusal) = heard {
            self.close(step, session, refusal);
        }
    }

    fn handle_welcome(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
        peer: &NodeId,
        claim: Claim,
    ) -> Result<(), Refusal> {
        if claim.replica.node != *peer {
            return Err(Refusal::Protocol(format!("dialled {peer}, reached {}", claim.replica.node)));
        }
        self.check_claim(step, peer, &claim.durable)?;
        self.note_witness(peer);
        if planted(Bug::WelcomeIsCopy) {
            self.note_ack(step, &Ack { peer, durable: &claim.durable, up_since: Lsn(0) });
        }
        let missing = self.ledger.visible().events_beyond(&claim.durable);
        if let Some(outbound) = self.outbound.get_mut(&session) {
            let visible = self.ledger.visible_lsn();
            outbound.establish(claim.durable, visible, step.now.mono.plus(self.config.heartbeat));
            step.observe(Fact::LinkUp { peer: peer.clone(), missing });
        }
        self.pump(step, session);
        Ok(())
    }

    fn handle_ack(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
        peer: &NodeId,
        durable: VersionVector,
        resend: bool,
    ) -> Result<(), Refusal> {
        self.check_claim(step, peer, &durable)?;
        let up_since = self.outbound.get(&session).map_or(Lsn(u64::MAX), |outbound| outbound.up_since);
        self.note_ack(step, &Ack { peer, durable: &durable, up_since });
        if let Some(outbound) = self.outbound.get_mut(&session) {
            if resend {
                outbound.restart(durable);
                step.observe(Fact::Resending { peer: peer.clone() });
            } else {
                outbound.learn(&durable);
            }
        }
        self.pump(step, session);
        Ok(())
    }

    /// Answers with what is durable here, and asks for a resend if something the peer has sent never arrived.
    fn handle_heartbeat(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
        peer: &NodeId,
        sent: &VersionVector,
    ) -> Result<(), Refusal> {
        self.check_claim(step, peer, sent)?;
        let applied = self.ledger.applied();
        let arrived =
            |(replica, upto): (&ReplicaId, u64)| self.hold_back.bridges(replica, applied.upto(replica), upto);
        let resend = !sent.iter().all(arrived) && !planted(Bug::NeverAsksAgain);
        let durable = self.ledger.visible().clone();
        step.push(Effect::Send { session, message: Message::Ack { durable, resend } });
        Ok(())
    }

    /// Who ships an event has it.
    pub(super) fn note_peer_has(&mut self, peer: &NodeId, dot: &Dot) {
        let sessions = self.outbound.values_mut().filter(|outbound| outbound.peer == *peer);
        sessions.for_each(|outbound| outbound.note_has(dot));
    }

    /// Tells every peer that ships to us what is durable now.
    pub(super) fn acknowledge_peers(&self, step: &mut Step<'_>) {
        for session in self.inbound.keys() {
            let message = Message::Ack { durable: self.ledger.visible().clone(), resend: false };
            step.push(Effect::Send { session: *session, message });
        }
    }

    /// A third station's event is left to its origin for a moment.
    pub(super) fn note_relay(&mut self, now: Mono, lsn: Lsn, dot: &Dot) {
        if dot.replica.node != self.config.station {
            let is_kept = planted(Bug::RelayNeverReleased);
            let at = if is_kept { Mono(u64::MAX) } else { now.plus(self.config.relay_delay) };
            self.relay.hold(lsn, dot.clone(), at);
        }
    }

    /// Ships to every peer what may be shipped now.
    pub(super) fn pump_all(&mut self, step: &mut Step<'_>) {
        self.relay.release(step.now.mono);
        let sessions: Vec<SessionId> = self.outbound.keys().copied().collect();
        sessions.into_iter().for_each(|session| self.pump(step, session));
    }

    /// Asks the log for the next events of one session, if there is anything to ship.
    fn pump(&mut self, step: &mut Step<'_>, session: SessionId) {
        let (visible, visible_lsn) = self.ledger.shippable();
        let Some(outbound) = self.outbound.get_mut(&session) else { return };
        if planted(Bug::LastPeerSkipped) && self.config.peers.last() == Some(&outbound.peer) {
            return;
        }
        let query = outbound.next_query(visible, visible_lsn, &self.relay, &self.config.limits);
        query.into_iter().for_each(|query| step.push(Effect::ReadLog { session, query }));
    }

    pub(super) fn handle_log_read(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
        mut events: Vec<LoggedEvent>,
        next: Lsn,
    ) {
        if planted(Bug::NothingRelayed) {
            events.retain(|logged| logged.dot.replica.node == self.config.station);
        }
        let Some(outbound) = self.outbound.get_mut(&session) else { return };
        let events = outbound.take_read(events, next, self.ledger.shippable().0);
        if !events.is_empty() {
            step.push(Effect::Send { session, message: Message::Events(events) });
        }
        self.pump(step, session);
    }

    pub(super) fn handle_tick(&mut self, step: &mut Step<'_>) {
        for (session, outbound) in &mut self.outbound {
            if let Some(sent) = outbound.heartbeat(step.now.mono, self.config.heartbeat) {
                step.push(Effect::Send { session: *session, message: Message::Heartbeat { sent } });
            }
        }
        self.pump_all(step);
        self.settle_all(step);
        self.refuse_behind(step);
    }
}
