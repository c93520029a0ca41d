//! One direction of one connection: bytes in, frames through the rules, bytes out.
//!
//! The lane is told what was read and asked what to write; it owns no socket and reads no clock. It is the
//! place that bounds memory: [`Lane::appetite`] says how much may be read, and nothing at all is read when
//! the lane is full, so the sender's own TCP holds it back. Nothing is ever shed.
//!
//! What the source says last, FIN or RST, travels behind its bytes and waits where they wait.

mod buffer;
mod cutter;
mod outbox;

pub(crate) use outbox::{Outbox, WRITE_SLICES_MAX};

use std::io::IoSlice;
use std::sync::Arc;

use tokio::time::Instant;

use crate::meter::{FlowMeter, LaneGauge};
use crate::pool::BLOCK_BYTES;
use crate::rule::CutMode;
use crate::rule::decision::LaneKey;
use crate::schedule::{ADVANCE_ITEMS_MAX, Body, Item, Schedule, Terms};
use crate::topology::{Framing, Settings};
use cutter::Cutter;

/// Fewest bytes asked of one read. Without it the last few bytes of room would be read one at a time while a
/// large frame comes in.
const READ_BYTES_MIN: usize = 4 << 10;

/// Most bytes an open lane without a delay keeps while its reader is slow: one block. More would only hide the
/// reader's slowness from the sender. One frame may come on top: whole frames go in while there is room at all.
const PASS_BYTES_MAX: usize = BLOCK_BYTES;

/// How a direction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// No more bytes; the other direction may go on.
    Fin,
    /// The connection was aborted.
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Open,
    /// Writing to this peer failed, so the end that will be read is an abort, whatever it looks like.
    Failing,
    Ended(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sink {
    Open,
    /// FIN was sent.
    Finished,
    /// Cannot be written to any more: what comes is thrown away.
    Dead,
}

/// A length no frame has: from here on the lane is raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Desync {
    /// The length that four bytes claimed.
    pub(crate) claimed: u32,
}

/// One direction of one connection.
#[derive(Debug)]
pub(crate) struct Lane {
    cutter: Cutter,
    schedule: Schedule,
    outbox: Outbox,
    source: Source,
    sink: Sink,
    hold_bytes: usize,
    gauge: LaneGauge,
}

impl Lane {
    pub(crate) fn new(key: LaneKey, framing: Framing, settings: Settings, meter: Arc<FlowMeter>) -> Self {
        Self {
            cutter: Cutter::new(framing, settings.frame_bytes_max),
            schedule: Schedule::new(key),
            outbox: Outbox::default(),
            source: Source::Open,
            sink: Sink::Open,
            hold_bytes: settings.hold_bytes,
            gauge: LaneGauge::new(meter),
        }
    }

    /// Bytes to read now; 0 means: do not read. The bound may be passed by one small read and one frame.
    pub(crate) fn appetite(&self, terms: Terms<'_>) -> usize {
        let has_room = self.cutter.has_room() || !terms.policy.is_plain();
        if matches!(self.source, Source::Ended(_)) || !has_room {
            return 0;
        }
        let limit = match terms.policy.cut {
            Some(CutMode::Hold | CutMode::Drop | CutMode::Reset | CutMode::Refuse | CutMode::SynDrop) => {
                self.hold_bytes
            }
            Some(CutMode::Stall) => 0,
            None if terms.policy.is_shaped() => self.hold_bytes,
            // What waits must be out before frames can pass untouched again.
            None if !self.is_in_pass_gear() => 0,
            None => PASS_BYTES_MAX,
        };
        let room = limit.saturating_sub(self.schedule.cost() + self.outbox.bytes() + self.cutter.run().len());
        if room == 0 { 0 } else { room.clamp(READ_BYTES_MIN, BLOCK_BYTES) }
    }

    /// Room for the next read, of at most `bytes` bytes.
    pub(crate) fn read_buffer(&mut self, bytes: usize) -> &mut [u8] {
        self.cutter.room(bytes)
    }

