//! Causal delivery: an event waits until its past is applied (rule 3).
//!
//! The hold-back buffer is bounded. An event whose past is complete is always admitted, so a full buffer never
//! locks out the very event it waits for; one that does not fit is not accepted, hence not acknowledged, and is
//! shipped again after the peer's next heartbeat.
//!
//! Source: Birman, Schiper, Stephenson, *Lightweight Causal and Atomic Group Multicast*, ACM TOCS 1991, section 5.

use std::collections::BTreeMap;

use super::effect::{Effect, Fact, LogRecord};
use super::{Limits, Replica, Step};
use crate::bugs::{Bug, planted};
use crate::event::WriteEvent;
use crate::id::{Dot, NodeId, ReplicaId};
use crate::versions::{VECTOR_ENTRIES_MAX, VersionVector};
use crate::wire::EncodedEvent;
use crate::wire::message::Refusal;

/// Origins taken from peers: the rest of a vector's entries is kept for this station's own incarnations.
const SHIPPED_ORIGINS_MAX: usize = VECTOR_ENTRIES_MAX - 64;
/// Second contents kept as evidence: whoever sends more of them proves nothing new.
const DISPUTED_MAX: usize = 1024;

#[derive(Debug, Clone)]
struct Held {
    event: WriteEvent,
    encoded: EncodedEvent,
    via: Option<NodeId>,
}

/// Events whose past is incomplete, by replica and sequence.
#[derive(Debug, Default, Clone)]
pub(super) struct HoldBack {
    held: BTreeMap<ReplicaId, BTreeMap<u64, Held>>,
    events: usize,
    bytes: usize,
}

impl HoldBack {
    pub(super) fn len(&self) -> usize {
        self.events
    }

    /// The last event of each of a station's incarnations.
    pub(super) fn last_of(&self, station: &NodeId) -> impl Iterator<Item = Dot> {
        let of_station = self.held.iter().filter(move |(replica, _)| replica.node == *station);
        of_station.filter_map(|(replica, queue)| {
            let (seq, _) = queue.last_key_value()?;
            Some(Dot { replica: replica.clone(), seq: *seq })
        })
    }

    fn checksum(&self, dot: &Dot) -> Option<u32> {
        Some(self.held.get(&dot.replica)?.get(&dot.seq)?.encoded.checksum())
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn is_full(&self, limits: &Limits) -> bool {
        let is_full = self.events >= limits.held_events || self.bytes >= limits.held_bytes;
        is_full && !planted(Bug::HoldBackUnbounded)
    }

    /// Keeps an event. Recovery may exceed the bound: what is on disk already must not be lost.
    fn hold(&mut self, held: Held) {
        self.events += 1;
        self.bytes += held.encoded.as_bytes().len();
        let Dot { replica, seq } = held.event.dot.clone();
        self.held.entry(replica).or_default().insert(seq, held);
    }

    /// Takes out an event whose past is complete now, if there is one. Only the lowest of each replica can be.
    fn take_ready(&mut self, missing_before: impl Fn(&WriteEvent) -> Option<Dot>) -> Option<Held> {
        let lowest = |queue: &BTreeMap<u64, Held>| {
            queue.first_key_value().is_some_and(|(_, held)| missing_before(&held.event).is_none())
        };
        let replica =
            self.held.iter().find(|(_, queue)| lowest(queue)).map(|(replica, _)| replica.clone())?;
        let queue = self.held.get_mut(&replica)?;
        let (_, held) = queue.pop_first()?;
        if queue.is_empty() {
            self.held.remove(&replica);
        }
        self.events -= 1;
        self.bytes -= held.encoded.as_bytes().len();
        Some(held)
    }

    /// Drops what came from this peer.
    pub(super) fn forget_from(&mut self, peer: &NodeId) {
        for queue in self.held.values_mut() {
            for (_, held) in queue.extract_if(.., |_, held| held.via.as_ref() == Some(peer)) {
                self.events -= 1;
                self.bytes -= held.encoded.as_bytes().len();
            }
        }
        self.held.retain(|_, queue| !queue.is_empty());
    }

    /// Whether everything of `replica` between `applied` and `upto` waits here.
    pub(super) fn bridges(&self, replica: &ReplicaId, applied: u64, upto: u64) -> bool {
        let waiting = self.held.get(replica).map_or(0, |queue| queue.range(..=upto).count() as u64);
        applied.saturating_add(waiting) >= upto
    }

    pub(super) fn invariant(&self, applied: &VersionVector) -> Result<(), String> {
        let all = || self.held.values().flat_map(BTreeMap::values);
        if let Some(held) = all().find(|held| applied.covers(&held.event.dot)) {
            return Err(format!("{} is held back although it is applied", held.event));
        }
        let bytes: usize = all().map(|held| held.encoded.as_bytes().len()).sum();
        if (self.events, self.bytes) != (all().count(), bytes) {
            return Err(format!(
                "hold-back counts {} events, {} bytes; it has {}, {bytes}",
                self.events,
                self.bytes,
                all().count()
            ));
        }
        Ok(())
    }
}

impl Replica {
    /// Takes what a peer shipped. A malformed event ends the session: its bytes can come from nobody who keeps
    /// the protocol. An origin that is no peer of ours is no reason to: a member may relay a station that we were
    /// not told of, or that has retired. Only the number of origins is bounded.
    pub(super) fn handle_events(
        &mut self,
        step: &mut Step<'_>,
        from: &NodeId,
        events: &[EncodedEvent],
    ) -> Result<(), Refusal> {
        events.iter().try_for_each(|shipped| self.take_shipped(step, from, &shipped.detached()))
    }

