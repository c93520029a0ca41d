//! The whole cluster in one thread: stations, links, clients, and one heap of events in virtual time.
//!
//! Everything that happens is an [`Event`] taken off the heap. What it does is in the file of its part: `shell` (the
//! process around a replica), `commits` (its disk at work), `links` (sessions and frames), `clients`, `nemesis` (what
//! the plan does to them). What is seen becomes a [`Line`] of the history, and the checks read it at once.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use clock_core::replica::{Effect, LogQuestion, Lsn, SessionId};
use clock_core::{Dot, Key, NodeId, RequestId, VersionVector};

use super::clients::{Client, Doubtful, Work};
use super::counters::Counters;
use super::heap::Heap;
use super::links::{Connection, Link, Way};
use super::plan::Plan;
use super::station::Station;
use super::twin_bug::TwinBug;
use crate::check::{Checker, Violation};
use crate::history::{Line, Phase, What};

/// A frame's first bytes: its length, its kind, and the checksum of all of it.
const FRAME_HEADER_BYTES: usize = 14;

/// More events than any honest cluster has at one moment.
const STANDSTILL_EVENTS: u64 = 100_000;

/// What is on the heap.
#[derive(Debug)]
pub(super) enum Event {
    /// An entry of the plan is due.
    Act(usize),
    /// A process dials a peer.
    Dial { from: usize, to: usize, boot: u32, twin: bool },
    /// The connection stands, if the network lets it.
    Connected { from: usize, to: usize, boot: u32, twin: bool },
    /// A dial came to nothing.
    DialFailed { from: usize, to: usize, boot: u32, twin: bool },
    /// The next item of a pipe arrives.
    Arrive { session: SessionId, way: Way },
    /// Has an end of a session heard nothing for too long?
    Silent { session: SessionId, way: Way },
    /// Has a dialler had no welcome for too long?
    Unanswered { session: SessionId },
    /// A commit has ended.
    Committed { station: usize, boot: u32 },
    /// The process hears of it.
    Synced { station: usize, boot: u32, upto: Lsn },
    /// The log is read for a session.
    Read { station: usize, boot: u32, session: SessionId, query: Box<clock_core::replica::LogQuery> },
    /// A replica's deadline.
    Tick { station: usize, boot: u32, at_us: u64 },
    /// A process starts.
    Start { station: usize },
    /// Links of a block open again.
    Unblock { block: usize },
    /// A request reaches its station.
    Request { op: u64, boot: u32 },
    /// A question about the past is answered from the log.
    Past { station: usize, boot: u32, op: u64, token: Option<VersionVector>, question: Box<LogQuestion> },
    /// A client waits no longer.
    Deadline { op: u64 },
    /// A client asks, or asks again.
    Again { work: Box<Work> },
}

/// What a run is told besides its plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Keep every line and every event as text.
    pub record: bool,
    /// A bug in the simulated store or shell.
    pub twin_bug: Option<TwinBug>,
}

/// The cluster.
pub(super) struct World<'a> {
    pub(super) plan: &'a Plan,
    pub(super) options: Options,
    pub(super) heap: Heap<Event>,
    pub(super) rng: fastrand::Rng,
    pub(super) stations: Vec<Station>,
    pub(super) keys: Vec<Key>,
    pub(super) links: BTreeMap<(usize, usize), Link>,
    pub(super) connections: BTreeMap<SessionId, Connection>,
    pub(super) next_session: u64,
    pub(super) clients: BTreeMap<u16, Client>,
    /// The id of each client's last request.
    pub(super) last_requests: BTreeMap<u16, RequestId>,
    pub(super) open: BTreeMap<u64, Work>,
    /// The request ids of each batch, by its first operation.
    pub(super) batches: BTreeMap<u64, Vec<RequestId>>,
    /// Writes whose outcome was indeterminate.
    pub(super) doubtful: Vec<Doubtful>,
    pub(super) waiting_works: usize,
    pub(super) next_op: u64,
    pub(super) blocks: Vec<Vec<(usize, usize)>>,
    pub(super) phase: Phase,
    pub(super) counters: Counters,
    pub(super) violation: Option<Violation>,
    pub(super) events_shipped_bytes: u64,
    pub(super) effects: Vec<Effect>,
    /// A second content of this dot is being delivered: somebody has to say so.
    pub(super) awaited_alarm: Option<Dot>,
    last_us: u64,
    at_one_moment: u64,
    checker: Checker,
    digest: DefaultHasher,
    lines: Vec<Line>,
    texts: VecDeque<String>,
}

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The first property that was broken.
    pub violation: Option<Violation>,
    /// What was reached.
    pub counters: Counters,
    /// A digest of everything that happened, in order.
    pub digest: u64,
    /// How long it was in virtual time, in microseconds.
    pub virtual_us: u64,
    /// The history, if it was to be recorded.
    pub lines: Vec<Line>,
    /// Every event as text, if it was to be recorded.
    pub trace: Vec<String>,
}

