//! What the lines so far establish, without believing any station.
//!
//! The truth of a write is what its *client* asked for, found by the request id: key, value, and which versions it had
//! read. Only where a client leaves the context to the station does the oracle work it out, by the definition, from
//! what the station showed. What a station shows and what disks hold is taken from the harness's lines alone.

use std::collections::{HashMap, HashSet};

use super::counts::Counts;
use super::names::{DotAt, KeyId, Names, RequestIndex, StationId, WriteId};
use super::snapshot::Asked;
use super::station::{Name, Station};
use crate::history::{Call, Context, ValueDigest};
use clock_core::Dot;

/// What a client's write is to supersede.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// What the station shows, and its own writes on their way to the disk.
    Station,
    /// These.
    Exactly(Vec<WriteId>),
    /// These, if they are all siblings of the key by then; otherwise it is to be refused.
    Conflict(Vec<WriteId>),
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Open,
    Answered,
    Refused,
    Unknown,
}

/// One attempt of a client to have a write done.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) op: u64,
    pub(super) station: StationId,
    pub(super) key: KeyId,
    pub(super) value: ValueDigest,
    pub(super) reading: Reading,
    pub(super) ending: Ending,
    /// The number of the line at which it began.
    pub(super) begun: u64,
}

/// What an operation wants.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question {
    /// This attempt of the request.
    Write(RequestIndex, usize),
    Get(KeyId),
    /// What became of this request.
    Receipt(RequestIndex),
    Snapshot,
    Status,
}

/// The terms on which an operation was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    /// How many stations were to have its write.
    pub(super) w: usize,
    /// What its session had seen.
    pub(super) session: Option<Counts>,
    pub(super) batch: Option<u64>,
}

/// An operation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub(super) op: u64,
    pub(super) station: StationId,
    pub(super) question: Question,
    /// The number of the line at which it began.
    pub(super) begun: u64,
}

/// A client's request: all attempts, and all writes that came of them.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) asks: Vec<Ask>,
    pub(super) writes: Vec<WriteId>,
}

/// What a write is.
#[derive(Debug, Clone)]
pub(super) struct Truth {
    pub(super) request: RequestIndex,
    pub(super) key: KeyId,
    pub(super) value: ValueDigest,
    /// Which versions of its key its client had read.
    pub(super) context: Vec<WriteId>,
    /// Whether that is known: a station that nobody observes and that worked it out may not have told it yet.
    pub(super) knows_context: bool,
}

/// How a write came about, if the harness saw it.
#[derive(Debug, Clone)]
pub(super) struct Minting {
    pub(super) station: StationId,
    /// Which life of that station.
    pub(super) life: u32,
    pub(super) at_us: u64,
    /// All that happened before it: what its station showed, its station's own writes before it, and what its client
    /// had read.
    pub(super) past: Counts,
    /// Which attempts it can be due to.
    pub(super) asks: Vec<usize>,
}

/// What a receipt says of the clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamps {
    pub(super) lamport: u64,
    pub(super) hlc: u64,
    pub(super) wall_ms: u64,
}

/// A write.
#[derive(Debug, Clone, Default)]
pub(super) struct Write {
    pub(super) truth: Option<Truth>,
    pub(super) minting: Option<Minting>,
    pub(super) stamps: Option<Stamps>,
    pub(super) is_acked: bool,
    /// Whose disks held it at some time.
    pub(super) held_by: Vec<StationId>,
    /// How many disks hold it.
    pub(super) holders: usize,
    pub(super) was_held: bool,
    pub(super) was_shown: bool,
    /// At some time no disk held it any more.
    pub(super) was_lost: bool,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) names: Names,
    pub(super) operations: HashMap<u64, Operation>,
    /// By operation; absent: one copy, no session, no batch.
    pub(super) terms: HashMap<u64, Terms>,
    /// The requests of each batch.
    pub(super) batches: HashMap<u64, Vec<RequestIndex>>,
    /// What each snapshot was asked of.
    pub(super) snapshots: HashMap<u64, Asked>,
    /// Requests of whose writes somebody wanted more than one copy, or asked a second time: what a write met elsewhere may
    /// have become known by then.
    pub(super) awaited: HashSet<RequestIndex>,
    writes: Vec<Write>,
    stations: Vec<Station>,
    requests: Vec<Request>,
}

