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

use std::collections::VecDeque;

use super::effect::{Effect, Fact, LogQuery, LogStart};
use super::input::{LoggedEvent, Lsn, Mono, Opener, SessionId};
use super::{Replica, Step};
use crate::clocks::VersionVector;
use crate::id::{Dot, ReplicaId, StationId};
use crate::wire::message::{Claim, FRAME_EVENTS_MAX, Hello, Message, Refusal, Role};

/// Events in flight to one peer: at 600 ms round trip still 800 events a second, and a bounded resend.
const WINDOW_EVENTS: usize = 512;
/// Bytes in flight to one peer: what a session's queue may hold while the peer does not read.
const WINDOW_BYTES: usize = 4 * 1024 * 1024;
/// Bytes read from the log for one frame: with one event of the largest size on top it still fits.
const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// A session that a peer dialled: it ships to us.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) peer: StationId,
}

/// A session we dialled: we ship to the peer.
#[derive(Debug)]
pub(super) struct Outbound {
    pub(super) peer: StationId,
    established: bool,
    /// What the peer is known to have.
    claim: VersionVector,
    /// The next log position to look at; `None`: find the first event it lacks.
    cursor: Option<Lsn>,
    /// A read is under way.
    reading: bool,
    /// The read under way was overtaken by a resend: drop its result.
    stale_read: bool,
    in_flight: VecDeque<(Dot, usize)>,
    in_flight_bytes: usize,
    /// All that the peer must have once it has read what was sent.
    sent: VersionVector,
    heartbeat_at: Mono,
    relay_at: Option<Mono>,
}