impl<'a> World<'a> {
    pub(super) fn new(plan: &'a Plan, options: Options) -> Self {
        let mut rng = fastrand::Rng::with_seed(plan.seed ^ 0x7761_6c6b);
        let stations: Vec<Station> =
            (0..usize::from(plan.stations)).map(|number| Station::new(plan, number, &mut rng)).collect();
        let mut links = BTreeMap::new();
        for from in 0..stations.len() {
            for to in (0..stations.len()).filter(|to| *to != from) {
                links.insert((from, to), Link::new(rng.fork()));
            }
        }
        let key =
            |number: u16| Key::new(&format!("NORAD-{}", 25_544 + u32::from(number))).expect("a valid key");
        Self {
            plan,
            options,
            heap: Heap::new(),
            rng,
            stations,
            keys: (0..plan.keys.max(1)).map(key).collect(),
            links,
            connections: BTreeMap::new(),
            next_session: 1,
            clients: BTreeMap::new(),
            last_requests: BTreeMap::new(),
            open: BTreeMap::new(),
            batches: BTreeMap::new(),
            doubtful: Vec::new(),
            waiting_works: 0,
            next_op: 1,
            blocks: Vec::new(),
            phase: Phase::Safety,
            counters: Counters::default(),
            violation: None,
            events_shipped_bytes: 0,
            effects: Vec::new(),
            awaited_alarm: None,
            last_us: 0,
            at_one_moment: 0,
            checker: Checker::remembering(plan.sizes.requests),
            digest: DefaultHasher::new(),
            lines: Vec::new(),
            texts: VecDeque::new(),
        }
    }

    /// Takes events off the heap until a moment, or until something is wrong.
    pub(super) fn run_until(&mut self, until_us: u64) {
        while self.violation.is_none()
            && let Some(event) = self.heap.pop(until_us)
        {
            self.happen(event);
            self.notice_standstill();
        }
        if self.violation.is_none() {
            self.heap.pass_to(until_us);
        }
    }

    /// A part that always has something to do at once would keep time from going on.
    fn notice_standstill(&mut self) {
        let now_us = self.heap.now_us();
        self.at_one_moment = if self.last_us == now_us { self.at_one_moment + 1 } else { 0 };
        self.last_us = now_us;
        if self.at_one_moment == STANDSTILL_EVENTS {
            let what = format!("time to go on: {STANDSTILL_EVENTS} events have happened at one moment");
            self.line(What::Late { what });
        }
    }

    /// Runs until the condition holds; `false` if the moment comes before. Looked at once per `step_us`.
    pub(super) fn run_until_holds(
        &mut self,
        until_us: u64,
        step_us: u64,
        holds: impl Fn(&Self) -> bool,
    ) -> bool {
        while self.violation.is_none() && !holds(self) {
            let now_us = self.heap.now_us();
            if now_us >= until_us {
                return false;
            }
            self.run_until((now_us + step_us).min(until_us));
        }
        true
    }

    fn happen(&mut self, event: Event) {
        self.counters.events += 1;
        if self.options.record {
            self.texts.push_back(format!("{} {event:?}", self.heap.now_us()));
        }
        match event {
            Event::Act(number) => self.act(number),
            Event::Dial { from, to, boot, twin } => self.dial(from, to, boot, twin),
            Event::Connected { from, to, boot, twin } => self.connected(from, to, boot, twin),
            Event::DialFailed { from, to, boot, twin } => self.redial(from, to, boot, twin),
            Event::Arrive { session, way } => self.arrive(session, way),
            Event::Silent { session, way } => self.check_silence(session, way),
            Event::Unanswered { session } => self.check_welcome(session),
            Event::Committed { station, boot } => self.committed(station, boot),
            Event::Synced { station, boot, upto } => self.synced(station, boot, upto),
            Event::Read { station, boot, session, query } => self.read_log(station, boot, session, query),
            Event::Tick { station, boot, at_us } => self.tick(station, boot, at_us),
            Event::Start { station } => self.start(station),
            Event::Unblock { block } => self.unblock(block),
            Event::Request { op, boot } => self.deliver_request(op, boot),
            Event::Past { station, boot, op, token, question } => {
                self.answer_from_log((station, boot), op, token, question);
            }
            Event::Deadline { op } => self.give_up(op),
            Event::Again { work } => self.ask_again(*work),
        }
    }

    /// Writes a line of the history; the checks read it at once.
    pub(super) fn line(&mut self, what: What) {
        let line = Line { at_us: self.heap.now_us(), what };
        line.hash(&mut self.digest);
        if self.options.record {
            self.texts.push_back(line.to_json());
            self.lines.push(line.clone());
        }
        if self.violation.is_none()
            && let Err(violation) = self.checker.observe(&line)
        {
            self.violation = Some(violation);
        }
    }

    /// What happened on the wire belongs to the digest too.
    pub(super) fn note_frame(&mut self, session: SessionId, frame: &Bytes) {
        (self.heap.now_us(), session, frame.get(..FRAME_HEADER_BYTES)).hash(&mut self.digest);
    }

    pub(super) fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.line(What::Phase { phase });
    }

    pub(super) fn id(&self, station: usize) -> NodeId {
        self.stations[station].id.clone()
    }

    /// Ends the run.
    pub(super) fn finish(mut self) -> Outcome {
        if self.violation.is_none() {
            self.violation = self.checker.end().err();
        }
        self.counters.take_from(&self.checker);
        self.counters.seeds = 1;
        Outcome {
            violation: self.violation,
            counters: self.counters,
            digest: self.digest.finish(),
            virtual_us: self.heap.now_us(),
            lines: self.lines,
            trace: self.texts.into(),
        }
    }
}