impl Known {
    pub(super) fn write(&self, write: WriteId) -> &Write {
        &self.writes[write.0]
    }

    pub(super) fn writes(&self) -> impl Iterator<Item = (WriteId, &Write)> {
        self.writes.iter().enumerate().map(|(at, write)| (WriteId(at), write))
    }

    pub(super) fn truth(&self, write: WriteId) -> Option<&Truth> {
        self.write(write).truth.as_ref()
    }

    pub(super) fn past(&self, write: WriteId) -> Option<&Counts> {
        self.write(write).minting.as_ref().map(|minting| &minting.past)
    }

    pub(super) fn station(&self, station: StationId) -> &Station {
        &self.stations[station.0]
    }

    pub(super) fn stations(&self) -> impl Iterator<Item = (StationId, &Station)> {
        self.stations.iter().enumerate().map(|(at, station)| (StationId(at), station))
    }

    pub(super) fn request(&self, request: RequestIndex) -> &Request {
        &self.requests[request.0]
    }

    pub(super) fn requests(&self) -> &[Request] {
        &self.requests
    }

    pub(super) fn ask(&self, request: RequestIndex, ask: usize) -> &Ask {
        &self.requests[request.0].asks[ask]
    }

    /// Which versions its client had read.
    pub(super) fn context(&self, write: WriteId) -> &[WriteId] {
        self.truth(write).map_or(&[], |truth| &truth.context)
    }

    pub(super) fn station_mut(&mut self, station: StationId) -> &mut Station {
        &mut self.stations[station.0]
    }

    pub(super) fn write_mut(&mut self, write: WriteId) -> &mut Write {
        &mut self.writes[write.0]
    }

    /// Makes room for every name that was met.
    pub(super) fn make_room(&mut self) {
        self.writes.resize_with(self.names.writes_count(), Write::default);
        self.stations.resize_with(self.names.stations_count(), Station::default);
        self.requests.resize_with(self.names.requests_count(), Request::default);
    }

    pub(super) fn invoke(&mut self, op: u64, station: StationId, call: &Call, begun: u64) {
        let question = self.question(op, station, call, begun);
        self.make_room();
        self.operations.insert(op, Operation { op, station, question, begun });
    }

    /// An operation was asked for on these terms.
    pub(super) fn agree(&mut self, op: u64, terms: Terms) {
        let question = self.operations.get(&op).map(|operation| operation.question);
        if let Some(Question::Write(request, _) | Question::Receipt(request)) = question {
            if let Some(batch) = terms.batch {
                self.batches.entry(batch).or_default().push(request);
            }
            let is_asked_again = match question {
                Some(Question::Write(_, ask)) => ask > 0,
                _ => true,
            };
            if terms.w > 1 || is_asked_again {
                self.awaited.insert(request);
            }
        }
        self.terms.insert(op, terms);
    }

    /// How many stations were to have the write of an operation.
    pub(super) fn copies_asked(&self, op: u64) -> usize {
        self.terms.get(&op).map_or(1, |terms| terms.w)
    }

