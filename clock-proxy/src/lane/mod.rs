//! One direction of one connection: bytes in, frames through the rules, bytes out.
//!
//! The lane is told what was read and asked what to write; it owns no socket and reads no clock. It is the
//! place that bounds memory: [`Lane::appetite`] says how much may be read, and nothing at all is read when
//! the lane is full, so the sender's own TCP holds it back. Nothing is ever shed.
//!
//! What the source says last, FIN or RST, travels behind its bytes and waits where they wait.
//!
//! `intake` takes apart what was read and asks the rules about it; `fate` is what becomes of the lane as a whole:
//! gates, limits, closes and aborts.

mod buffer;
mod cutter;
mod fate;
mod intake;
mod outbox;

pub(crate) use fate::Demise;
pub(crate) use outbox::{Outbox, WRITE_SLICES_MAX};

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::fault::{Course, Decider, Gates};
use crate::journal::{LaneName, LaneRecord, Scribe};
use crate::meter::{FlowMeter, LaneGauge};
use crate::pool::BLOCK_BYTES;
use crate::rule::CutMode;
use crate::schedule::{ADVANCE_ITEMS_MAX, Schedule, Terms};
use crate::topology::{Framing, Settings};
use cutter::Cutter;
use fate::Fate;
use intake::Intake;

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

/// What came was no frame: from here on the lane is raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Desync {
    /// The length that was claimed, unless the rest of a frame was waited for in vain.
    pub(crate) claimed: Option<u64>,
}

/// Which lane it is, and what was decided about it before.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) name: Arc<LaneName>,
    pub(crate) course: Course,
    /// The decisions of the run that is replayed.
    pub(crate) record: Option<Arc<LaneRecord>>,
}

/// One direction of one connection.
#[derive(Debug)]
pub(crate) struct Lane {
    cutter: Cutter,
    intake: Intake,
    decider: Decider,
    schedule: Schedule,
    outbox: Outbox,
    gates: Gates,
    fate: Fate,
    source: Source,
    sink: Sink,
    hold_bytes: usize,
    frame_timeout: Option<Duration>,
    /// The number of the frame of which the first half is here, and since when.
    partial: Option<(u64, Instant)>,
    gauge: LaneGauge,
}

impl Lane {
    pub(crate) fn new(
        identity: Identity,
        framing: Framing,
        settings: Settings,
        meter: Arc<FlowMeter>,
    ) -> Self {
        let Identity { name, course, record } = identity;
        let ordinal = name.ordinal;
        let decider = Decider::new(course.lane, ordinal, Scribe::new(name), record);
        Self {
            cutter: Cutter::new(framing, settings.frame_bytes_max),
            intake: Intake::default(),
            // Half of the room, so that the other half is left for what waits.
            decider: decider.with_framing(framing).with_history(settings.hold_bytes / 2),
            schedule: Schedule::default(),
            outbox: Outbox::default(),
            gates: Gates::new(course),
            fate: Fate::default(),
            source: Source::Open,
            sink: Sink::Open,
            hold_bytes: settings.hold_bytes,
            frame_timeout: settings.frame_timeout,
            partial: None,
            gauge: LaneGauge::new(meter),
        }
    }

    /// Bytes to read now; 0 means: do not read. The bound may be passed by one small read and one frame.
    pub(crate) fn appetite(&self) -> usize {
        if matches!(self.source, Source::Ended(_)) {
            return 0;
        }
        if self.fate.is_closing() || self.sink == Sink::Dead {
            return BLOCK_BYTES;
        }
        if self.intake.is_gated() || self.decider.scribe.is_full() {
            return 0;
        }
        let standing = self.decider.standing();
        // What is remembered is no part of what passes: a lane that only passes would stop for good.
        let kept_max = self.hold_bytes.saturating_sub(self.decider.history_bytes());
        let limit = match standing.cut {
            Some((_, CutMode::Stall)) => 0,
            Some((
                _,
                CutMode::Hold | CutMode::Drop | CutMode::Reset | CutMode::Refuse | CutMode::SynDrop,
            )) => kept_max,
            None if standing.keeps_frames => kept_max,
            None if standing.looks_at_frames => PASS_BYTES_MAX,
            // What waits must be out before frames can pass untouched again.
            None if !self.is_in_pass_gear() || !self.cutter.has_room() => 0,
            None => PASS_BYTES_MAX,
        };
        let room = limit.saturating_sub(self.schedule.cost() + self.ready_bytes());
        let read_max = if standing.damages_often { READ_BYTES_MIN } else { BLOCK_BYTES };
        if room == 0 { 0 } else { room.clamp(READ_BYTES_MIN, read_max) }
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
        self.intake.on_read(now);
        let desync = self.take_in(now, terms);
        self.watch_partial(now);
        desync
    }

    /// Gives up waiting for the rest of a frame when its time is up.
    pub(crate) fn expire_partial(
        &mut self,
        clock: impl FnOnce() -> Instant,
        terms: Terms<'_>,
    ) -> Option<Desync> {
        let deadline = self.partial_deadline()?;
        let now = clock();
        if now < deadline {
            return None;
        }
        self.cutter.fall_to_raw();
        self.gauge.meter().desyncs.add(1);
        (self.partial, self.frame_timeout) = (None, None);
        self.take_in(now, terms);
        Some(Desync { claimed: None })
    }

    fn partial_deadline(&self) -> Option<Instant> {
        Some(self.partial?.1 + self.frame_timeout?)
    }

