//! What is known of one peer we ship to: what it has, what is on its way, where to read next.

use std::collections::VecDeque;
use std::time::Duration;

use super::effect::{LogQuery, LogStart};
use super::input::{LoggedEvent, Lsn, Mono};
use super::limits::Limits;
use super::mistakes;
use crate::bugs::{Bug, planted};
use crate::id::{Dot, NodeId, ReplicaId};
use crate::versions::VersionVector;
use crate::wire::EncodedEvent;

/// A session we dialled: we ship to the peer.
#[derive(Debug, Clone)]
pub(super) struct Outbound {
    pub(super) peer: NodeId,
    established: bool,
    /// What was visible here when the peer accepted the session.
    pub(super) up_since: Lsn,
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
    pub(super) fn new(peer: NodeId) -> Self {
        Self {
            peer,
            established: false,
            up_since: Lsn::default(),
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

    pub(super) fn in_flight_events(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn in_flight_bytes(&self) -> usize {
        self.in_flight_bytes
    }

    pub(super) fn deadline(&self) -> Option<Mono> {
        let heartbeat = self.established.then_some(self.heartbeat_at);
        heartbeat.into_iter().chain(self.relay_at).min()
    }

    pub(super) fn lag_events(&self, visible: &VersionVector) -> Option<u64> {
        self.established.then(|| visible.events_beyond(&self.claim))
    }

    /// Takes an absolute vector: it may be older than what we know, and then changes nothing.
    pub(super) fn learn(&mut self, durable: &VersionVector) {
        for (replica, seq) in durable.iter() {
            self.claim.raise(replica, seq);
            self.sent.raise(replica, seq);
        }
        while let Some((_, bytes)) = self.in_flight.pop_front_if(|(dot, _)| self.claim.covers(dot)) {
            self.in_flight_bytes -= bytes;
        }
    }

    /// Starts again from what the peer says it has.
    pub(super) fn restart(&mut self, durable: VersionVector) {
        self.sent = durable.clone();
        self.claim = durable;
        self.in_flight.clear();
        self.in_flight_bytes = 0;
        if !planted(Bug::CursorKeptOnResend) {
            self.cursor = None;
        }
        self.stale_read = self.reading;
    }

    /// The peer has accepted the session and said what it has.
    pub(super) fn establish(&mut self, durable: VersionVector, visible: Lsn, heartbeat_at: Mono) {
        self.established = true;
        self.up_since = visible;
        self.heartbeat_at = heartbeat_at;
        if planted(Bug::PeerStateKept) && self.cursor.is_some() {
            return self.learn(&durable);
        }
        self.restart(durable);
    }

    /// The session has ended, and what is known of the peer is kept: a mistake that only a planted bug makes.
    pub(super) fn pause(&mut self) {
        self.established = false;
        self.reading = false;
        self.sent = VersionVector::new();
    }

    pub(super) fn is_established(&self) -> bool {
        self.established
    }

    /// The peer itself has shown that it has this event.
    pub(super) fn note_has(&mut self, dot: &Dot) {
        self.claim.raise(&dot.replica, dot.seq);
    }

    /// What the session has carried, if it is time to say so.
    pub(super) fn heartbeat(&mut self, now: Mono, interval: Duration) -> Option<VersionVector> {
        if !self.established || self.heartbeat_at > now {
            return None;
        }
        self.heartbeat_at = now.plus(interval);
        Some(self.sent.clone())
    }

    /// What to read from the log now: nothing while a read is under way, the window is full, everything is sent, or
    /// the next event is left to its origin for a moment longer.
    pub(super) fn next_query(
        &mut self,
        visible: &VersionVector,
        visible_lsn: Lsn,
        relay: &RelayQueue,
        limits: &Limits,
    ) -> Option<LogQuery> {
        self.relay_at = None;
        let room = limits.window_events.saturating_sub(self.in_flight.len());
        let is_full = room == 0 || self.in_flight_bytes >= limits.window_bytes;
        let (room, is_full) = match planted(Bug::WindowUnbounded) {
            true => (limits.frame_events, false),
            false => (room, is_full),
        };
        if !self.established || self.reading || is_full {
            return None;
        }
        let start = self.next_start(visible, visible_lsn)?;
        let (upto, wake) = relay.horizon(self.cursor.unwrap_or_default(), &self.claim, visible_lsn);
        self.relay_at = wake;
        if matches!(start, LogStart::At(cursor) if cursor > upto) {
            return None;
        }
        self.reading = true;
        let events_max = room.min(limits.frame_events);
        let covered = match planted(Bug::ShippedByOrigin) {
            true => mistakes::all_but_one_origin(&self.sent, visible),
            false => self.claim.clone(),
        };
        Some(LogQuery { start, upto, covered, events_max, bytes_max: limits.chunk_bytes })
    }

    /// Where to read next, or `None` if the peer is known to have, or to be sent, everything.
    fn next_start(&mut self, visible: &VersionVector, visible_lsn: Lsn) -> Option<LogStart> {
        if planted(Bug::ShippedByOrigin) && self.cursor.is_some_and(|cursor| cursor > visible_lsn) {
            return (visible.events_beyond(&self.sent) > 0).then_some(LogStart::At(Lsn(1)));
        }
        if let Some(cursor) = self.cursor {
            return (cursor <= visible_lsn).then_some(LogStart::At(cursor));
        }
        let first_missing = |replica: ReplicaId| Dot { seq: self.claim.upto(&replica) + 1, replica };
        let missing: Vec<Dot> =
            visible.delta_from(&self.claim).into_iter().map(|(replica, _)| first_missing(replica)).collect();
        if missing.is_empty() || planted(Bug::NoCatchUp) {
            self.cursor = Some(visible_lsn.next());
            return None;
        }
        Some(LogStart::FirstOf(missing))
    }

    /// Takes what was read, and says what of it to send. What a damaged store stranded is in the log and not visible
    /// yet: it is shipped when it has its past.
    pub(super) fn take_read(
        &mut self,
        events: Vec<LoggedEvent>,
        next: Lsn,
        visible: &VersionVector,
    ) -> Vec<EncodedEvent> {
        self.reading = self.stale_read && planted(Bug::OvertakenReadNeverEnds);
        if std::mem::take(&mut self.stale_read) {
            return Vec::new();
        }
        self.cursor = Some(next);
        let mut sent = Vec::new();
        for LoggedEvent { dot, event, .. } in events {
            if self.claim.covers(&dot) || !visible.covers(&dot) {
                continue;
            }
            let bytes = event.as_bytes().len();
            self.sent.raise(&dot.replica, dot.seq);
            self.in_flight.push_back((dot, bytes));
            self.in_flight_bytes += bytes;
            sent.push(event);
        }
        sent
    }
}

/// Third stations' latest events in log order, each until it has waited for its origin long enough.
#[derive(Debug, Default, Clone)]
pub(super) struct RelayQueue {
    fresh: VecDeque<(Lsn, Dot, Mono)>,
}

impl RelayQueue {
    /// An event may be relayed from `at` on.
    pub(super) fn hold(&mut self, lsn: Lsn, dot: Dot, at: Mono) {
        self.fresh.push_back((lsn, dot, at));
    }

    pub(super) fn len(&self) -> usize {
        self.fresh.len()
    }

    /// Forgets what may be relayed by now.
    pub(super) fn release(&mut self, now: Mono) {
        while self.fresh.pop_front_if(|(_, _, at)| *at <= now).is_some() {}
    }

    /// Up to which position a cursor may read now, and when to look again if it has to wait.
    fn horizon(&self, cursor: Lsn, claim: &VersionVector, visible_lsn: Lsn) -> (Lsn, Option<Mono>) {
        match self.fresh.iter().find(|(lsn, dot, _)| *lsn >= cursor && !claim.covers(dot)) {
            Some((lsn, _, at)) => (Lsn(lsn.0 - 1), Some(*at)),
            None => (visible_lsn, None),
        }
    }
}