    fn question(&mut self, op: u64, station: StationId, call: &Call, begun: u64) -> Question {
        match call {
            Call::Put { key, value, context, request } => {
                let reading = self.reading(context);
                let (key, request) = (self.names.key(key), self.names.request(request));
                self.attempt(
                    request,
                    Ask { op, station, key, value: *value, reading, ending: Ending::Open, begun },
                )
            }
            Call::Resolve { key, read, value, request, .. } => {
                let reading = Reading::Conflict(self.names.writes(read));
                let (key, request) = (self.names.key(key), self.names.request(request));
                self.attempt(
                    request,
                    Ask { op, station, key, value: *value, reading, ending: Ending::Open, begun },
                )
            }
            Call::Delete { key, context, request } => {
                let reading = self.reading(context);
                let (key, request) = (self.names.key(key), self.names.request(request));
                let value = ValueDigest::TOMBSTONE;
                self.attempt(request, Ask { op, station, key, value, reading, ending: Ending::Open, begun })
            }
            Call::Receipt { request } => Question::Receipt(self.names.request(request)),
            Call::Snapshot { keys, at } => {
                let keys = keys.iter().map(|key| self.names.key(key)).collect();
                let at = at.as_ref().map(|dots| self.counts(dots));
                self.snapshots.insert(op, Asked { keys, at });
                Question::Snapshot
            }
            Call::Get { key } => Question::Get(self.names.key(key)),
            Call::Status => Question::Status,
        }
    }

    /// A vector of the history: the last event of each replica.
    pub(super) fn counts(&mut self, dots: &[Dot]) -> Counts {
        let mut counts = Counts::default();
        dots.iter().for_each(|dot| counts.raise(self.names.dot(dot)));
        counts
    }

    fn reading(&mut self, context: &Context) -> Reading {
        match context {
            Context::Station => Reading::Station,
            Context::Exactly(dots) => Reading::Exactly(self.names.writes(dots)),
            Context::Blind => Reading::Exactly(Vec::new()),
        }
    }

    fn attempt(&mut self, request: RequestIndex, ask: Ask) -> Question {
        self.make_room();
        let asks = &mut self.requests[request.0].asks;
        asks.push(ask);
        Question::Write(request, asks.len() - 1)
    }

    /// An operation ended.
    pub(super) fn end(&mut self, operation: Operation, ending: Ending) {
        if let Question::Write(request, ask) = operation.question {
            self.requests[request.0].asks[ask].ending = ending;
        }
    }

    /// The attempts of a request at a station that a write minted just now can be due to: one, if the harness saw which.
    pub(super) fn waiting(
        &self,
        (request, op): (RequestIndex, Option<u64>),
        station: StationId,
    ) -> Vec<usize> {
        let waits = |ask: &Ask| {
            ask.station == station
                && matches!(ask.ending, Ending::Open | Ending::Unknown)
                && op.is_none_or(|op| ask.op == op)
        };
        let asks = self.request(request).asks.iter().enumerate();
        asks.filter(|(_, ask)| waits(ask)).map(|(at, _)| at).collect()
    }

    /// What a station is to take as the context of a write that it mints now.
    pub(super) fn context_now(&self, station: StationId, key: KeyId, reading: &Reading) -> Vec<WriteId> {
        match reading {
            Reading::Exactly(read) | Reading::Conflict(read) => read.clone(),
            Reading::Station => self.station_view(station, key),
        }
    }

    /// The siblings by the definition among what the station shows and its own writes on their way to the disk.
    fn station_view(&self, station: StationId, key: KeyId) -> Vec<WriteId> {
        let at = self.station(station);
        let of_key = |write: &&WriteId| self.truth(**write).is_some_and(|truth| truth.key == key);
        let own: Vec<WriteId> = at.staged.iter().filter(of_key).copied().collect();
        let is_superseded = |write: &WriteId| own.iter().any(|later| self.context(*later).contains(write));
        let all = at.siblings(key).iter().chain(&own);
        all.filter(|write| !is_superseded(write)).copied().collect()
    }

    /// A station appended a write of its own for one of these attempts, of which there is at least one.
    pub(super) fn mint(
        &mut self,
        at_us: u64,
        (write, request): (WriteId, RequestIndex),
        station: StationId,
        asks: Vec<usize>,
    ) {
        // One that still waits for its answer rather than one that was given up.
        let open = asks.iter().rfind(|ask| self.ask(request, **ask).ending == Ending::Open);
        let ask = self.ask(request, *open.or(asks.last()).expect("a write is due to an attempt"));
        let (key, value) = (ask.key, ask.value);
        let context = self.context_now(station, key, &ask.reading);
        let past = self.past_now(station, write, &context);
        let life = self.station(station).life;
        self.requests[request.0].writes.push(write);
        self.stations[station.0].staged.push(write);
        let known = &mut self.writes[write.0];
        known.truth = Some(Truth { request, key, value, context, knows_context: true });
        known.minting = Some(Minting { station, life, at_us, past, asks });
    }