impl Outbound {
    fn new(peer: StationId) -> Self {
        Self {
            peer,
            established: false,
            claim: VersionVector::new(),
            cursor: None,
            reading: false,
            stale_read: false,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            sent: VersionVector::new(),
            heartbeat_at: Mono(0),
            relay_at: None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        let heartbeat = self.established.then_some(self.heartbeat_at);
        heartbeat.into_iter().chain(self.relay_at).min()
    }

    pub(super) fn lag_events(&self, visible: &VersionVector) -> Option<u64> {
        self.established.then(|| visible.events_beyond(&self.claim))
    }

    /// Takes an absolute vector: it may be older than what we know, and then changes nothing.
    fn learn(&mut self, durable: &VersionVector) {
        for (replica, seq) in durable.iter() {
            self.claim.raise(replica, seq);
            self.sent.raise(replica, seq);
        }
        while let Some((_, bytes)) = self.in_flight.pop_front_if(|(dot, _)| self.claim.covers(dot)) {
            self.in_flight_bytes -= bytes;
        }
    }

    /// Starts again from what the peer says it has.
    fn restart(&mut self, durable: VersionVector) {
        self.sent = durable.clone();
        self.claim = durable;
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        self.cursor = None;
        self.stale_read = self.reading;
    }

    /// Where to read next, or `None` if the peer is known to have, or to be sent, everything.
    fn next_start(&mut self, visible: &VersionVector, visible_lsn: Lsn) -> Option<LogStart> {
        if let Some(cursor) = self.cursor {
            return (cursor <= visible_lsn).then_some(LogStart::At(cursor));
        }
        let first_missing = |replica: ReplicaId| Dot { seq: self.claim.upto(&replica) + 1, replica };
        let missing: Vec<Dot> =
            visible.delta_from(&self.claim).into_iter().map(|(replica, _)| first_missing(replica)).collect();
        if missing.is_empty() {
            self.cursor = Some(visible_lsn.next());
            return None;
        }
        Some(LogStart::FirstOf(missing))
    }
}

/// The latest events in log order and when they became visible, for as long as a relay has to wait.
#[derive(Debug, Default)]
pub(super) struct RelayQueue {
    fresh: VecDeque<(Lsn, Dot, Mono)>,
}

impl Replica {
    pub(super) fn handle_session_up(&mut self, step: &mut Step<'_>, session: SessionId, opener: Opener) {
        match opener {
            Opener::Dialled(peer) => {
                self.outbound.insert(session, Outbound::new(peer));
                let hello = Hello { cluster: self.config.cluster.clone(), role: Role::Peer(self.claim()) };
                step.push(Effect::Send { session, message: Message::Hello(hello) });
            }
            Opener::Peer { cluster, claim } => match self.refuse_peer(&cluster, &claim.replica.station) {
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

    fn refuse_peer(&self, cluster: &StationId, station: &StationId) -> Option<Refusal> {
        if *cluster != self.config.cluster {
            return Some(Refusal::OtherCluster(self.config.cluster.clone()));
        }
        if *station == self.config.station {
            return Some(Refusal::SameStation(station.clone()));
        }
        (!self.config.peers.contains(station)).then(|| Refusal::UnknownStation(station.clone()))
    }

    fn accept_peer(&mut self, step: &mut Step<'_>, session: SessionId, claim: &Claim) {
        let peer = claim.replica.station.clone();
        if let Err(refusal) = self.check_claim(step, &peer, &claim.durable) {
            return self.close(step, session, refusal);
        }
        self.inbound.insert(session, Inbound { peer });
        step.push(Effect::Send { session, message: Message::Welcome(self.claim()) });
    }

    pub(super) fn handle_session_down(&mut self, step: &mut Step<'_>, session: SessionId) {
        self.clients.remove(&session);
        self.inbound.remove(&session);
        let ended = self.outbound.remove(&session).filter(|outbound| outbound.established);
        ended.into_iter().for_each(|outbound| step.observe(Fact::LinkDown { peer: outbound.peer }));
    }

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
        peer: &StationId,
        claim: Claim,
    ) -> Result<(), Refusal> {
        if claim.replica.station != *peer {
            return Err(Refusal::Protocol(format!("dialled {peer}, reached {}", claim.replica.station)));
        }
        self.check_claim(step, peer, &claim.durable)?;
        let missing = self.ledger.visible().events_beyond(&claim.durable);
        if let Some(outbound) = self.outbound.get_mut(&session) {
            outbound.established = true;
            outbound.heartbeat_at = step.now.mono.plus(self.config.heartbeat);
            outbound.restart(claim.durable);
            step.observe(Fact::LinkUp { peer: peer.clone(), missing });
        }
        self.pump(step, session);
        Ok(())
    }

    fn handle_ack(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
        peer: &StationId,
        durable: VersionVector,
        resend: bool,
    ) -> Result<(), Refusal> {
        self.check_claim(step, peer, &durable)?;
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
        peer: &StationId,
        sent: &VersionVector,
    ) -> Result<(), Refusal> {
        self.check_claim(step, peer, sent)?;
        let applied = self.ledger.applied();
        let arrived =
            |(replica, upto): (&ReplicaId, u64)| self.hold_back.bridges(replica, applied.upto(replica), upto);
        let resend = !sent.iter().all(arrived);
        let durable = self.ledger.visible().clone();
        step.push(Effect::Send { session, message: Message::Ack { durable, resend } });
        Ok(())
    }

    fn check_claim(
        &mut self,
        step: &mut Step<'_>,
        peer: &StationId,
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
        peer: &StationId,
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

    /// Who ships an event has it.
    pub(super) fn note_peer_has(&mut self, peer: &StationId, dot: &Dot) {
        let sessions = self.outbound.values_mut().filter(|outbound| outbound.peer == *peer);
        sessions.for_each(|outbound| outbound.claim.raise(&dot.replica, dot.seq));
    }

    /// Tells every peer that ships to us what is durable now.
    pub(super) fn acknowledge_peers(&self, step: &mut Step<'_>) {
        for session in self.inbound.keys() {
            let message = Message::Ack { durable: self.ledger.visible().clone(), resend: false };
            step.push(Effect::Send { session: *session, message });
        }
    }

    pub(super) fn note_relay(&mut self, now: Mono, lsn: Lsn, dot: &Dot) {
        if dot.replica.station != self.config.station {
            self.relay.fresh.push_back((lsn, dot.clone(), now));
        }
    }

    /// Ships to every peer what may be shipped now.
    pub(super) fn pump_all(&mut self, step: &mut Step<'_>) {
        let expired = |since: Mono| since.plus(self.config.relay_delay) <= step.now.mono;
        while self.relay.fresh.pop_front_if(|(_, _, since)| expired(*since)).is_some() {}
        let sessions: Vec<SessionId> = self.outbound.keys().copied().collect();
        sessions.into_iter().for_each(|session| self.pump(step, session));
    }

    /// Asks the log for the next events of one session, if its window has room and there are any.
    fn pump(&mut self, step: &mut Step<'_>, session: SessionId) {
        let (visible, visible_lsn) = (self.ledger.visible(), self.ledger.visible_lsn());
        let Some(outbound) = self.outbound.get_mut(&session) else { return };
        outbound.relay_at = None;
        let room = WINDOW_EVENTS.saturating_sub(outbound.in_flight.len());
        let full = room == 0 || outbound.in_flight_bytes >= WINDOW_BYTES;
        if !outbound.established || outbound.reading || full {
            return;
        }
        let Some(start) = outbound.next_start(visible, visible_lsn) else { return };
        let (upto, wake) = self.relay.horizon(outbound, visible_lsn, self.config.relay_delay);
        outbound.relay_at = wake;
        if matches!(start, LogStart::At(cursor) if cursor > upto) {
            return;
        }
        outbound.reading = true;
        let covered = outbound.claim.clone();
        let query = LogQuery {
            start,
            upto,
            covered,
            events_max: room.min(FRAME_EVENTS_MAX),
            bytes_max: CHUNK_BYTES_MAX,
        };
        step.push(Effect::ReadLog { session, query });
    }

    pub(super) fn handle_log_read(
        &mut self,
        step: &mut Step<'_>,
        session: SessionId,
        events: Vec<LoggedEvent>,
        next: Lsn,
    ) {
        let Some(outbound) = self.outbound.get_mut(&session) else { return };
        outbound.reading = false;
        if !std::mem::take(&mut outbound.stale_read) {
            outbound.cursor = Some(next);
            let visible = self.ledger.visible();
            // What a damaged store stranded is in the log and not visible yet: it is shipped when it has its past.
            let ships =
                |event: &LoggedEvent| visible.covers(&event.dot) && !outbound.claim.covers(&event.dot);
            let lacking: Vec<LoggedEvent> = events.into_iter().filter(ships).collect();
            for LoggedEvent { dot, event } in &lacking {
                let bytes = event.as_bytes().len();
                outbound.sent.raise(&dot.replica, dot.seq);
                outbound.in_flight.push_back((dot.clone(), bytes));
                outbound.in_flight_bytes += bytes;
            }
            if !lacking.is_empty() {
                let events = lacking.into_iter().map(|logged| logged.event).collect();
                step.push(Effect::Send { session, message: Message::Events(events) });
            }
        }
        self.pump(step, session);
    }

    pub(super) fn handle_tick(&mut self, step: &mut Step<'_>) {
        let next = step.now.mono.plus(self.config.heartbeat);
        for (session, outbound) in &mut self.outbound {
            if outbound.established && outbound.heartbeat_at <= step.now.mono {
                outbound.heartbeat_at = next;
                step.push(Effect::Send {
                    session: *session,
                    message: Message::Heartbeat { sent: outbound.sent.clone() },
                });
            }
        }
        self.pump_all(step);
    }
}

impl RelayQueue {
    /// Up to which position a cursor may read now, and when to look again if it has to wait.
    fn horizon(
        &self,
        outbound: &Outbound,
        visible_lsn: Lsn,
        relay_delay: std::time::Duration,
    ) -> (Lsn, Option<Mono>) {
        let from = outbound.cursor.unwrap_or_default();
        let waits = |(lsn, dot, _): &&(Lsn, Dot, Mono)| *lsn >= from && !outbound.claim.covers(dot);
        match self.fresh.iter().find(waits) {
            Some((lsn, _, since)) => (Lsn(lsn.0 - 1), Some(since.plus(relay_delay))),
            None => (visible_lsn, None),
        }
    }
}
