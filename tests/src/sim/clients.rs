//! Clients: they ask, read what they are told, write with what they have read, ask again where they heard nothing,
//! here or elsewhere, and sometimes never listen.

use std::collections::BTreeMap;

use bytes::Bytes;
use clock_core::replica::{Input, Ticket};
use clock_core::wire::{
    Change, Choice, Copies, EntryView, Outcome, Receipt, Request, RequestError, Response, Terms, Write,
    WriteContext,
};
use clock_core::{BodyKind, DEFAULT_MAX_DRIFT_MS, Dot, Key, RequestId, VersionVector};

use super::answers::{answer_of, upper, written};
use super::plan::{Ask, PutContext, Wishes};
use super::shell::CLIENTS;
use super::world::{Event, World};
use crate::history::{Call, Context, Phase, ValueDigest, What};

/// How long a client waits for an answer.
const PATIENCE_US: u64 = 2_000_000;

/// What one client remembers.
#[derive(Debug, Default)]
pub(super) struct Client {
    read: BTreeMap<u16, LastRead>,
    /// What its session has seen, wherever.
    token: VersionVector,
    /// The frontier of its last snapshot.
    frontier: Option<VersionVector>,
}

/// A write whose outcome was indeterminate.
#[derive(Debug, Clone)]
pub(super) struct Doubtful {
    pub(super) station: u8,
    pub(super) dot: Dot,
    pub(super) request: RequestId,
    pub(super) copies: u8,
}

/// What a client sends, and what it means: more than one call if it is a batch.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    request: Request,
    calls: Vec<Call>,
}

/// What a client read last of a key.
#[derive(Debug, Clone)]
struct LastRead {
    dots: Vec<Dot>,
    conflict: Option<clock_core::replica::ConflictId>,
    first_value: Option<(Dot, ValueDigest)>,
    is_complete: bool,
}

/// Something a client wants done, through all its attempts.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) client: u16,
    pub(super) station: usize,
    pub(super) ask: Ask,
    pub(super) request: RequestId,
    pub(super) manners: Manners,
    wishes: Wishes,
    /// The session's token of the present attempt.
    token: Option<VersionVector>,
    /// What was sent the first time: a retry sends the same.
    sent: Option<Sent>,
    /// The station was behind the session when it was asked.
    waits: bool,
    /// The answer came and was lost on its way.
    pub(super) unheard: bool,
}

/// How a client goes about a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manners {
    /// How often it asks again.
    pub(super) retries: u8,
    /// At the next station, that is.
    pub(super) roams: bool,
    /// How many answers are lost on the way to it.
    pub(super) deaf: u8,
    /// It asks again although it was answered.
    pub(super) doubts: bool,
}

impl Work {
    pub(super) fn new(
        (client, station): (u16, usize),
        (ask, wishes): (Ask, Wishes),
        request: RequestId,
        manners: Manners,
    ) -> Self {
        let (token, sent) = (None, None);
        Self { client, station, ask, request, manners, wishes, token, sent, waits: false, unheard: false }
    }

    fn terms(&self) -> Terms {
        let copies = match self.wishes.copies {
            0 => Copies::Majority,
            count => Copies::Count(u16::from(count)),
        };
        Terms { copies, deadline_ms: self.wishes.deadline_ms, session: self.token.clone() }
    }

    /// So long the client waits: a little longer than it lets the station wait.
    fn patience_us(&self) -> u64 {
        PATIENCE_US.max(u64::from(self.wishes.deadline_ms) * 1000 + 500_000)
    }

    /// The operations of the history that it is.
    fn ops(&self, op: u64) -> std::ops::Range<u64> {
        op..op + self.sent.as_ref().map_or(1, |sent| sent.calls.len() as u64)
    }
}

impl Sent {
    fn one(request: Request, call: Call) -> Self {
        Self { request, calls: vec![call] }
    }
}

