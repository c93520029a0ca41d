//! What becomes of a lane as a whole: gates on what is written, slow closes, limits, and connections that are ended.
//!
//! A connection is *closed* when both peers get a FIN behind what they may still get, and *aborted* when both get an
//! RST. An abort that loses nothing waits until all that was taken is written, and then for a moment more, since an RST
//! throws away what the own kernel has not sent yet. Everything waits while the flow is cut.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{End, Lane, Sink};
use crate::fault::Place;
use crate::journal::{Decision, Scribe, nanos};
use crate::rule::{CutMode, Fault, ResetAfter, RuleId};
use crate::schedule::Terms;

/// How long after the last byte an abort comes that must not lose it: many round trips within one site.
const SETTLE: Duration = Duration::from_millis(20);

/// How long a closed connection waits for its peers to close as well. A second is long for a program that reads, and
/// short for a test that looks whether the connection is gone.
const LINGER: Duration = Duration::from_secs(1);

/// What a connection has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Demise {
    /// Both peers get a FIN, as soon as their flows are open.
    Close,
    /// Both peers get an RST, as soon as both flows are open.
    Abort,
    /// Both peers get an RST now.
    AbortNow,
}

/// How a lane's life goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Course {
    #[default]
    Living,
    /// Nothing more is taken, and what was taken goes out before the abort.
    LastTaken,
    AbortAt(Instant),
    Abort,
    AbortNow,
    CloseWanted,
    /// What is read is thrown away, until the source ends or this time comes.
    Closing(Instant),
}

/// An end that comes with time.
#[derive(Debug, Clone, Copy)]
struct Doom {
    at: Instant,
    rule: RuleId,
    kind: DoomKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DoomKind {
    Close,
    AbortLosing,
    AbortBehind,
}

#[derive(Debug)]
pub(super) struct Fate {
    course: Course,
    doom: Option<Doom>,
    /// The rule that swallows this lane: its end is the lane's end.
    black_hole: Option<RuleId>,
    /// Bytes that may be written before the next look.
    allowance: usize,
    /// The time of the last look.
    now: Option<Instant>,
    /// When it is worth looking again.
    gate_deadline: Option<Instant>,
    /// Since when the end could have been passed on.
    end_since: Option<Instant>,
}

impl Default for Fate {
    fn default() -> Self {
        Self {
            course: Course::default(),
            doom: None,
            black_hole: None,
            allowance: usize::MAX,
            now: None,
            gate_deadline: None,
            end_since: None,
        }
    }
}

impl Fate {
    pub(super) fn allowance(&self) -> usize {
        self.allowance
    }

    pub(super) fn is_closing(&self) -> bool {
        matches!(self.course, Course::Closing(_))
    }

    pub(super) fn is_overdue(&self) -> bool {
        matches!(self.course, Course::Closing(until) if self.now.is_some_and(|now| now >= until))
    }

    pub(super) fn is_last_taken(&self) -> bool {
        matches!(self.course, Course::LastTaken | Course::AbortAt(_) | Course::Abort)
    }

    pub(super) fn on_last_taken(&mut self) {
        if self.course == Course::Living {
            self.course = Course::LastTaken;
        }
    }
}

impl Lane {
    /// Takes the rules in force. What they say about the connection as a whole is worked out here.
    pub(crate) fn adopt(&mut self, terms: Terms<'_>, now: Instant) {
        if !self.decider.sync(terms.policy, terms.seed, now) {
            return;
        }
        self.gates.sync(self.decider.rules(), terms.seed, now);
        // A clock that is read now may be all that a gate or an end waits for.
        self.fate.now = Some(now);
        let (ordinal, next) = (self.decider.scribe.lane.ordinal, self.cutter.next_index());
        let is_ahead = |frame: u64, connection: Option<u64>| {
            frame >= next && connection.is_none_or(|connection| connection == ordinal)
        };
        let ahead = terms.policy.triggers.iter().filter(|t| is_ahead(t.frame, t.connection));
        self.intake.set_trigger(ahead.map(|t| (t.id, t.frame)).min_by_key(|(_, frame)| *frame));
        // The next look says how much may pass; with no gate there is no next look.
        self.fate.allowance = if self.gates.is_open() { usize::MAX } else { 0 };
        self.fate.gate_deadline = None;
        self.meet_black_hole(now);
        self.fate.doom = self.doom();
        if let Some((rule, CutMode::Reset)) = self.decider.standing().cut {
            self.end_by(rule, Course::AbortNow, Decision::Reset, now);
        }
        // A limit of nothing is spent before anything is written.
        if let Some(spent) = self.gates.spent() {
            self.end_by(spent.rule, Course::CloseWanted, Decision::Limit { bytes: spent.bytes }, now);
        }
    }

