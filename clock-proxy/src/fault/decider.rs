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

use bytes::Bytes;
use tokio::time::Instant;

use super::Place;
use super::corrupt::{bits_to_flip, damage, flipped, next_damage, truncated};
use super::gate::Version;
use super::history::History;
use super::spread;
use super::standing::Standing;
use super::watch::{Asked, Subject, Watch};
use crate::frame::HEADER_BYTES;
use crate::journal::{Decision, LaneRecord, Scribe, nanos};
use crate::rule::decision::{LaneKey, Question};
use crate::rule::{
    Corrupt, CutMode, Duplicate, Fault, FrameView, Kind, Policy, Reorder, ResetAfter, Rule, RuleId,
};

/// Most copies of one frame, by all rules together. They are charged to the lane, which may be over its bound by one
/// frame and its copies.
pub(crate) const COPIES_MAX: u32 = 128;

/// A frame, or one of its copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// 0 for the frame itself.
    pub(crate) copy: u32,
    /// How much later than the frame it sets out.
    pub(crate) after: Duration,
    pub(crate) bytes: Bytes,
}

/// What became of a frame that came in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// What goes on: nothing if it is lost.
    pub(crate) pieces: Vec<Piece>,
    /// The cut whose end they wait for.
    pub(crate) aside: Option<RuleId>,
    /// The connection is aborted behind it, by this rule.
    pub(crate) is_last: bool,
}

/// Marks the question for the first damaged byte. No lane lives to see 2^62 bytes.
const FIRST_GAP: u64 = 1 << 62;

/// The delays a frame was given, by the rules that have looked at it.
pub(crate) type Delays = Vec<(Version, Duration)>;

/// The rules of one lane, and what they remember of it.
#[derive(Debug)]
pub(crate) struct Decider {
    key: LaneKey,
    ordinal: u64,
    /// The epoch in which the lane was made.
    born: Option<u64>,
    seed: u64,
    watches: Vec<Watch>,
    standing: Standing,
    history: History,
    history_bytes_max: usize,
    pub(crate) scribe: Scribe,
    record: Option<Arc<LaneRecord>>,
    recorded_reorder: Option<Reorder>,
}