    /// The source brought `bytes` bytes; none means that it ended.
    pub(crate) fn handle_read(&mut self, bytes: usize, now: Instant, terms: Terms<'_>) -> Option<Desync> {
        if bytes == 0 {
            self.handle_fin(now);
            return None;
        }
        self.gauge.meter().received.add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.cutter.fill(bytes);
        self.cut(now, terms)
    }

    /// The source said its last word.
    pub(crate) fn handle_fin(&mut self, now: Instant) {
        let end = if self.source == Source::Failing { End::Reset } else { End::Fin };
        self.on_end(end, now);
    }

    /// Reading failed: the source aborted.
    pub(crate) fn handle_read_failure(&mut self, now: Instant) {
        self.on_end(End::Reset, now);
    }

    /// There will never be a sink: the dial failed.
    pub(crate) fn on_refused(&mut self) {
        self.gauge.meter().refused.add(1);
        self.on_sink_dead();
    }

    /// Writing *to the source* failed. What it has sent before may still be readable; its end is an abort.
    pub(crate) fn on_source_failed(&mut self, now: Instant) {
        match self.source {
            Source::Open => self.source = Source::Failing,
            // It said FIN and then refused our bytes: that is an abort after all.
            Source::Ended(End::Fin) => self.on_end(End::Reset, now),
            Source::Failing | Source::Ended(End::Reset) => {}
        }
    }

    /// Nothing can be written any more. The source is read on, so that its end is noticed.
    pub(crate) fn on_sink_dead(&mut self) {
        self.sink = Sink::Dead;
        self.cutter.clear();
        self.schedule.clear();
        self.outbox.clear();
        self.publish();
    }

    /// Moves on what the rules let out by now. A clock that nobody needs is not read. Returns whether that was cut short, to be called again soon.
    pub(crate) fn advance(&mut self, clock: impl FnOnce() -> Instant, terms: Terms<'_>) -> bool {
        if !terms.policy.is_open() || self.schedule.is_empty() {
            return false;
        }
        let advanced = self.schedule.advance(clock(), terms, &mut self.outbox);
        self.gauge.meter().delayed.add(advanced.delayed);
        self.gauge.meter().reordered.add(advanced.reordered);
        advanced.items == ADVANCE_ITEMS_MAX
    }

    /// When time alone lets something out.
    pub(crate) fn next_deadline(&self, terms: Terms<'_>) -> Option<Instant> {
        // With a full outbox only a write can help, and asking for the time would spin.
        let can_advance = terms.policy.is_open() && self.outbox.has_room();
        if can_advance { self.schedule.next_deadline(terms) } else { None }
    }

    /// Whether there are bytes to write now. Nothing at all crosses a cut, not even the rest of a frame.
    pub(crate) fn wants_write(&self, terms: Terms<'_>) -> bool {
        self.may_write(terms) && (self.outbox.bytes() > 0 || !self.run().is_empty())
    }

    /// The frames that pass untouched. They go out before anything else.
    pub(crate) fn run(&self) -> &[u8] {
        self.cutter.run()
    }

    /// The next bytes to write if there is no run. Returns how many slices were filled.
    pub(crate) fn write_slices<'a>(&'a self, slices: &mut [IoSlice<'a>; WRITE_SLICES_MAX]) -> usize {
        self.outbox.slices(slices)
    }

