//! The fate of each frame of one lane.
//!
//! A decision is made once per frame and rule, in the order of the frames, so a rule that counts counts the same in
//! every run. It is made at two points. [`Decider::take_frame`] answers everything up to the damage, when the frame
//! has come in whole. [`Decider::delay`] and [`Decider::reorders`] answer when the frame's turn has come, by the rules
//! that are in force then: a delay that is lifted sets free what it held, and one that is new holds what waits.
//!
//! With a recording no dice are thrown: what was decided about a frame then is decided again, and what no record names
//! passes. Rules that act on whole connections go on as commanded.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Place;
use super::gate::Version;
use super::history::History;
use super::repeat::recorded_delay;
use super::spread;
use super::standing::Standing;
use super::watch::{Asked, Subject, Watch};
use crate::frame::Framing;
use crate::journal::{Decision, LaneRecord, Scribe, nanos};
use crate::rule::decision::{LaneKey, Question};
use crate::rule::{Fault, FrameView, Policy, Reorder, Rule, RuleId};

/// The delays a frame was given, by the rules that have looked at it.
pub(crate) type Delays = Vec<(Version, Duration)>;

/// The rules of one lane, and what they remember of it.
#[derive(Debug)]
pub(crate) struct Decider {
    pub(super) key: LaneKey,
    pub(super) framing: Framing,
    pub(super) ordinal: u64,
    /// The epoch in which the lane was made.
    pub(super) born: Option<u64>,
    pub(super) seed: u64,
    pub(super) watches: Vec<Watch>,
    pub(super) standing: Standing,
    pub(super) history: History,
    pub(super) history_bytes_max: usize,
    pub(crate) scribe: Scribe,
    pub(super) record: Option<Arc<LaneRecord>>,
    pub(super) recorded_reorder: Option<Reorder>,
}

impl Decider {
    pub(crate) fn new(key: LaneKey, ordinal: u64, scribe: Scribe, record: Option<Arc<LaneRecord>>) -> Self {
        Self {
            key,
            framing: Framing::default(),
            ordinal,
            born: None,
            seed: 0,
            watches: Vec::new(),
            standing: Standing::default(),
            history: History::default(),
            history_bytes_max: 0,
            scribe,
            record,
            recorded_reorder: None,
        }
    }

    /// How many bytes of past frames may be kept.
    pub(crate) fn with_history(self, bytes_max: usize) -> Self {
        Self { history_bytes_max: bytes_max, ..self }
    }

    /// How frames are told apart.
    pub(crate) fn with_framing(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.scribe.epoch
    }

