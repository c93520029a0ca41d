//! Clients: they ask, read what they are told, write with what they have read, ask again where they heard nothing,
//! here or elsewhere, and sometimes never listen.

use std::collections::BTreeMap;

use bytes::Bytes;
use clock_core::replica::{Input, Ticket};
use clock_core::wire::{Choice, EntryView, Receipt, Request, Response, StatusView, Terms, WriteContext};
use clock_core::{BodyKind, DEFAULT_MAX_DRIFT_MS, Dot, RequestId, VersionVector};

use super::plan::{Ask, PutContext};
use super::shell::CLIENTS;
use super::world::{Event, World};
use crate::history::{Answer, Call, Context, Phase, ValueDigest, Version, What};

/// How long a client waits for an answer.
const PATIENCE_US: u64 = 2_000_000;

/// What one client remembers.
#[derive(Debug, Default)]
pub(super) struct Client {
    read: BTreeMap<u16, LastRead>,
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
    /// What was sent the first time: a retry sends the same.
    pub(super) sent: Option<(Request, Call)>,
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
        let Some((request, call)) = work.sent.take().or_else(|| self.formulate(&work)) else { return };
        work.sent = Some((request, call.clone()));
        let op = self.next_op;
        self.next_op += 1;
        let (client, station) = (u32::from(work.client), self.id(work.station));
        self.line(What::Invoke { op, client, station, call, w: None, session: None, batch: None });
        let boot = self.stations[work.station].boot;
        self.open.insert(op, work);
        let later = self.rng.u64(0..200);
        self.heap.after(later, Event::Request { op, boot });
        self.heap.after(PATIENCE_US, Event::Deadline { op });
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
        let Some((request, _)) = work.sent.clone() else { return };
        let ticket = Ticket { session: CLIENTS, number: op };
        self.handle(station, Input::Client { ticket, terms: Terms::default(), request });
    }

    /// What to send, and what it means.
    fn formulate(&mut self, work: &Work) -> Option<(Request, Call)> {
        match work.ask {
            Ask::Put { key, context, bytes } => self.put_call(work, key, context, bytes),
            Ask::Resolve { key } => self.resolve_call(work, key),
            Ask::Get { key } => {
                let key = self.keys.get(usize::from(key))?.clone();
                Some((Request::Get { key: key.clone(), skip: 0 }, Call::Get { key }))
            }
            Ask::Status => Some((Request::Status, Call::Status)),
        }
    }

    fn put_call(&self, work: &Work, number: u16, context: PutContext, bytes: u32) -> Option<(Request, Call)> {
        let key = self.keys.get(usize::from(number))?.clone();
        let last = self.clients.get(&work.client).and_then(|client| client.read.get(&number));
        let read = || last.map(|read| read.dots.clone()).unwrap_or_default();
        let (sent, meant) = match context {
            PutContext::Station => (WriteContext::StationView, Context::Station),
            PutContext::Read => (WriteContext::Exactly(read()), Context::Exactly(read())),
            PutContext::Blind => (WriteContext::Blind, Context::Blind),
        };
        let value = value_of(work.request, self.next_op, bytes);
        let call = Call::Put {
            key: key.clone(),
            value: ValueDigest::of(&value),
            context: meant,
            request: work.request,
        };
        let request =
            Request::Put { key, kind: BodyKind::OPAQUE, value, context: sent, request: work.request };
        Some((request, call))
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
    pub(super) fn answered(&mut self, station: usize, op: u64, response: Response) {
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
        if let Response::Entry(entry) = &response {
            self.remember(&work, entry);
        }
        if let Response::Written(receipt) = &response {
            self.check_hybrid(station, receipt);
        }
        match response {
            Response::Refused(error) => {
                self.counters.refused_requests += 1;
                self.line(What::Fail { op, error: error.to_string() });
            }
            response => match answer_of(response) {
                Some(answer) => {
                    self.line(What::Ok { op, answer, token: None });
                    if work.manners.doubts {
                        self.try_again(work);
                    }
                }
                None => {
                    let station = self.id(station);
                    self.line(What::Broken {
                        station,
                        what: format!("answered op {op} with something else"),
                    });
                }
            },
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

    fn remember(&mut self, work: &Work, entry: &EntryView) {
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
        let why = "no answer in time".to_owned();
        self.line(What::Info { op, why });
        self.try_again(work);
    }

    fn try_again(&mut self, mut work: Work) {
        if work.manners.retries == 0 || self.phase != Phase::Safety {
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

fn answer_of(response: Response) -> Option<Answer> {
    match response {
        Response::Written(receipt) => Some(written(receipt)),
        Response::Entry(entry) => Some(entry_of(entry)),
        Response::UnknownKey => Some(Answer::Unknown),
        Response::Status(status) => Some(status_of(&status)),
        _ => None,
    }
}

fn written(receipt: Receipt) -> Answer {
    Answer::Written {
        dot: receipt.dot,
        lamport: receipt.lamport,
        hlc: receipt.hlc.as_packed(),
        wall_ms: receipt.wall_ms,
        vector: upper(&receipt.vector),
        context: receipt.context,
        beside: receipt.concurrent_with,
        outcome: Some(receipt.outcome.as_str().to_owned()),
        durable_on: receipt.durable_on,
    }
}

fn entry_of(entry: EntryView) -> Answer {
    let complete = usize::try_from(entry.versions_total) == Ok(entry.versions.len());
    let versions = entry.versions.into_iter().map(|version| Version {
        dots: version.dots,
        value: ValueDigest::of_version(version.kind, &version.value),
        context: version.context,
        request: version.request,
    });
    Answer::Entry {
        revision: entry.revision,
        conflict: entry.conflict.map(|id| id.to_string()),
        versions: versions.collect(),
        complete,
        seen: None,
    }
}

fn status_of(status: &StatusView) -> Answer {
    Answer::Status { vector: upper(&status.durable), lamport: status.lamport, conflicts: status.conflicts }
}

fn upper(vector: &VersionVector) -> Vec<Dot> {
    vector.iter().map(|(replica, seq)| Dot { replica: replica.clone(), seq }).collect()
}
