//! Coming back: the replica is rebuilt from its log, event by event, by the same code that applied them.
//!
//! Clocks need no records of their own: every timestamp that anyone can have seen is in a durable event, so
//! they go on above the log.
//!
//! If the log was damaged, an event may be missing in the middle. What depended on it is still on disk: it
//! waits in the hold-back buffer until a peer ships the missing one, then moves to the end of the log, so that
//! log order stays causal. And whoever may have lost events of its own mints under a new incarnation (`identity`).

use super::clocks::Clocks;
use std::collections::BTreeSet;

use super::effect::Effect;
use super::input::{Lsn, Now};
use super::requests::RequestTable;
use super::{Counters, Replica, ReplicaConfig, Step};
use crate::bugs::{Bug, planted};
use crate::event::WriteEvent;
use crate::id::{Incarnation, ReplicaId};
use crate::wire::{EncodedEvent, EventError};

/// What the store found when it opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// The incarnation it has stored, or a fresh random one for an empty store.
    pub incarnation: Incarnation,
    /// It was drawn for an empty store just now: nobody can know an event of it.
    pub incarnation_is_fresh: bool,
    /// The store had to repair itself, or found an event damaged: events of our own may be lost.
    pub may_have_lost_events: bool,
    /// How many records are in quarantine.
    pub quarantined: u64,
    /// The last position that is occupied.
    pub last_lsn: Lsn,
}

impl Replica {
    /// Rebuilds a replica from its log, and says what is to be done before anything else.
    ///
    /// # Errors
    /// [`EventError`] if an event is malformed: the store was to verify and quarantine such a one before.
    pub fn recover(
        config: ReplicaConfig,
        now: Now,
        recovered: Recovered,
        events: impl IntoIterator<Item = (Lsn, EncodedEvent)>,
    ) -> Result<(Self, Vec<Effect>), EventError> {
        let mut replica = Self::empty(config, recovered);
        for (lsn, encoded) in events {
            let event = encoded.decode()?;
            replica.resume_clocks(now, &event);
            replica.restore(lsn, event, encoded);
        }
        replica.ledger.skip_to(recovered.last_lsn);
        let effects = replica.resume(now, recovered.may_have_lost_events);
        Ok((replica, effects))
    }

    fn empty(mut config: ReplicaConfig, recovered: Recovered) -> Self {
        config.limits = config.limits.in_range();
        let me = ReplicaId { node: config.station.clone(), incarnation: recovered.incarnation };
        Self {
            me,
            clocks: Clocks::new(config.drift_max_ms),
            rng: fastrand::Rng::with_seed(config.seed),
            ledger: Default::default(),
            hold_back: Default::default(),
            catalog: Default::default(),
            requests: RequestTable::new(config.limits.requests),
            batches: Default::default(),
            copies: Default::default(),
            behind: Default::default(),
            outbound: Default::default(),
            inbound: Default::default(),
            clients: Default::default(),
            disputed: Default::default(),
            // An incarnation from the disk may have minted events that the disk has lost.
            minted_since_incarnation: true,
            unheard: if recovered.incarnation_is_fresh { BTreeSet::new() } else { config.peers.clone() },
            relay: Default::default(),
            counters: Counters { duplicates: 0, quarantined: recovered.quarantined },
            config,
        }
    }

    /// The clocks go on above everything they issued, whatever the wall clock shows by now; a timestamp that was
    /// refused when it came is refused again. Only what has the present incarnation was minted here for certain: under
    /// an older one of ours, a peer may have shipped what it liked.
    fn resume_clocks(&mut self, now: Now, event: &WriteEvent) {
        if event.dot.replica == self.me {
            self.clocks.resume(event);
        } else {
            // Refusals were reported when the event first came.
            let _reported = self.clocks.receive(now, event);
        }
    }

    fn restore(&mut self, lsn: Lsn, event: WriteEvent, encoded: EncodedEvent) {
        if self.ledger.missing_before(&event).is_some() {
            return self.hold_recovered(event, encoded);
        }
        let vector = self.ledger.restore(lsn, &event, encoded.checksum());
        let mut shown = event.clone();
        if planted(Bug::SupersededComeBack) {
            shown.context.clear();
        }
        let change = self.catalog.apply(shown, vector.clone(), self.ledger.height(&event));
        let receipt = self.receipt(&event, &vector, &change.beside);
        if !planted(Bug::RequestsForgottenAtRestart) {
            self.requests.written(&event, lsn, receipt);
        }
    }

    /// Moves up what a repaired hole had stranded, and gives up an incarnation that may have lost events.
    fn resume(&mut self, now: Now, may_have_lost_events: bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        let step = &mut Step { now, effects: &mut effects };
        self.drain_hold_back(step);
        if planted(Bug::LossIgnored) {
            self.unheard.clear();
        } else if may_have_lost_events || self.hold_back.len() > 0 {
            self.take_new_incarnation(step);
        }
        if self.ledger.take_unsynced() {
            effects.push(Effect::Sync { upto: self.ledger.last_lsn() });
        }
        effects
    }
}