impl Decider {
    pub(crate) fn new(key: LaneKey, ordinal: u64, scribe: Scribe, record: Option<Arc<LaneRecord>>) -> Self {
        Self {
            key,
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

    /// Decides about a whole frame that came in.
    pub(crate) fn take_frame(&mut self, number: u64, bytes: Bytes, now: Instant) -> Taken {
        let place = Place::Frame(number);
        let reaches_back = self.standing.reaches_back;
        let original = if reaches_back > 0 { Some(bytes.clone()) } else { None };
        let mut taken =
            Taken { pieces: vec![Piece { copy: 0, after: Duration::ZERO, bytes }], ..Taken::default() };
        match self.record.clone() {
            Some(record) => self.repeat(&record, place, &mut taken, now),
            None => self.decide(place, &mut taken, now),
        }
        if let Some(original) = original {
            self.history.push(&original, reaches_back, self.history_bytes_max);
        }
        taken
    }

    /// Decides about bytes without frames. They are lost as they came in, or damaged byte by byte.
    pub(crate) fn take_raw(&mut self, offset: u64, bytes: Bytes, now: Instant) -> Option<Bytes> {
        let place = Place::Offset(offset);
        let asked = Asked { seed: self.seed, lane: self.key, place, copy: 0 };
        if let Some(record) = self.record.clone() {
            return self.repeat_raw(&record, offset, bytes, now);
        }
        let mut bytes = bytes;
        for watch in &mut self.watches {
            match &watch.rule.fault {
                Fault::Drop(_) => {
                    if watch.chooses(asked, FrameView { bytes: &bytes, payload_offset: 0 }) {
                        self.scribe.note(now, (place, 0), Some(watch.rule.id), Decision::Drop);
                        return None;
                    }
                }
                Fault::Corrupt(Corrupt::PerByte { probability }) if watch.is_meant => {
                    let probability = *probability;
                    bytes = damaged(watch, &mut self.scribe, asked, probability, bytes, now);
                }
                _ => {}
            }
        }
        Some(bytes)
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
            let is_chosen = watch.chooses(asked, piece.view());
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
            if watch.chooses(asked, piece.view()) {
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

    /// Whether the cut that a frame stepped aside for still holds.
    pub(crate) fn is_in_force(&self, rule: RuleId) -> bool {
        self.rules().any(|known| known.id == rule)
    }

    /// Asks all rules up to the damage.
    fn decide(&mut self, place: Place, taken: &mut Taken, now: Instant) {
        let Self { watches, scribe, history, seed, key, .. } = self;
        for watch in watches.iter_mut().take_while(|watch| watch.rule.fault.kind() < Kind::Delay) {
            let asked = Asked { seed: *seed, lane: *key, place, copy: 0 };
            let Some(first) = taken.pieces.first() else { return };
            let view = FrameView { bytes: &first.bytes, payload_offset: HEADER_BYTES };
            let rule = Arc::clone(&watch.rule);
            match &rule.fault {
                Fault::Cut(mode) if !rule.fault.acts_on_connections(&rule.guard) => {
                    let is_chosen = watch.chooses(asked, view);
                    if is_chosen && *mode == CutMode::Drop {
                        lose(taken, scribe, now, place, rule.id, Decision::Cut);
                    } else if is_chosen {
                        taken.aside = Some(rule.id);
                        scribe.note(now, (place, 0), Some(rule.id), Decision::Aside);
                    }
                }
                Fault::Reset(ResetAfter::Frames(frames)) => {
                    if watch.matches(view) && watch.seen == *frames {
                        taken.is_last = true;
                        scribe.note(now, (place, 0), Some(rule.id), Decision::ResetBehind);
                    }
                }
                Fault::Drop(_) => {
                    if watch.chooses(asked, view) {
                        lose(taken, scribe, now, place, rule.id, Decision::Drop);
                    }
                }
                Fault::Duplicate(Duplicate { copies, gap }) => {
                    if watch.chooses(asked, view) {
                        duplicate(taken, *copies, *gap);
                        let decision = Decision::Dup { copies: *copies, gap_ns: nanos(*gap) };
                        scribe.note(now, (place, 0), Some(rule.id), decision);
                    }
                }
                Fault::Replay { back } => {
                    if watch.chooses(asked, view) && replay(taken, history, *back) {
                        let back = u64::try_from(*back).unwrap_or(u64::MAX);
                        scribe.note(now, (place, 0), Some(rule.id), Decision::Replay { back });
                    }
                }
                Fault::Corrupt(corrupt) => corrupt_pieces(taken, watch, scribe, asked, *corrupt, now),
                Fault::Cut(_) | Fault::Reset(_) | Fault::BlackHole { .. } => {}
                Fault::Delay(_)
                | Fault::Reorder(_)
                | Fault::Rate(_)
                | Fault::Slice(_)
                | Fault::Limit { .. }
                | Fault::SlowClose { .. }
                | Fault::Noop => return,
            }
        }
    }

    /// Decides as it was decided before.
    fn repeat(&mut self, record: &LaneRecord, place: Place, taken: &mut Taken, now: Instant) {
        for known in record.at(place) {
            match &known.decision {
                Decision::Cut | Decision::Drop => taken.pieces.clear(),
                Decision::Aside => taken.aside = known.rule,
                Decision::ResetBehind => taken.is_last = true,
                Decision::Dup { copies, gap_ns } => {
                    duplicate(taken, *copies, Duration::from_nanos(*gap_ns));
                }
                Decision::Replay { back } => {
                    replay(taken, &self.history, usize::try_from(*back).unwrap_or(usize::MAX));
                }
                Decision::Flip { bits } => damage_copy(taken, known.copy, |bytes| flipped(bytes, bits)),
                Decision::Truncate { bytes } => {
                    let bytes = usize::try_from(*bytes).unwrap_or(usize::MAX);
                    damage_copy(taken, known.copy, |frame| truncated(frame, bytes));
                }
                // These are asked for later, or are no decisions about a frame.
                Decision::Delay { .. }
                | Decision::Reorder { .. }
                | Decision::Damage { .. }
                | Decision::Reset
                | Decision::BlackHole
                | Decision::Close
                | Decision::Limit { .. }
                | Decision::SlowClose { .. }
                | Decision::Inject { .. } => continue,
            }
            self.scribe.note(now, (place, known.copy), known.rule, known.decision.clone());
        }
    }

    fn repeat_raw(&mut self, record: &LaneRecord, offset: u64, bytes: Bytes, now: Instant) -> Option<Bytes> {
        let end = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let mut damaged = bytes::BytesMut::from(&bytes[..]);
        for (place, known) in record.between(Place::Offset(offset), Place::Offset(end)) {
            let Place::Offset(at) = place else { continue };
            match known.decision {
                Decision::Drop if at == offset => {
                    self.scribe.note(now, (place, 0), known.rule, Decision::Drop);
                    return None;
                }
                Decision::Damage { xor } => {
                    let at = usize::try_from(at - offset).unwrap_or(usize::MAX);
                    damaged.get_mut(at).into_iter().for_each(|byte| *byte ^= xor);
                    self.scribe.note(now, (place, 0), known.rule, Decision::Damage { xor });
                }
                _ => {}
            }
        }
        Some(damaged.freeze())
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
    fn view(self) -> FrameView<'a> {
        let payload_offset = match self.place {
            Place::Frame(_) => HEADER_BYTES,
            Place::Offset(_) => 0,
        };
        FrameView { bytes: self.bytes, payload_offset }
    }
}

fn lose(
    taken: &mut Taken,
    scribe: &mut Scribe,
    now: Instant,
    place: Place,
    rule: RuleId,
    decision: Decision,
) {
    taken.pieces.clear();
    scribe.note(now, (place, 0), Some(rule), decision);
}

/// Adds copies of the frame, each `gap` later than the one before.
fn duplicate(taken: &mut Taken, copies: u32, gap: Duration) {
    let Some(bytes) = taken.pieces.first().map(|piece| piece.bytes.clone()) else { return };
    for number in 1..=copies {
        let Some(copy) = next_copy(taken) else { return };
        taken.pieces.push(Piece { copy, after: gap.saturating_mul(number), bytes: bytes.clone() });
    }
}

/// Adds an earlier frame behind this one. False if it is not known any more, or there is no room for it.
fn replay(taken: &mut Taken, history: &History, back: usize) -> bool {
    let Some((copy, bytes)) = next_copy(taken).zip(history.back(back)) else { return false };
    taken.pieces.push(Piece { copy, after: Duration::ZERO, bytes: bytes.clone() });
    true
}

fn next_copy(taken: &Taken) -> Option<u32> {
    let copy = u32::try_from(taken.pieces.len()).ok()?;
    (copy > 0 && copy <= COPIES_MAX).then_some(copy)
}

fn damage_copy(taken: &mut Taken, copy: u32, change: impl Fn(&Bytes) -> Bytes) {
    for piece in taken.pieces.iter_mut().filter(|piece| piece.copy == copy) {
        piece.bytes = change(&piece.bytes);
    }
}

/// Damages the frame and its copies, each by its own dice.
fn corrupt_pieces(
    taken: &mut Taken,
    watch: &mut Watch,
    scribe: &mut Scribe,
    asked: Asked,
    corrupt: Corrupt,
    now: Instant,
) {
    let rule = watch.rule.id;
    for piece in &mut taken.pieces {
        let asked = Asked { copy: piece.copy, ..asked };
        if matches!(corrupt, Corrupt::PerByte { .. })
            || !watch.chooses(asked, FrameView { bytes: &piece.bytes, payload_offset: HEADER_BYTES })
        {
            continue;
        }
        let decision = match corrupt {
            Corrupt::Bits { bits, target } => {
                let bits = bits_to_flip(asked.of(&watch.rule), bits, target, piece.bytes.len());
                if bits.is_empty() {
                    continue;
                }
                piece.bytes = flipped(&piece.bytes, &bits);
                Decision::Flip { bits }
            }
            Corrupt::Truncate { bytes } => {
                piece.bytes = truncated(&piece.bytes, bytes);
                Decision::Truncate { bytes: u64::try_from(bytes).unwrap_or(u64::MAX) }
            }
            Corrupt::PerByte { .. } => continue,
        };
        scribe.note(now, (asked.place, asked.copy), Some(rule), decision);
    }
}

/// Damages the bytes whose turn has come on a lane without frames.
fn damaged(
    watch: &mut Watch,
    scribe: &mut Scribe,
    asked: Asked,
    probability: f64,
    bytes: Bytes,
    now: Instant,
) -> Bytes {
    let Place::Offset(offset) = asked.place else { return bytes };
    let end = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    let question = |at| Asked { place: Place::Offset(at), ..asked }.of(&watch.rule);
    let mut at = watch.next_damage.unwrap_or_else(|| {
        // A key of its own, or the first distance would be the second one too when it is zero.
        next_damage(question(offset | FIRST_GAP), probability, offset, true)
    });
    let mut changed = None;
    while at < end {
        let xor = damage(question(at));
        let index = usize::try_from(at - offset).unwrap_or(usize::MAX);
        let copy = changed.get_or_insert_with(|| bytes::BytesMut::from(&bytes[..]));
        copy.get_mut(index).into_iter().for_each(|byte| *byte ^= xor);
        scribe.note(now, (Place::Offset(at), 0), Some(watch.rule.id), Decision::Damage { xor });
        at = next_damage(question(at), probability, at, false);
    }
    watch.next_damage = Some(at);
    changed.map_or(bytes, bytes::BytesMut::freeze)
}

fn recorded_delay(
    record: &LaneRecord,
    piece: Spot<'_>,
    delays: &mut Delays,
    scribe: &mut Scribe,
    now: Instant,
) -> Duration {
    if delays.is_empty() {
        for known in record.at(piece.place).iter().filter(|known| known.copy == piece.copy) {
            let Decision::Delay { ns } = known.decision else { continue };
            delays.push(((known.rule.unwrap_or(RuleId(0)), 0), Duration::from_nanos(ns)));
            scribe.note(now, (piece.place, piece.copy), known.rule, known.decision.clone());
        }
        // A mark that this frame has been looked up.
        delays.push(((RuleId(0), u64::MAX), Duration::ZERO));
    }
    delays.iter().map(|(_, by)| *by).sum()
}