    fn take_shipped(
        &mut self,
        step: &mut Step<'_>,
        from: &NodeId,
        encoded: &EncodedEvent,
    ) -> Result<(), Refusal> {
        let event = encoded.decode().map_err(|error| Refusal::Protocol(error.to_string()))?;
        // Held-back origins count too, or they would exceed the limit when their turn comes.
        let origins = self.ledger.origins_count() + self.hold_back.held.len();
        if origins >= SHIPPED_ORIGINS_MAX && !self.ledger.knows(&event.dot.replica) {
            let refusal = format!("{}: {SHIPPED_ORIGINS_MAX} origins are known, the limit", event.dot);
            return Err(Refusal::Protocol(refusal));
        }
        self.check_own_events(step, from, &event.dot.replica, event.dot.seq)?;
        self.receive(step, from, event, encoded.clone());
        Ok(())
    }

    fn receive(&mut self, step: &mut Step<'_>, from: &NodeId, event: WriteEvent, encoded: EncodedEvent) {
        self.note_peer_has(from, &event.dot);
        let known = self.ledger.checksum(&event.dot).or_else(|| self.hold_back.checksum(&event.dot));
        match known {
            Some(checksum) if checksum == encoded.checksum() => {
                self.counters.duplicates += 1;
                if planted(Bug::AppliedTwice) {
                    self.apply_again(&event);
                }
                step.observe(Fact::Duplicate { dot: event.dot });
            }
            Some(_) if planted(Bug::EquivocationSilent) => {}
            Some(_) => self.quarantine(step, from, &event.dot, &encoded),
            None => self.admit(step, Held { event, encoded, via: Some(from.clone()) }),
        }
    }

    /// Same dot, other content (rule 4): keep the evidence, alarm, go on.
    fn quarantine(&mut self, step: &mut Step<'_>, from: &NodeId, dot: &Dot, encoded: &EncodedEvent) {
        let is_new =
            self.disputed.len() < DISPUTED_MAX && self.disputed.insert((dot.clone(), encoded.checksum()));
        if is_new {
            self.counters.quarantined += 1;
            self.ledger.note_unsynced();
            let bytes = encoded.as_bytes().clone();
            step.push(Effect::Append(LogRecord::Quarantine { dot: dot.clone(), bytes }));
        }
        step.observe(Fact::Equivocation { dot: dot.clone(), from: from.clone() });
    }

    fn admit(&mut self, step: &mut Step<'_>, held: Held) {
        let dot = held.event.dot.clone();
        match self.ledger.missing_before(&held.event) {
            None => {
                self.stage(step, held);
                self.drain_hold_back(step);
            }
            Some(_) if self.hold_back.is_full(&self.config.limits) => {
                step.observe(Fact::HoldBackFull { dot });
            }
            Some(missing) => {
                self.hold_back.hold(held);
                step.observe(Fact::HeldBack { dot, missing });
            }
        }
    }

    /// Puts a recovered event back where it waits, bound or not.
    pub(super) fn hold_recovered(&mut self, event: WriteEvent, encoded: EncodedEvent) {
        self.hold_back.hold(Held { event, encoded, via: None });
    }

    /// Stages everything whose past has become complete.
    pub(super) fn drain_hold_back(&mut self, step: &mut Step<'_>) {
        while let Some(held) = self.hold_back.take_ready(|event| self.ledger.missing_before(event)) {
            self.stage(step, held);
        }
    }

    fn stage(&mut self, step: &mut Step<'_>, held: Held) {
        let Held { event, encoded, via } = held;
        for reason in self.clocks.receive(step.now, &event) {
            step.observe(Fact::TimestampRefused { dot: event.dot.clone(), reason });
        }
        let (dot, key) = (event.dot.clone(), event.key.clone());
        self.requests.staged(&event);
        let lsn = self.ledger.stage(event, encoded.checksum(), via, Vec::new());
        step.push(Effect::Append(LogRecord::Event { lsn, dot, key, event: encoded }));
    }
}