    /// Whether there is nothing to be done at a certain time, nor for the connection as a whole.
    pub(super) fn is_living(&self) -> bool {
        let is_slow = !self.decider.standing().slow_close.is_zero() || self.fate.end_since.is_some();
        self.fate.course == Course::Living && self.fate.doom.is_none() && !is_slow
    }

    /// Whether nothing has to be told: no event, no trigger that may be met, no end of the connection.
    pub(crate) fn is_silent(&self) -> bool {
        let is_unmarked = self.decider.scribe.is_empty() && self.intake.trigger().is_none();
        is_unmarked && self.fate.course == Course::Living
    }

    /// What the connection has to do now.
    pub(crate) fn demise(&self) -> Option<Demise> {
        match self.fate.course {
            Course::AbortNow => Some(Demise::AbortNow),
            Course::Abort if self.is_open() => Some(Demise::Abort),
            Course::CloseWanted if self.is_open() => Some(Demise::Close),
            Course::Living
            | Course::LastTaken
            | Course::AbortAt(_)
            | Course::Abort
            | Course::CloseWanted
            | Course::Closing(_) => None,
        }
    }

    /// Ends the lane with a FIN. What waits is lost, and the lane whose fault it is loses also what was on its way.
    pub(crate) fn close(&mut self, now: Instant) {
        let is_cause = self.fate.course == Course::CloseWanted;
        self.fate.course = Course::Closing(now + LINGER);
        self.intake.forget();
        self.schedule.clear();
        self.spill_run();
        self.cutter.clear();
        if is_cause {
            self.outbox.clear();
        }
        if self.sink == Sink::Open {
            self.outbox.end(End::Fin);
        }
        self.publish();
    }

    /// Sends bytes of our own at the next frame boundary. They meet no rule but cuts and gates.
    pub(crate) fn inject(&mut self, bytes: Bytes, now: Instant) {
        if self.sink != Sink::Open || self.fate.is_closing() {
            return;
        }
        let decision = Decision::Inject { bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX) };
        self.note_here(None, decision, now);
        self.spill_run();
        self.outbox.push(bytes, 1);
        self.publish();
    }

    /// Where decisions are noted, to be handed over.
    pub(crate) fn scribe(&mut self) -> &mut Scribe {
        &mut self.decider.scribe
    }

    /// A command aborts the connection.
    pub(crate) fn abort_now(&mut self, now: Instant) {
        self.fate.course = Course::AbortNow;
        self.note_here(None, Decision::Reset, now);
    }

    /// Does what time has brought.
    pub(super) fn meet_doom(&mut self, now: Instant) {
        let Some(doom) = self.fate.doom.filter(|doom| doom.at <= now && self.is_open()) else { return };
        self.fate.doom = None;
        let (course, decision) = match doom.kind {
            DoomKind::Close => (Course::CloseWanted, Decision::Close),
            DoomKind::AbortLosing => (Course::Abort, Decision::Reset),
            DoomKind::AbortBehind => (Course::LastTaken, Decision::Reset),
        };
        self.end_by(doom.rule, course, decision, now);
    }

    /// Looks at the gates and the clocks of the lane's end.
    pub(super) fn refresh(&mut self, now: Instant, terms: Terms<'_>) {
        let waiting = self.ready_bytes();
        self.fate.now = Some(now);
        self.fate.allowance =
            if self.gates.is_open() { usize::MAX } else { self.gates.allowance(waiting, now) };
        let is_shut = self.fate.allowance == 0 && waiting > 0;
        self.fate.gate_deadline = if is_shut { self.gates.next_deadline(waiting, now) } else { None };
        let is_drained = self.schedule.is_empty() && waiting == 0;
        if self.fate.course == Course::LastTaken && is_drained && self.is_open() && terms.is_connected {
            self.fate.course = Course::AbortAt(now + SETTLE);
        }
        if matches!(self.fate.course, Course::AbortAt(at) if at <= now) {
            self.fate.course = Course::Abort;
        }
        if self.outbox.due_end().is_none() {
            self.fate.end_since = None;
        } else if self.fate.end_since.is_none() {
            self.fate.end_since = Some(now);
            self.note_slow_close(now);
        }
    }

