//! From bytes that were read to frames that were decided about.
//!
//! Frames are taken one after the other, and taking stops at once when there is no room, when the journal has none,
//! when a trigger is met, or behind the last frame of a connection that is to be aborted. What was read and not taken
//! stays where it is, nothing more is read, and the end of the source waits behind it.

use bytes::Bytes;
use tokio::time::Instant;

use super::{Desync, End, Lane, Sink, Source};
use crate::fault::{Piece, Place};
use crate::journal::Decision;
use crate::rule::{CutMode, TriggerId};
use crate::schedule::{Body, Item, Terms};

/// How far a lane has come with what was read.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// Bytes taken so far.
    offset: u64,
    /// When the last read came. What has not been taken came with it.
    read_at: Option<Instant>,
    /// Taking was stopped.
    is_gated: bool,
    /// The end that waits behind what has not been taken.
    end: Option<(End, Instant)>,
    /// Where to stop.
    trigger: Option<(TriggerId, u64)>,
}

impl Intake {
    pub(super) fn is_gated(&self) -> bool {
        self.is_gated
    }

    /// Nothing will be taken any more.
    pub(super) fn forget(&mut self) {
        (self.is_gated, self.end) = (false, None);
    }

    pub(super) fn on_read(&mut self, now: Instant) {
        self.read_at = Some(now);
    }

    pub(super) fn trigger(&self) -> Option<(TriggerId, u64)> {
        self.trigger
    }

    pub(super) fn set_trigger(&mut self, trigger: Option<(TriggerId, u64)>) {
        self.trigger = trigger;
    }
}

impl Lane {
    /// The trigger that this lane has met: everything before it has gone out, and nothing behind it has.
    pub(crate) fn fired(&self) -> Option<TriggerId> {
        let (id, frame) = self.intake.trigger?;
        let is_met = self.cutter.next_index() == frame && self.is_open();
        (is_met && self.ready_bytes() == 0 && self.schedule.frames() == 0).then_some(id)
    }

    pub(super) fn on_end(&mut self, end: End, now: Instant) {
        self.source = Source::Ended(end);
        if self.sink == Sink::Dead || self.fate.is_closing() {
            return;
        }
        if self.intake.is_gated {
            self.intake.end = Some((end, now));
        } else {
            self.take_end(end, now);
        }
        self.publish();
    }

    /// Takes what was read apart, and puts it where the rules want it.
    pub(super) fn take_in(&mut self, now: Instant, terms: Terms<'_>) -> Option<Desync> {
        if self.sink == Sink::Dead || self.fate.is_closing() {
            self.intake.forget();
            self.cutter.clear();
            return None;
        }
        let mut desync = None;
        while self.may_take() {
            if let Some(claimed) = self.cutter.check_sync() {
                self.gauge.meter().desyncs.add(1);
                desync = Some(Desync { claimed: Some(claimed) });
            }
            let has_moved = if self.is_untouched() { self.pass_run() } else { self.take_one(now, terms) };
            if !has_moved {
                self.intake.is_gated = false;
                if let Some((end, at)) = self.intake.end.take() {
                    self.take_end(end, at);
                }
                return desync;
            }
        }
        self.intake.is_gated = true;
        desync
    }

    fn may_take(&self) -> bool {
        let is_met = self.intake.trigger.is_some_and(|(_, frame)| self.cutter.next_index() >= frame);
        let has_room = self.schedule.cost() < self.hold_bytes || self.is_untouched();
        has_room && !is_met && !self.fate.is_last_taken() && !self.decider.scribe.is_full()
    }

    /// Whether frames may pass in one run, unseen.
    fn is_untouched(&self) -> bool {
        let is_plain = !self.decider.standing().looks_at_frames && self.intake.trigger.is_none();
        is_plain && self.is_in_pass_gear()
    }

    /// All whole frames at once, untouched.
    fn pass_run(&mut self) -> bool {
        let before = self.cutter.run().len();
        let has_moved = self.cutter.extend_run();
        self.count_taken(self.cutter.run().len() - before);
        has_moved
    }

    fn take_one(&mut self, now: Instant, terms: Terms<'_>) -> bool {
        self.spill_run();
        let Some((index, body)) = self.cutter.take_one() else { return false };
        let offset = self.intake.offset;
        match body {
            Body::Frame(bytes) => {
                self.count_taken(bytes.len());
                self.take_frame(index, bytes, now, terms);
            }
            Body::Raw(bytes) => {
                self.count_taken(bytes.len());
                self.take_raw(offset, bytes, now);
            }
        }
        true
    }

    fn take_frame(&mut self, index: u64, bytes: Bytes, now: Instant, terms: Terms<'_>) {
        let standing = self.decider.standing();
        // What was sent before the connection even exists was never on the wire, so it cannot be lost there.
        if let Some((rule, CutMode::Drop)) = standing.cut
            && terms.is_connected
        {
            self.decider.scribe.note(now, (Place::Frame(index), 0), Some(rule), Decision::Cut);
            return self.gauge.meter().dropped.add(1);
        }
        if standing.swallows {
            return self.gauge.meter().dropped.add(1);
        }
        let arrived = self.intake.read_at.unwrap_or(now);
        let taken = self.decider.take_frame(index, bytes, now);
        let pieces = u64::try_from(taken.pieces.len()).unwrap_or(u64::MAX);
        self.gauge.meter().dropped.add(u64::from(pieces == 0));
        self.gauge.meter().duplicated.add(pieces.saturating_sub(1));
        self.count_damaged();
        for Piece { copy, after, bytes } in taken.pieces {
            let item = Item::new(arrived + after, Place::Frame(index), copy, bytes, true);
            match taken.aside {
                Some(rule) => self.schedule.push_aside(item, rule),
                None if after.is_zero() => self.schedule.push(item),
                None => self.schedule.push_echo(item),
            }
        }
        if taken.is_last {
            self.fate.on_last_taken();
        }
    }

    fn take_raw(&mut self, offset: u64, bytes: Bytes, now: Instant) {
        let passed =
            if self.decider.standing().swallows { None } else { self.decider.take_raw(offset, bytes, now) };
        self.count_damaged();
        match passed {
            Some(bytes) => self.push_raw(offset, bytes, self.intake.read_at.unwrap_or(now)),
            None => self.gauge.meter().dropped.add(1),
        }
    }

    fn count_damaged(&mut self) {
        let damaged = self.decider.scribe.take_damaged();
        self.gauge.meter().corrupted.add(damaged);
    }

    fn push_raw(&mut self, offset: u64, bytes: Bytes, arrived: Instant) {
        self.schedule.push(Item::new(arrived, Place::Offset(offset), 0, bytes, false));
    }

    fn take_end(&mut self, end: End, now: Instant) {
        self.spill_run();
        if let Some((_, bytes)) = self.cutter.take_rest()
            && !self.decider.standing().swallows
        {
            self.push_raw(self.intake.offset, bytes, now);
        }
        self.schedule.push_end(end, now);
    }

    fn count_taken(&mut self, bytes: usize) {
        self.intake.offset += u64::try_from(bytes).unwrap_or(u64::MAX);
        let taken = if self.cutter.is_framed() { self.cutter.next_index() } else { self.intake.offset };
        self.decider.scribe.lane.set_taken(taken);
    }
}
