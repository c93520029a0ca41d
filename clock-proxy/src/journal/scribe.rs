//! A lane's pen: the decisions that it has made and not handed over yet.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Decision, Event, LaneName};
use crate::fault::Place;
use crate::rule::RuleId;

/// So many events may wait before the lane stops deciding: a few hundred kilobytes, and a batch that the journal's
/// thread writes in a millisecond.
const PENDING_MAX: usize = 1024;

/// Notes decisions until somebody takes them.
#[derive(Debug)]
pub(crate) struct Scribe {
    pub(crate) lane: Arc<LaneName>,
    pub(crate) epoch: u64,
    events: Vec<Event>,
    /// Damages noted and not counted yet.
    damaged: u64,
    /// The journal had no room for the last batch.
    is_held_back: bool,
}

impl Scribe {
    pub(crate) fn new(lane: Arc<LaneName>) -> Self {
        Self { lane, epoch: 0, events: Vec::new(), damaged: 0, is_held_back: false }
    }

    pub(crate) fn note(&mut self, at: Instant, spot: (Place, u32), rule: Option<RuleId>, decision: Decision) {
        self.damaged += u64::from(decision.is_damage());
        let ((place, copy), lane) = (spot, Arc::clone(&self.lane));
        self.events.push(Event { at, epoch: self.epoch, lane, place, copy, rule, decision });
    }

    /// How many damages were noted since this was asked last.
    pub(crate) fn take_damaged(&mut self) -> u64 {
        std::mem::take(&mut self.damaged)
    }

    /// Whether the lane has to stop until its events are handed over.
    pub(crate) fn is_full(&self) -> bool {
        self.is_held_back || self.events.len() >= PENDING_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(crate) fn hold_back(&mut self, is_held_back: bool) {
        self.is_held_back = is_held_back;
    }
}