    fn past_now(&self, station: StationId, write: WriteId, context: &[WriteId]) -> Counts {
        let at = self.station(station);
        let mut past = at.visible.clone();
        // Of what a replica wrote before a crash, something may be on its way back into its log: it is not shown yet.
        let before = self.names.predecessor(write).and_then(|before| self.past(before));
        before.into_iter().for_each(|before| past.merge(before));
        at.staged.iter().chain(context).for_each(|write| past.raise(self.names.dot_of(*write)));
        past
    }

    /// What a write is, learned from an answer.
    pub(super) fn learn(&mut self, write: WriteId, truth: Truth) {
        let writes = &mut self.requests[truth.request.0].writes;
        if !writes.contains(&write) {
            writes.push(write);
        }
        self.writes[write.0].truth = Some(truth);
    }

    /// The station that a dot says it was minted by.
    pub(super) fn station_of(&self, write: WriteId) -> StationId {
        self.names.station_of(self.dot(write).replica)
    }

    /// A station shows a write from now on.
    pub(super) fn show(&mut self, station: StationId, write: WriteId) {
        self.writes[write.0].was_shown = true;
        let Some(truth) = self.truth(write) else { return };
        let (key, dot) = (truth.key, self.dot(write));
        let in_key = |read: &&WriteId| self.truth(**read).is_none_or(|truth| truth.key == key);
        let context: Vec<WriteId> = truth.context.iter().filter(in_key).copied().collect();
        let name = self.name(write, truth);
        self.stations[station.0].show((write, dot), name, &context);
    }

    fn name(&self, write: WriteId, truth: &Truth) -> Name {
        let superseded = truth.context.iter().map(|read| self.height(*read)).max().unwrap_or(0);
        let operation = (truth.key, truth.request, truth.value);
        Name { operation, height: self.height(write), superseded }
    }

    /// How many writes happened before this one, itself included.
    pub(super) fn height(&self, write: WriteId) -> u64 {
        let Some(past) = self.past(write) else { return 0 };
        let own = self.dot(write);
        let others = past.entries().filter(|dot| dot.replica != own.replica);
        others.map(|dot| dot.seq).sum::<u64>() + own.seq
    }

    /// Whether one write is the other under another name.
    pub(super) fn is_twin(&self, write: WriteId, other: WriteId) -> bool {
        let operation = |write| self.truth(write).map(|truth| (truth.key, truth.request, truth.value));
        operation(write).is_some() && operation(write) == operation(other)
    }

    /// A write is on a station's disk.
    pub(super) fn hold(&mut self, station: StationId, write: WriteId) {
        let at = &mut self.stations[station.0];
        at.tell(write);
        let is_new = at.disk.append(write);
        let known = &mut self.writes[write.0];
        known.was_held = true;
        if !known.held_by.contains(&station) {
            known.held_by.push(station);
        }
        known.holders += usize::from(is_new);
    }

    /// A write is no longer on a station's disk.
    pub(super) fn lose(&mut self, station: StationId, write: WriteId) {
        let at = &mut self.stations[station.0];
        at.losses += 1;
        if at.disk.lose(write) {
            let known = &mut self.writes[write.0];
            known.holders -= 1;
            known.was_lost |= known.holders == 0;
        }
    }

    pub(super) fn dot(&self, write: WriteId) -> DotAt {
        self.names.dot_of(write)
    }

    /// `a.00000001:1`, for the texts of violations.
    pub(super) fn text(&self, write: WriteId) -> String {
        self.names.text(write)
    }

    pub(super) fn station_text(&self, station: StationId) -> &str {
        self.names.station_text(station)
    }
}