    /// A frame is half for as long as its first half is there, however often more of it comes.
    fn watch_partial(&mut self, now: Instant) {
        if self.frame_timeout.is_none() {
            return;
        }
        let index = self.cutter.next_index();
        self.partial = match self.partial {
            _ if !self.cutter.has_partial() => None,
            Some((partial, since)) if partial == index => Some((partial, since)),
            _ => Some((index, now)),
        };
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
        self.intake.forget();
        self.cutter.clear();
        self.schedule.clear();
        self.outbox.clear();
        self.publish();
    }

    /// Moves on what the rules let out by now. A clock that nobody needs is not read. Returns whether that was cut
    /// short, to be called again soon.
    pub(crate) fn advance(&mut self, clock: impl FnOnce() -> Instant, terms: Terms<'_>) -> bool {
        let is_quiet = self.schedule.is_empty() && !self.intake.is_gated() && self.gates.is_open();
        if is_quiet && self.is_living() {
            return false;
        }
        let now = clock();
        self.meet_doom(now);
        let was_gated = self.intake.is_gated();
        if was_gated {
            self.take_in(now, terms);
        }
        // What was in the way is taken, so that the source, which was not asked, may be read again.
        let mut is_cut_short = was_gated && !self.intake.is_gated();
        if self.is_open() && !self.schedule.is_empty() {
            let advanced = self.schedule.advance(now, &mut self.decider, &mut self.outbox);
            self.gauge.meter().delayed.add(advanced.delayed);
            self.gauge.meter().reordered.add(advanced.reordered);
            is_cut_short |= advanced.items == ADVANCE_ITEMS_MAX;
        }
        self.refresh(now, terms);
        is_cut_short
    }

    /// When time alone lets something out. Only right after [`Lane::advance`].
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if !self.is_open() {
            return None;
        }
        // With a full outbox only a write can help, and asking for the time would spin.
        let can_advance = self.outbox.has_room() && !self.decider.scribe.is_full();
        let scheduled = if can_advance { self.schedule.next_deadline(&self.decider) } else { None };
        [scheduled, self.fate_deadline(), self.partial_deadline()].into_iter().flatten().min()
    }

    /// Whether no cut is in force for this lane.
    pub(crate) fn is_open(&self) -> bool {
        self.decider.standing().cut.is_none()
    }

    /// Whether there are bytes to write now. Nothing at all crosses a cut, not even the rest of a frame.
    pub(crate) fn wants_write(&self, terms: Terms<'_>) -> bool {
        self.may_write(terms) && self.ready_bytes() > 0 && self.fate.allowance() > 0
    }

    /// The frames that pass untouched. They go out before anything else.
    pub(crate) fn run(&self) -> &[u8] {
        let run = self.cutter.run();
        &run[..run.len().min(self.fate.allowance())]
    }

    /// The next bytes to write if there is no run. Returns how many slices were filled.
    pub(crate) fn write_slices<'a>(&'a self, slices: &mut [IoSlice<'a>; WRITE_SLICES_MAX]) -> usize {
        self.outbox.slices(slices, self.fate.allowance())
    }

    /// This many bytes were written.
    pub(crate) fn handle_written(&mut self, bytes: usize) {
        let is_run = !self.cutter.run().is_empty();
        let frames = if is_run { self.cutter.consume_run(bytes) } else { self.outbox.consume(bytes) };
        self.gauge.meter().frames.add(frames);
        self.gauge.meter().bytes.add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.pass_gates(bytes);
    }

    /// The end to pass on now, if all bytes before it are written.
    pub(crate) fn due_end(&self, terms: Terms<'_>) -> Option<End> {
        let is_ripe = self.may_write(terms) && self.cutter.run().is_empty() && self.is_end_ripe();
        if is_ripe { self.outbox.due_end() } else { None }
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
            Source::Ended(End::Fin) => self.waiting_bytes() == 0 && !self.intake.is_gated(),
            Source::Open | Source::Failing => false,
        }
    }

    pub(crate) fn has_source_ended(&self) -> bool {
        matches!(self.source, Source::Ended(_))
    }

    /// Whether nothing can happen on this lane any more.
    pub(crate) fn is_finished(&self) -> bool {
        let is_ending = self.fate.is_closing() && !self.has_source_ended() && !self.fate.is_overdue();
        match self.sink {
            Sink::Open => false,
            Sink::Finished if is_ending => false,
            Sink::Finished => self.outbox.due_end().is_none() && self.schedule.is_empty(),
            Sink::Dead => self.has_source_ended() || self.fate.is_overdue(),
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
        self.schedule.bytes() + self.ready_bytes()
    }

    /// Bytes that only wait for the socket.
    fn ready_bytes(&self) -> usize {
        self.cutter.run().len() + self.outbox.bytes()
    }

    /// Whether nothing waits that was cut out, so that frames can be written from where they were read to.
    fn is_in_pass_gear(&self) -> bool {
        self.schedule.is_empty() && self.outbox.bytes() == 0
    }

    fn may_write(&self, terms: Terms<'_>) -> bool {
        self.is_open() && terms.is_connected && self.sink != Sink::Dead
    }

    /// Leaves the pass gear: the run goes to the outbox, where whatever comes later lines up behind it.
    fn spill_run(&mut self) {
        if let Some((bytes, frames)) = self.cutter.take_run() {
            self.outbox.push(bytes, frames);
        }
    }
}

#[cfg(test)]
mod tests;