impl World<'_> {
    /// A client asks, or asks again.
    pub(super) fn ask_again(&mut self, work: Work) {
        self.waiting_works -= 1;
        self.ask(work);
    }

    pub(super) fn ask(&mut self, mut work: Work) {
        if self.stations[work.station].process.is_none() {
            return self.try_again(work);
        }
        let Some(sent) = work.sent.take().or_else(|| self.formulate(&work)) else { return };
        let op = self.next_op;
        self.next_op += sent.calls.len() as u64;
        let client = self.clients.entry(work.client).or_default();
        work.token = work.wishes.session.then(|| client.token.clone());
        self.say_asked(op, &work, &sent.calls);
        work.sent = Some(sent);
        let (boot, patience_us) = (self.stations[work.station].boot, work.patience_us());
        self.open.insert(op, work);
        let later = self.rng.u64(0..200);
        self.heap.after(later, Event::Request { op, boot });
        self.heap.after(patience_us, Event::Deadline { op });
    }

    fn say_asked(&mut self, first: u64, work: &Work, calls: &[Call]) {
        let is_batch = matches!(work.ask, Ask::Batch { .. });
        let majority = u16::from(self.plan.stations / 2 + 1);
        let w = if work.wishes.copies == 0 { majority } else { u16::from(work.wishes.copies) };
        if is_batch {
            self.counters.batches += 1;
            self.batches.insert(first, calls.iter().filter_map(request_of).collect());
        }
        for (op, call) in (first..).zip(calls) {
            self.counters.deletes += u64::from(matches!(call, Call::Delete { .. }));
            let (client, station, call) = (u32::from(work.client), self.id(work.station), call.clone());
            let session = work.token.as_ref().map(upper);
            let (w, batch) = ((w > 1).then_some(w), is_batch.then_some(first));
            self.line(What::Invoke { op, client, station, call, w, session, batch });
        }
    }

    /// A station names a write for a client's request, or for one of its batch.
    pub(super) fn minted(&mut self, station: usize, dot: &Dot, request: RequestId, ticket: u64) {
        let batch = self.batches.get(&ticket);
        let place = batch.and_then(|ids| (0u64..).zip(ids).find(|(_, id)| **id == request));
        let op = ticket + place.map_or(0, |(place, _)| place);
        let together = batch.map_or(1, |ids| ids.len() as u64);
        let id = self.id(station);
        self.line(What::Minted { station: id, dot: dot.clone(), request, op: Some(op) });
        let Some(process) = self.stations[station].process.as_ref() else { return };
        let (staged, limit) = (process.unshown.len() as u64 + 1, self.plan.sizes.staged as u64);
        if staged * 2 > limit {
            self.gauge(station, "writes on their way to the disk", staged, limit.max(together));
        }
    }

    pub(super) fn deliver_request(&mut self, op: u64, boot: u32) {
        let Some(work) = self.open.get(&op) else { return };
        let station = work.station;
        if !self.runs(station, boot) {
            return;
        }
        if let Some(until) = self.paused(station) {
            return self.heap.at(until, Event::Request { op, boot });
        }
        let Some(Sent { request, .. }) = work.sent.clone() else { return };
        let (ticket, terms) = (Ticket { session: CLIENTS, number: op }, work.terms());
        let is_behind = work.token.as_ref().is_some_and(|token| !self.covers(station, token));
        self.open.entry(op).and_modify(|work| work.waits = is_behind);
        self.handle(station, Input::Client { ticket, terms, request });
    }

    fn covers(&self, station: usize, token: &VersionVector) -> bool {
        let Some(process) = &self.stations[station].process else { return false };
        token.iter().all(|(replica, seq)| process.shown.get(replica).is_some_and(|upto| *upto >= seq))
    }

    /// What to send, and what it means.
    fn formulate(&mut self, work: &Work) -> Option<Sent> {
        let (request, call) = match work.ask {
            Ask::Batch { key, writes, context, bytes } => {
                return Some(self.batch_call(work, (key, writes), context, bytes));
            }
            Ask::Put { key, context, bytes } => self.put_call(work, key, context, bytes)?,
            Ask::Delete { key, context } => self.delete_call(work, key, context)?,
            Ask::Resolve { key } => self.resolve_call(work, key)?,
            Ask::Get { key } => {
                let key = self.keys.get(usize::from(key))?.clone();
                (Request::Get { key: key.clone(), skip: 0 }, Call::Get { key })
            }
            Ask::Status => (Request::Status, Call::Status),
            Ask::Receipt => {
                let request = work.request;
                (Request::Receipt { request }, Call::Receipt { request })
            }
            Ask::Snapshot { again } => self.snapshot_call(work, again),
        };
        Some(Sent::one(request, call))
    }

    fn snapshot_call(&self, work: &Work, again: bool) -> (Request, Call) {
        let last = self.clients.get(&work.client).and_then(|client| client.frontier.clone());
        let (keys, at) = (self.keys.clone(), last.filter(|_| again));
        let meant = at.as_ref().map(upper);
        (Request::Snapshot { keys: keys.clone(), at }, Call::Snapshot { keys, at: meant })
    }

    /// A context as it is sent, and what it means.
    fn context(&self, work: &Work, number: u16, context: PutContext) -> (WriteContext, Context) {
        let last = self.clients.get(&work.client).and_then(|client| client.read.get(&number));
        let read = || last.map(|read| read.dots.clone()).unwrap_or_default();
        match context {
            PutContext::Station => (WriteContext::StationView, Context::Station),
            PutContext::Read => (WriteContext::Exactly(read()), Context::Exactly(read())),
            PutContext::Blind => (WriteContext::Blind, Context::Blind),
        }
    }

    fn put_call(&self, work: &Work, number: u16, context: PutContext, bytes: u32) -> Option<(Request, Call)> {
        let key = self.keys.get(usize::from(number))?.clone();
        let (context, meant) = self.context(work, number, context);
        let (value, request) = (value_of(work.request, self.next_op, bytes), work.request);
        let call = Call::Put { key: key.clone(), value: ValueDigest::of(&value), context: meant, request };
        Some((Request::Put { key, kind: BodyKind::OPAQUE, value, context, request }, call))
    }

    fn delete_call(&self, work: &Work, number: u16, context: PutContext) -> Option<(Request, Call)> {
        let key = self.keys.get(usize::from(number))?.clone();
        let ((context, meant), request) = (self.context(work, number, context), work.request);
        let call = Call::Delete { key: key.clone(), context: meant, request };
        Some((Request::Delete { key, context, request }, call))
    }

    /// Writes to one key after the other, round and round; the last is a deletion if there are several.
    fn batch_call(&self, work: &Work, (first, writes): (u16, u8), context: PutContext, bytes: u32) -> Sent {
        let (mut calls, mut sent) = (Vec::new(), Vec::new());
        for place in 0..writes.max(1) {
            let number = (first + u16::from(place)) % self.plan.keys.max(1);
            let Some(key) = self.keys.get(usize::from(number)) else { continue };
            let (context, meant) = self.context(work, number, context);
            let request = RequestId(work.request.0 ^ u128::from(place) << 120);
            let deletes = place > 0 && place + 1 == writes;
            let (change, call) = self.change(key, (deletes, bytes), meant, request);
            calls.push(call);
            sent.push(Write { key: key.clone(), change, context, request });
        }
        Sent { request: Request::Batch { writes: sent }, calls }
    }

    fn change(
        &self,
        key: &Key,
        (deletes, bytes): (bool, u32),
        context: Context,
        request: RequestId,
    ) -> (Change, Call) {
        let key = key.clone();
        if deletes {
            return (Change::Delete, Call::Delete { key, context, request });
        }
        let value = value_of(request, self.next_op, bytes);
        let call = Call::Put { key, value: ValueDigest::of(&value), context, request };
        (Change::Put { kind: BodyKind::OPAQUE, value }, call)
    }

    /// Ends the conflict that the client knows; without one it reads the key instead.
    fn resolve_call(&self, work: &Work, number: u16) -> Option<(Request, Call)> {
        let key = self.keys.get(usize::from(number))?.clone();
        let last = self.clients.get(&work.client).and_then(|client| client.read.get(&number));
        let known = last.filter(|read| read.is_complete);
        let known = known.and_then(|read| Some((read, read.conflict?, read.first_value.clone()?)));
        let Some((read, conflict, (first, first_value))) = known else {
            return Some((Request::Get { key: key.clone(), skip: 0 }, Call::Get { key }));
        };
        let own = value_of(work.request, self.next_op, 24);
        let (choice, value) = match work.request.0 % 2 {
            0 => (Choice::Take(first), first_value),
            _ => {
                let value = ValueDigest::of(&own);
                (Choice::Value { kind: BodyKind::OPAQUE, value: own }, value)
            }
        };
        let request = work.request;
        let call =
            Call::Resolve { key, conflict: conflict.to_string(), read: read.dots.clone(), value, request };
        Some((Request::Resolve { conflict, choice, request }, call))
    }

    /// A station answers.
    pub(super) fn answered(
        &mut self,
        station: usize,
        op: u64,
        token: Option<&VersionVector>,
        response: Response,
    ) {
        let Some(work) = self.open.get_mut(&op).filter(|work| work.station == station) else { return };
        if work.unheard {
            return;
        }
        if work.manners.deaf > 0 {
            work.manners.deaf -= 1;
            work.unheard = true;
            self.counters.answers_lost += 1;
            return;
        }
        let Some(work) = self.open.remove(&op) else { return };
        match response {
            Response::Refused(error) | Response::BatchRefused { error, .. } => self.refused(op, work, &error),
            response => {
                self.counters.waited_and_served += u64::from(work.waits);
                self.remember(&work, token, &response);
                self.say_answered(station, work.ops(op), token, response);
                if work.manners.doubts {
                    self.try_again(work);
                }
            }
        }
    }

    fn say_answered(
        &mut self,
        station: usize,
        ops: std::ops::Range<u64>,
        token: Option<&VersionVector>,
        response: Response,
    ) {
        let receipts = match &response {
            Response::Written(receipt) => std::slice::from_ref(receipt),
            Response::BatchWritten(receipts) => receipts.as_slice(),
            _ => &[],
        };
        receipts.iter().for_each(|receipt| self.note_receipt(station, receipt));
        let answers = match response {
            Response::BatchWritten(receipts) => receipts.into_iter().map(written).collect(),
            response => answer_of(response).into_iter().collect::<Vec<_>>(),
        };
        if answers.len() as u64 != ops.end - ops.start {
            let what = format!("answered op {} with something else", ops.start);
            return self.broken(station, what);
        }
        for (op, answer) in ops.zip(answers) {
            self.line(What::Ok { op, answer, token: token.map(upper) });
        }
    }

    fn note_receipt(&mut self, station: usize, receipt: &Receipt) {
        self.check_hybrid(station, receipt);
        match receipt.outcome {
            Outcome::Local => {}
            Outcome::Committed => self.counters.committed += 1,
            Outcome::Indeterminate => {
                self.counters.indeterminate += 1;
                let (station, copies) = (u8::try_from(station).ok(), u8::try_from(receipt.w).ok());
                if let (Some(station), Some(copies)) = (station, copies) {
                    let (dot, request) = (receipt.dot.clone(), receipt.request);
                    self.doubtful.push(Doubtful { station, dot, request, copies });
                }
            }
        }
    }

    fn refused(&mut self, op: u64, work: Work, error: &RequestError) {
        for op in work.ops(op) {
            self.line(What::Fail { op, error: error.to_string() });
        }
        match error {
            RequestError::Busy { .. } => {
                self.counters.busy += 1;
                self.send_again(work);
            }
            RequestError::Behind { .. } => {
                self.counters.behind += 1;
                // What was destroyed nobody ever has again: such a session has to begin anew.
                if self.rng.u32(..3) == 0 {
                    self.clients.entry(work.client).or_default().token = VersionVector::new();
                }
                self.try_again(work);
            }
            // Whether a station may have forgotten a write, the checks decide.
            _ if work.ask == Ask::Receipt && self.phase == Phase::ReadBack => {}
            _ => self.counters.refused_requests += 1,
        }
    }

    /// A hybrid clock is ahead of every wall time its station has read by the allowed drift at most.
    fn check_hybrid(&mut self, station: usize, receipt: &Receipt) {
        let at = &self.stations[station];
        let ahead = receipt.hlc.wall_ms().saturating_sub(at.wall.highest());
        if receipt.dot.replica.node == at.id && ahead > 0 {
            self.gauge(
                station,
                "milliseconds of the hybrid clock ahead of the wall",
                ahead,
                DEFAULT_MAX_DRIFT_MS,
            );
        }
    }

    fn remember(&mut self, work: &Work, token: Option<&VersionVector>, response: &Response) {
        let client = self.clients.entry(work.client).or_default();
        token.into_iter().for_each(|token| client.token.merge(token));
        match response {
            Response::Entry(entry) => self.remember_entry(work, entry),
            Response::Snapshot { at, .. } => client.frontier = Some(at.clone()),
            _ => {}
        }
    }

    fn remember_entry(&mut self, work: &Work, entry: &EntryView) {
        let (Ask::Get { key } | Ask::Resolve { key } | Ask::Put { key, .. }) = work.ask else { return };
        let first = entry.versions.first();
        let first_value = first.and_then(|first| {
            Some((first.dots.first()?.clone(), ValueDigest::of_version(first.kind, &first.value)))
        });
        let last = LastRead {
            dots: entry.versions.iter().flat_map(|version| version.dots.iter().cloned()).collect(),
            conflict: entry.conflict,
            first_value,
            is_complete: usize::try_from(entry.versions_total) == Ok(entry.versions.len()),
        };
        self.clients.entry(work.client).or_default().read.insert(key, last);
    }

    /// A client has heard nothing: what became of its request it does not know.
    pub(super) fn give_up(&mut self, op: u64) {
        let Some(work) = self.open.remove(&op) else { return };
        self.counters.unknown_outcomes += 1;
        for op in work.ops(op) {
            self.line(What::Info { op, why: "no answer in time".to_owned() });
        }
        self.try_again(work);
    }

    fn try_again(&mut self, work: Work) {
        if self.phase == Phase::Safety {
            self.send_again(work);
        }
    }

    fn send_again(&mut self, mut work: Work) {
        if work.manners.retries == 0 {
            return;
        }
        work.manners.retries -= 1;
        work.unheard = false;
        self.counters.retries += 1;
        if work.manners.roams {
            work.station = (work.station + 1) % self.stations.len();
        }
        self.waiting_works += 1;
        let later = self.rng.u64(5_000..400_000);
        self.heap.after(later, Event::Again { work: Box::new(work) });
    }

    /// The connections to a process have broken: who waits for its answers hears of it.
    pub(super) fn disturb_clients_of(&mut self, station: usize) {
        let waiting: Vec<u64> =
            self.open.iter().filter(|(_, work)| work.station == station).map(|(op, _)| *op).collect();
        for op in waiting {
            let later = self.rng.u64(0..5_000);
            self.heap.after(later, Event::Deadline { op });
        }
    }
}

/// A value that no other operation has, of about this size.
fn value_of(request: RequestId, op: u64, bytes: u32) -> Bytes {
    let name = format!("{request}-{op}");
    let size = usize::try_from(bytes).unwrap_or(usize::MAX).max(name.len());
    let mut value = name.into_bytes();
    value.resize(size, b'.');
    value.into()
}

fn request_of(call: &Call) -> Option<RequestId> {
    match call {
        Call::Put { request, .. } | Call::Delete { request, .. } => Some(*request),
        _ => None,
    }
}
