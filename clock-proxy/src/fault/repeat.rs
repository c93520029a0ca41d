//! What was decided in an earlier run, decided again.
//!
//! Nothing is drawn here. What no record names passes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::corrupt::{flipped, truncated};
use super::taking::{Taken, duplicate, replay};
use super::{Decider, Delays, Place, Spot};
use crate::journal::{Decision, LaneRecord, Scribe};
use crate::rule::RuleId;

impl Decider {
    /// Decides as it was decided before.
    pub(super) fn repeat(&mut self, record: &LaneRecord, place: Place, taken: &mut Taken, now: Instant) {
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
                    damage_copy(taken, known.copy, |frame| truncated(self.framing, frame, bytes));
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

    pub(super) fn repeat_raw(
        &mut self,
        record: &LaneRecord,
        offset: u64,
        bytes: &Bytes,
        now: Instant,
    ) -> Option<Bytes> {
        let end = offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let mut damaged = BytesMut::from(&bytes[..]);
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

fn damage_copy(taken: &mut Taken, copy: u32, change: impl Fn(&Bytes) -> Bytes) {
    for piece in taken.pieces.iter_mut().filter(|piece| piece.copy == copy) {
        piece.bytes = change(&piece.bytes);
    }
}

/// The delays that were recorded for a frame.
pub(super) fn recorded_delay(
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