    pub(super) fn pass_gates(&mut self, bytes: usize) {
        if self.gates.is_open() {
            return;
        }
        let Some(now) = self.fate.now else { return };
        self.fate.allowance = self.fate.allowance.saturating_sub(bytes);
        if let Some(spent) = self.gates.handle_written(bytes, now) {
            self.end_by(spent.rule, Course::CloseWanted, Decision::Limit { bytes: spent.bytes }, now);
        }
    }

    pub(super) fn is_end_ripe(&self) -> bool {
        let slow_close = self.decider.standing().slow_close;
        let is_past = |(since, now): (Instant, Instant)| since + slow_close <= now;
        slow_close.is_zero() || self.fate.end_since.zip(self.fate.now).is_some_and(is_past)
    }

    pub(super) fn fate_deadline(&self) -> Option<Instant> {
        let doom = self.fate.doom.map(|doom| doom.at);
        let slow_close = self.decider.standing().slow_close;
        let end = self.fate.end_since.filter(|_| !self.is_end_ripe()).map(|since| since + slow_close);
        let course = match self.fate.course {
            Course::AbortAt(at) | Course::Closing(at) => Some(at).filter(|_| !self.fate.is_overdue()),
            Course::Living | Course::LastTaken | Course::Abort | Course::AbortNow | Course::CloseWanted => {
                None
            }
        };
        [doom, end, course, self.fate.gate_deadline].into_iter().flatten().min()
    }

    /// A black hole ends with its rule, and the connection with it.
    fn meet_black_hole(&mut self, now: Instant) {
        let holes = self.decider.rules().filter(|rule| matches!(rule.fault, Fault::BlackHole { .. }));
        let current = holes.map(|rule| rule.id).last();
        let before = std::mem::replace(&mut self.fate.black_hole, current);
        match (before, current) {
            (Some(rule), None) => self.end_by(rule, Course::CloseWanted, Decision::Close, now),
            (None, Some(rule)) => self.note_here(Some(rule), Decision::BlackHole, now),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    /// The first end that time alone will bring.
    fn doom(&self) -> Option<Doom> {
        let doom = |(rule, met): (&crate::rule::Rule, Instant)| {
            let (after, kind) = match rule.fault {
                Fault::BlackHole { close_after } => (close_after?, DoomKind::Close),
                Fault::Reset(ResetAfter::Time { after, loses_bytes: true }) => (after, DoomKind::AbortLosing),
                Fault::Reset(ResetAfter::Time { after, loses_bytes: false }) => {
                    (after, DoomKind::AbortBehind)
                }
                _ => return None,
            };
            Some(Doom { at: met + after, rule: rule.id, kind })
        };
        self.decider.meetings().filter_map(doom).min_by_key(|doom| doom.at)
    }

    fn end_by(&mut self, rule: RuleId, course: Course, decision: Decision, now: Instant) {
        let is_later = match self.fate.course {
            Course::Living => true,
            Course::LastTaken | Course::AbortAt(_) | Course::CloseWanted | Course::Closing(_) => {
                matches!(course, Course::Abort | Course::AbortNow)
            }
            Course::Abort => course == Course::AbortNow,
            Course::AbortNow => false,
        };
        if is_later {
            self.fate.course = course;
            self.note_here(Some(rule), decision, now);
        }
    }

    fn note_slow_close(&mut self, now: Instant) {
        let slow = |rule: &crate::rule::Rule| match rule.fault {
            Fault::SlowClose { delay } => Some((rule.id, delay)),
            _ => None,
        };
        let rules: Vec<_> = self.decider.rules().filter_map(slow).collect();
        for (rule, delay) in rules {
            self.note_here(Some(rule), Decision::SlowClose { ns: nanos(delay) }, now);
        }
    }

    /// Notes what happens to the lane and not to a frame, at the place that it has come to.
    fn note_here(&mut self, rule: Option<RuleId>, decision: Decision, now: Instant) {
        let place = if self.cutter.is_framed() {
            Place::Frame(self.cutter.next_index())
        } else {
            Place::Offset(self.decider.scribe.lane.taken())
        };
        self.decider.scribe.note(now, (place, 0), rule, decision);
    }
}