    /// The rules that are meant for this connection.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.watches.iter().filter(|watch| watch.is_meant).map(|watch| watch.rule.as_ref())
    }

    /// The rules that are meant, and since when.
    pub(crate) fn meetings(&self) -> impl Iterator<Item = (&Rule, Instant)> {
        self.watches.iter().filter(|watch| watch.is_meant).map(|watch| (watch.rule.as_ref(), watch.met))
    }

    pub(crate) fn history_bytes(&self) -> usize {
        self.history.bytes()
    }

    /// Takes the rules in force. False if they are those it has. Rules that stay keep what they know.
    pub(crate) fn sync(&mut self, policy: &Policy, seed: u64, now: Instant) -> bool {
        if self.born.is_some() && self.scribe.epoch == policy.epoch && self.seed == seed {
            return false;
        }
        let born = *self.born.get_or_insert(policy.epoch);
        let subject = Subject { lane: self.key, ordinal: self.ordinal, born };
        let mut known = std::mem::take(&mut self.watches);
        for rule in &policy.rules {
            let watch = match known.iter().position(|watch| watch.is_of(rule)) {
                Some(at) => known.swap_remove(at).with(rule),
                None => Watch::new(Arc::clone(rule), subject, seed, now),
            };
            self.watches.push(watch);
        }
        (self.seed, self.scribe.epoch) = (seed, policy.epoch);
        self.standing = Standing::of(&self.watches);
        if let Some(record) = &self.record {
            (self.standing.looks_at_frames, self.standing.keeps_frames) = (true, true);
            self.standing.reaches_back = record.reaches_back;
        }
        if self.standing.reaches_back == 0 {
            self.history.clear();
        }
        true
    }

    /// How long this frame has to wait, by the rules in force. Rules that have looked at it before are not asked again.
    pub(crate) fn delay(&mut self, piece: Spot<'_>, delays: &mut Delays, now: Instant) -> Duration {
        if let Some(record) = &self.record {
            return recorded_delay(record, piece, delays, &mut self.scribe, now);
        }
        let mut sum = Duration::ZERO;
        for watch in self.watches.iter_mut().filter(|watch| watch.is_meant) {
            let Fault::Delay(delay) = &watch.rule.fault else { continue };
            let version = (watch.rule.id, watch.rule.since_epoch);
            if let Some((_, known)) = delays.iter().find(|(known, _)| *known == version) {
                sum = sum.saturating_add(*known);
                continue;
            }
            let delay = delay.clone();
            let asked = Asked { seed: self.seed, lane: self.key, place: piece.place, copy: piece.copy };
            let is_chosen = watch.chooses(asked, piece.view(self.framing));
            let by = if is_chosen {
                let age = piece.arrived.saturating_duration_since(watch.rule.since);
                spread::delay(&delay, asked.of(&watch.rule), &mut watch.draw, age)
            } else {
                Duration::ZERO
            };
            delays.push((version, by));
            sum = sum.saturating_add(by);
            // On a lane without frames what a read brought is chance, and so is the decision.
            if is_chosen && matches!(piece.place, Place::Frame(_)) {
                let decision = Decision::Delay { ns: nanos(by) };
                self.scribe.note(now, (piece.place, piece.copy), Some(watch.rule.id), decision);
            }
        }
        sum
    }

    /// How long the end of the connection has to wait. It is no frame, so only rules that choose none delay it, and
    /// it draws no jitter that a frame would have drawn.
    pub(crate) fn end_delay(&self, arrived: Instant) -> Duration {
        let delay_of = |rule: &Rule| {
            let Fault::Delay(delay) = &rule.fault else { return Duration::ZERO };
            if rule.guard.chooses_frames() {
                return Duration::ZERO;
            }
            let question = Question { seed: self.seed, rule: rule.id, lane: self.key, index: u64::MAX };
            spread::delay(delay, question, &mut None, arrived.saturating_duration_since(rule.since))
        };
        self.rules().map(delay_of).sum()
    }

    /// Whether this frame steps aside for later ones. To be asked once for each.
    pub(crate) fn reorders(&mut self, piece: Spot<'_>, now: Instant) -> bool {
        let spot = (piece.place, piece.copy);
        if let Some(record) = &self.record {
            let found = record.at(piece.place).iter().find_map(|known| match known.decision {
                Decision::Reorder { gap, max_ns } if known.copy == piece.copy => {
                    Some((known.rule, gap, max_ns))
                }
                _ => None,
            });
            let Some((rule, gap, max_ns)) = found else { return false };
            self.recorded_reorder = Some(Reorder { gap, max: Duration::from_nanos(max_ns) });
            self.scribe.note(now, spot, rule, Decision::Reorder { gap, max_ns });
            return true;
        }
        let governing = self.reorder();
        let asked = Asked { seed: self.seed, lane: self.key, place: piece.place, copy: piece.copy };
        for watch in &mut self.watches {
            let Fault::Reorder(reorder) = watch.rule.fault else { continue };
            if watch.chooses(asked, piece.view(self.framing)) {
                let Reorder { gap, max } = governing.unwrap_or(reorder);
                let decision = Decision::Reorder { gap, max_ns: nanos(max) };
                self.scribe.note(now, spot, Some(watch.rule.id), decision);
                return true;
            }
        }
        false
    }

    /// How far those aside may be overtaken: the newest rule says so, also for those that wait already.
    pub(crate) fn reorder(&self) -> Option<Reorder> {
        let newest = |rule: &Rule| match rule.fault {
            Fault::Reorder(reorder) => Some(reorder),
            _ => None,
        };
        self.recorded_reorder.or_else(|| self.rules().filter_map(newest).last())
    }

    /// Whether copies may wait for their time: they come at once when no rule makes any more.
    pub(crate) fn duplicates(&self) -> bool {
        self.record.is_some() || self.rules().any(|rule| matches!(rule.fault, Fault::Duplicate(_)))
    }

    /// Whether the cut that a frame stepped aside for still holds.
    pub(crate) fn is_in_force(&self, rule: RuleId) -> bool {
        self.rules().any(|known| known.id == rule)
    }
}

/// A frame whose turn in the line has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub(crate) place: Place,
    pub(crate) copy: u32,
    pub(crate) arrived: Instant,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Spot<'a> {
    fn view(self, framing: Framing) -> FrameView<'a> {
        let payload_offset = match self.place {
            Place::Frame(_) => framing.header_bytes(),
            Place::Offset(_) => 0,
        };
        FrameView { bytes: self.bytes, payload_offset }
    }
}
