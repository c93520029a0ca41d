//! What becomes of a frame that came in: everything up to the damage.
//!
//! Every rule is asked in its turn about the frame as the rules before it have left it. A copy is a frame of its own for
//! the rules behind the one that made it, with its own dice.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::corrupt::{bits_to_flip, damage, flipped, next_damage, truncated};
use super::history::History;
use super::watch::{Asked, Watch};
use super::{Decider, Place};
use crate::frame::Framing;
use crate::journal::{Decision, Scribe, nanos};
use crate::rule::{Corrupt, CutMode, Duplicate, Fault, FrameView, Kind, ResetAfter, RuleId};

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

impl Decider {
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
            return self.repeat_raw(&record, offset, &bytes, now);
        }
        let mut bytes = bytes;
        for watch in &mut self.watches {
            let view = FrameView { bytes: &bytes, payload_offset: 0 };
            if matches!(watch.rule.fault, Fault::Drop(_)) && watch.chooses(asked, view) {
                self.scribe.note(now, (place, 0), Some(watch.rule.id), Decision::Drop);
                return None;
            }
            if let Fault::Corrupt(Corrupt::PerByte { probability }) = watch.rule.fault
                && watch.is_meant
            {
                bytes = damaged(watch, &mut self.scribe, asked, probability, bytes, now);
            }
        }
        Some(bytes)
    }

    /// Asks all rules up to the damage.
    fn decide(&mut self, place: Place, taken: &mut Taken, now: Instant) {
        let Self { watches, scribe, history, seed, key, framing, .. } = self;
        for watch in watches.iter_mut().take_while(|watch| watch.rule.fault.kind() < Kind::Delay) {
            let asked = Asked { seed: *seed, lane: *key, place, copy: 0 };
            let Some(first) = taken.pieces.first() else { return };
            let view = FrameView { bytes: &first.bytes, payload_offset: framing.header_bytes() };
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
                Fault::Corrupt(corrupt) => {
                    corrupt_pieces(taken, watch, scribe, (asked, *framing), *corrupt, now);
                }
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
pub(super) fn duplicate(taken: &mut Taken, copies: u32, gap: Duration) {
    let Some(bytes) = taken.pieces.first().map(|piece| piece.bytes.clone()) else { return };
    for number in 1..=copies {
        let Some(copy) = next_copy(taken) else { return };
        taken.pieces.push(Piece { copy, after: gap.saturating_mul(number), bytes: bytes.clone() });
    }
}

/// Adds an earlier frame behind this one. False if it is not known any more, or there is no room for it.
pub(super) fn replay(taken: &mut Taken, history: &History, back: usize) -> bool {
    let Some((copy, bytes)) = next_copy(taken).zip(history.back(back)) else { return false };
    taken.pieces.push(Piece { copy, after: Duration::ZERO, bytes: bytes.clone() });
    true
}

fn next_copy(taken: &Taken) -> Option<u32> {
    let copy = u32::try_from(taken.pieces.len()).ok()?;
    (copy > 0 && copy <= COPIES_MAX).then_some(copy)
}

/// Damages the frame and its copies, each by its own dice.
fn corrupt_pieces(
    taken: &mut Taken,
    watch: &mut Watch,
    scribe: &mut Scribe,
    (asked, framing): (Asked, Framing),
    corrupt: Corrupt,
    now: Instant,
) {
    let rule = watch.rule.id;
    for piece in &mut taken.pieces {
        let asked = Asked { copy: piece.copy, ..asked };
        if matches!(corrupt, Corrupt::PerByte { .. })
            || !watch
                .chooses(asked, FrameView { bytes: &piece.bytes, payload_offset: framing.header_bytes() })
        {
            continue;
        }
        let decision = match corrupt {
            Corrupt::Bits { bits, target } => {
                let bits = {
                    let (header, all) = (framing.header_bytes(), piece.bytes.len());
                    bits_to_flip(asked.of(&watch.rule), bits, target, header, all)
                };
                if bits.is_empty() {
                    continue;
                }
                piece.bytes = flipped(&piece.bytes, &bits);
                Decision::Flip { bits }
            }
            Corrupt::Truncate { bytes } => {
                piece.bytes = truncated(framing, &piece.bytes, bytes);
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
        let copy = changed.get_or_insert_with(|| BytesMut::from(&bytes[..]));
        copy.get_mut(index).into_iter().for_each(|byte| *byte ^= xor);
        scribe.note(now, (Place::Offset(at), 0), Some(watch.rule.id), Decision::Damage { xor });
        at = next_damage(question(at), probability, at, false);
    }
    watch.next_damage = Some(at);
    changed.map_or(bytes, BytesMut::freeze)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::tests::{course, rule};
    use crate::journal::LaneName;
    use crate::rule::{Guard, Loss, Policy, Rule, Target};

    fn decider(rules: Vec<Arc<Rule>>) -> Decider {
        let scribe = Scribe::new(Arc::new(LaneName::new("a->b", "a->b", 0)));
        let mut decider = Decider::new(course().lane, 0, scribe, None).with_history(1000);
        decider.sync(&Policy { epoch: 1, rules, ..Policy::default() }, 42, Instant::now());
        decider
    }

    fn p(probability: f64) -> Guard {
        Guard { probability, ..Guard::default() }
    }

    fn frame(number: u64) -> Bytes {
        [&8_u32.to_be_bytes()[..], &number.to_be_bytes()].concat().into()
    }

    /// The journal of so many frames, without what is the same in every line.
    fn journal(decider: &mut Decider, frames: u64) -> Vec<String> {
        let now = Instant::now();
        (0..frames).for_each(|number| drop(decider.take_frame(number, frame(number), now)));
        let lines = decider.scribe.take().into_iter().map(|event| event.canonical().to_json());
        lines.map(|line| line.replace(r#""flow":"a->b","conn":"a->b#0","#, "")).collect()
    }

    /// A change here changes the meaning of every seed that anyone has written down.
    #[test]
    fn the_same_seed_decides_the_same_in_every_build() {
        let flip = Fault::Corrupt(Corrupt::Bits { bits: 2, target: Target::Payload });
        let rules = vec![
            rule(1, Fault::Drop(Loss::Independent { correlation: 0.5 }), p(0.2)),
            rule(2, Fault::Duplicate(Duplicate { copies: 1, gap: Duration::ZERO }), p(0.4)),
            rule(3, flip, p(0.3)),
        ];
        assert_eq!(journal(&mut decider(rules), 14), GOLDEN);
    }

    const GOLDEN: [&str; 13] = [
        r#"{"frame":0,"rule":1,"action":"drop"}"#,
        r#"{"frame":1,"rule":1,"action":"drop"}"#,
        r#"{"frame":2,"rule":1,"action":"drop"}"#,
        r#"{"frame":4,"rule":2,"action":"dup","params":{"copies":1,"gap_ns":0}}"#,
        r#"{"frame":5,"rule":1,"action":"drop"}"#,
        r#"{"frame":6,"rule":2,"action":"dup","params":{"copies":1,"gap_ns":0}}"#,
        r#"{"frame":8,"rule":2,"action":"dup","params":{"copies":1,"gap_ns":0}}"#,
        r#"{"frame":8,"copy":1,"rule":3,"action":"flip","params":{"bits":[57,86]}}"#,
        r#"{"frame":9,"rule":2,"action":"dup","params":{"copies":1,"gap_ns":0}}"#,
        r#"{"frame":9,"copy":1,"rule":3,"action":"flip","params":{"bits":[81,85]}}"#,
        r#"{"frame":11,"rule":3,"action":"flip","params":{"bits":[35,93]}}"#,
        r#"{"frame":13,"rule":2,"action":"dup","params":{"copies":1,"gap_ns":0}}"#,
        r#"{"frame":13,"rule":3,"action":"flip","params":{"bits":[39,69]}}"#,
    ];

    #[test]
    fn a_lost_frame_is_seen_by_no_later_rule() {
        let first = Guard { count: Some(1), ..Guard::default() };
        let rules = vec![
            rule(1, Fault::Drop(Loss::Independent { correlation: 0.0 }), first.clone()),
            rule(2, Fault::Duplicate(Duplicate { copies: 1, gap: Duration::ZERO }), first),
        ];
        assert_eq!(journal(&mut decider(rules), 3).len(), 2);
    }

    /// Disproved by copies that are damaged in the same places.
    #[test]
    fn each_copy_throws_its_own_dice() {
        let flip = Fault::Corrupt(Corrupt::Bits { bits: 3, target: Target::Payload });
        let dup = Fault::Duplicate(Duplicate { copies: 3, gap: Duration::from_millis(5) });
        let mut decider = decider(vec![rule(1, dup, p(1.0)), rule(2, flip, p(1.0))]);
        let pieces = decider.take_frame(0, frame(0), Instant::now()).pieces;
        assert_eq!(pieces.iter().map(|piece| piece.after.as_millis()).collect::<Vec<_>>(), [0, 5, 10, 15]);
        for (at, one) in pieces.iter().enumerate() {
            assert!(pieces[at + 1..].iter().all(|other| one.bytes != other.bytes));
        }
    }

    #[test]
    fn no_rule_makes_more_copies_than_there_may_be() {
        let dup =
            |id| rule(id, Fault::Duplicate(Duplicate { copies: 100, gap: Duration::ZERO }), Guard::default());
        let taken = decider(vec![dup(1), dup(2)]).take_frame(0, frame(0), Instant::now());
        assert_eq!(taken.pieces.len(), usize::try_from(COPIES_MAX).unwrap() + 1);
    }

    /// Disproved by a raw stream that is damaged elsewhere when it comes in other pieces.
    #[test]
    fn damage_per_byte_does_not_see_the_pieces() {
        let damaged = |piece: usize| {
            let fault = Fault::Corrupt(Corrupt::PerByte { probability: 0.02 });
            let mut decider = decider(vec![rule(1, fault, Guard::default())]);
            let (mut offset, mut all) = (0, Vec::new());
            for part in [0; 5000].chunks(piece) {
                let bytes = Bytes::copy_from_slice(part);
                all.extend(decider.take_raw(offset, bytes, Instant::now()).unwrap());
                offset += u64::try_from(part.len()).unwrap();
            }
            all
        };
        let whole = damaged(5000);
        assert!(whole.iter().filter(|byte| **byte != 0).count() > 50);
        assert!([1, 7, 999].into_iter().all(|piece| damaged(piece) == whole));
    }
}
