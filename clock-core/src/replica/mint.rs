//! Minting: a write that nothing stands against gets its dot, its times and its past, and goes to the log.

use std::collections::BTreeSet;

use super::asker::Asker;
use super::effect::{Effect, Fact, LogRecord};
use super::input::Now;
use super::write::Proposed;
use super::{Replica, Step};
use crate::bugs::{Bug, planted};
use crate::clocks::{HybridTimestamp, MAX_COUNTER};
use crate::event::WriteEvent;
use crate::id::Dot;
use crate::versions::VECTOR_ENTRIES_MAX;
use crate::wire::{EncodedEvent, RequestError};

/// The times of one write: Lamport and hybrid.
pub(super) type Stamp = (u64, HybridTimestamp);

impl Replica {
    /// Makes sure that so many writes can be minted, and takes their times. If they are refused all the same, nothing
    /// is lost but numbers.
    pub(super) fn make_room(&self, now: Now, writes: usize) -> Result<Vec<Stamp>, RequestError> {
        if writes == 0 {
            return Ok(Vec::new());
        }
        self.check_load(writes)?;
        let exhausted = |clock: &str| RequestError::Exhausted(clock.to_owned());
        let is_new_replica = self.needs_incarnation() || !self.ledger.knows(&self.me);
        if is_new_replica && self.ledger.origins_count() >= VECTOR_ENTRIES_MAX {
            return Err(exhausted("too many incarnations in the cluster"));
        }
        let minted = if is_new_replica { 0 } else { self.ledger.applied().upto(&self.me) };
        let left = MAX_COUNTER.saturating_sub(minted.max(self.clocks.lamport()));
        if left < writes as u64 {
            return Err(exhausted("counter at 2^63 - 1"));
        }
        (0..writes).map(|_| self.clocks.tick(now).map_err(|error| exhausted(&error))).collect()
    }

    pub(super) fn mint(
        &mut self,
        step: &mut Step<'_>,
        asker: Asker,
        (write, context): (Proposed, BTreeSet<Dot>),
        stamp: Stamp,
    ) -> Result<(), RequestError> {
        self.make_sure_of_incarnation(step);
        let event = self.event(step.now, write, context, stamp);
        // It fits: the largest context and the largest delta are far below the largest header.
        let encoded =
            EncodedEvent::encode(&event).map_err(|error| RequestError::InvalidValue(error.to_string()))?;
        let (dot, key) = (event.dot.clone(), event.key.clone());
        if let Some(ticket) = self.batches.ticket(asker) {
            step.observe(Fact::Minted { dot: dot.clone(), request: event.request, ticket });
        }
        self.minted_since_incarnation = true;
        self.requests.staged(&event);
        let lsn = self.ledger.stage(event, encoded.checksum(), None, vec![asker]);
        step.push(Effect::Append(LogRecord::Event { lsn, dot: dot.clone(), key, event: encoded }));
        if planted(Bug::RefusedAfterAppend) {
            return self.refuse_behind_another(&dot);
        }
        if planted(Bug::AnsweredBeforeSync) {
            self.answer_early(step, &dot);
        }
        if planted(Bug::ShippedBeforeSync) {
            self.pump_all(step);
        }
        Ok(())
    }

    /// Names the event. Its past is what this station has made visible, plus its own writes.
    fn event(&self, now: Now, write: Proposed, context: BTreeSet<Dot>, (lamport, hlc): Stamp) -> WriteEvent {
        let seq = self.ledger.applied().upto(&self.me) + 1;
        let mut past = match planted(Bug::PastIncludesUnshown) {
            true => self.ledger.applied().clone(),
            false => self.ledger.visible().clone(),
        };
        self.own_staged().for_each(|staged| past.raise(&staged.event.dot.replica, staged.event.dot.seq));
        let mut delta = past.delta_from(&self.ledger.delta_base(&self.me));
        delta.retain(|(replica, _)| *replica != self.me && !planted(Bug::DeltaLeftOut));
        let Proposed { key, body, request, context: _ } = write;
        WriteEvent {
            dot: Dot { replica: self.me.clone(), seq },
            lamport,
            hlc,
            wall_ms: now.wall_ms,
            delta,
            context: context.into_iter().collect(),
            key,
            request,
            body,
        }
    }
}