    /// This many bytes were written.
    pub(crate) fn handle_written(&mut self, bytes: usize) {
        let is_run = !self.run().is_empty();
        let frames = if is_run { self.cutter.consume_run(bytes) } else { self.outbox.consume(bytes) };
        self.gauge.meter().frames.add(frames);
        self.gauge.meter().bytes.add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The end to pass on now, if all bytes before it are written.
    pub(crate) fn due_end(&self, terms: Terms<'_>) -> Option<End> {
        if self.may_write(terms) && self.run().is_empty() { self.outbox.due_end() } else { None }
    }

    /// FIN was passed on.
    pub(crate) fn on_fin_sent(&mut self) {
        self.outbox.end_sent();
        self.sink = Sink::Finished;
    }

    /// Whether the source has left and nothing that it said is left to deliver. An abort takes its bytes along.
    pub(crate) fn is_abandoned(&self) -> bool {
        match self.source {
            Source::Ended(End::Reset) => true,
            Source::Ended(End::Fin) => self.waiting_bytes() == 0,
            Source::Open | Source::Failing => false,
        }
    }

    pub(crate) fn has_source_ended(&self) -> bool {
        matches!(self.source, Source::Ended(_))
    }

    /// Whether nothing can happen on this lane any more.
    pub(crate) fn is_finished(&self) -> bool {
        match self.sink {
            Sink::Open => false,
            Sink::Finished => self.outbox.due_end().is_none() && self.schedule.is_empty(),
            Sink::Dead => self.has_source_ended(),
        }
    }

    /// Gives the read buffer back; called when the lane goes idle.
    pub(crate) fn rest(&mut self) {
        self.cutter.rest();
    }

    /// Tells the flow's meter what the lane holds now.
    pub(crate) fn publish(&mut self) {
        let frames = self.cutter.run_frames() + self.schedule.frames() + self.outbox.frames();
        self.gauge.set(frames, u64::try_from(self.waiting_bytes()).unwrap_or(u64::MAX));
    }

    fn waiting_bytes(&self) -> usize {
        self.cutter.run().len() + self.schedule.bytes() + self.outbox.bytes()
    }

    /// Whether nothing waits that was cut out, so that frames can be written from where they were read to.
    fn is_in_pass_gear(&self) -> bool {
        self.schedule.is_empty() && self.outbox.bytes() == 0
    }

    fn may_write(&self, terms: Terms<'_>) -> bool {
        terms.policy.is_open() && terms.is_connected && self.sink != Sink::Dead
    }

    fn on_end(&mut self, end: End, now: Instant) {
        self.source = Source::Ended(end);
        if self.sink == Sink::Dead {
            return;
        }
        self.spill_run();
        if let Some((index, bytes)) = self.cutter.take_rest() {
            self.schedule.push(Item { arrived: now, index, body: Body::Raw(bytes) });
        }
        let index = self.cutter.next_index();
        self.schedule.push(Item { arrived: now, index, body: Body::End(end) });
        self.publish();
    }

    /// Takes what was read apart, and puts it where the rules want it.
    fn cut(&mut self, now: Instant, terms: Terms<'_>) -> Option<Desync> {
        if self.sink == Sink::Dead {
            self.cutter.clear();
            return None;
        }
        let mut desync = None;
        loop {
            if let Some(claimed) = self.cutter.check_sync() {
                self.gauge.meter().desyncs.add(1);
                desync = Some(Desync { claimed });
            }
            let has_moved = if terms.policy.is_plain() && self.is_in_pass_gear() {
                self.cutter.extend_run()
            } else {
                self.spill_run();
                self.take_one(now, terms)
            };
            if !has_moved {
                return desync;
            }
        }
    }

    /// Leaves the pass gear: the run goes to the outbox, where whatever comes later lines up behind it.
    fn spill_run(&mut self) {
        if let Some((bytes, frames)) = self.cutter.take_run() {
            self.outbox.push(bytes, frames);
        }
    }

    fn take_one(&mut self, now: Instant, terms: Terms<'_>) -> bool {
        let Some((index, body)) = self.cutter.take_one() else { return false };
        // What was sent before the connection even exists was never on the wire, so it cannot be lost there.
        let is_dropped = terms.policy.cut == Some(CutMode::Drop) && terms.is_connected;
        if is_dropped && matches!(body, Body::Frame(_)) {
            self.gauge.meter().dropped.add(1);
        } else {
            self.schedule.push(Item { arrived: now, index, body });
        }
        true
    }
}

#[cfg(test)]
mod tests;
