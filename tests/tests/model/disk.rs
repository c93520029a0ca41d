//! The log of one station: records in order, a mark up to where they are durable, and the syncs that are asked for.
//!
//! It is honest: what is durable stays, and what is not goes with the power.

use bytes::Bytes;
use clock_core::replica::{LogQuery, LogStart, LoggedEvent, Lsn};
use clock_core::wire::EncodedEvent;
use clock_core::{Dot, HybridTimestamp, WriteEvent};

use super::dots::{Dots, Place};

/// An event in the log, with what the oracle may know of it: no vector and no context.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// Its name, as in the log.
    pub(crate) name: Dot,
    /// Its name, as the oracle has it.
    pub(crate) dot: Dots,
    /// Which station minted it.
    pub(crate) origin: Place,
    /// The request it answers.
    pub(crate) request: u8,
    /// Its Lamport time.
    pub(crate) lamport: u64,
    /// Its hybrid timestamp.
    pub(crate) hlc: HybridTimestamp,
    /// All of it.
    pub(crate) event: EncodedEvent,
}

impl Stored {
    fn of(name: Dot, event: EncodedEvent) -> Self {
        let decoded: WriteEvent = event.decode().expect("a station writes valid events");
        let request = u8::try_from(decoded.request.0).expect("requests of the model are small");
        let (dot, origin) = (Dots::of(&name), Place::of(&name.replica.node));
        let WriteEvent { lamport, hlc, .. } = decoded;
        Self { name, dot, origin, request, lamport, hlc, event }
    }
}

/// A log of events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    records: Vec<Stored>,
    durable: usize,
    /// How many records each sync covers that was asked for and has not ended, oldest first.
    syncing: Vec<usize>,
}

impl Disk {
    /// Writes an event at the end. `false` if it was meant for another position.
    pub(crate) fn append(&mut self, lsn: Lsn, name: Dot, event: EncodedEvent) -> bool {
        self.records.push(Stored::of(name, event));
        position(self.records.len()) == lsn
    }

    /// Somebody asks for everything up to here to be made durable.
    pub(crate) fn begin_sync(&mut self, upto: Lsn) {
        let upto = self.records.iter().zip(1..).filter(|(_, lsn)| *lsn <= upto.0).count();
        self.syncing.push(upto);
    }

    /// How many syncs have not ended.
    pub(crate) fn syncs(&self) -> usize {
        self.syncing.len()
    }

    /// This many of the syncs end; returns up to where the log is durable now.
    pub(crate) fn end_syncs(&mut self, count: usize) -> Lsn {
        self.durable = self.syncing.drain(..count).next_back().unwrap_or(self.durable);
        position(self.durable)
    }

    /// Power is lost, after this many syncs that nobody was told of.
    pub(crate) fn crash(&mut self, syncs: usize) {
        self.end_syncs(syncs);
        self.syncing.clear();
        self.records.truncate(self.durable);
    }

    /// What is durable, in log order.
    pub(crate) fn durable(&self) -> &[Stored] {
        &self.records[..self.durable]
    }

    /// What was written and is not durable.
    pub(crate) fn pending(&self) -> &[Stored] {
        &self.records[self.durable..]
    }

    /// All that was written.
    pub(crate) fn records(&self) -> &[Stored] {
        &self.records
    }

    /// The durable writes.
    pub(crate) fn dots(&self) -> Dots {
        Dots::all(self.durable().iter().map(|stored| stored.dot))
    }

    /// The durable events for a station that starts.
    pub(crate) fn recovered(&self) -> (Lsn, Vec<(Lsn, EncodedEvent)>) {
        let events = self.durable().iter().zip(1..).map(|(stored, lsn)| (Lsn(lsn), stored.event.clone()));
        (position(self.durable), events.collect())
    }

    /// Reads a bounded piece.
    pub(crate) fn read(&self, query: &LogQuery) -> (Vec<LoggedEvent>, Lsn) {
        let from = match &query.start {
            LogStart::At(lsn) => *lsn,
            LogStart::FirstOf(dots) => {
                let first = self.durable().iter().position(|stored| dots.contains(&stored.name));
                first.map_or(query.upto.next(), |index| position(index + 1))
            }
        };
        let mut events = Vec::new();
        for (stored, lsn) in self.durable().iter().zip(1..).map(|(stored, lsn)| (stored, Lsn(lsn))) {
            if lsn < from || query.covered.covers(&stored.name) {
                continue;
            }
            if lsn > query.upto || events.len() == query.events_max {
                return (events, lsn);
            }
            events.push(LoggedEvent { lsn, dot: stored.name.clone(), event: stored.event.clone() });
        }
        (events, query.upto.next().max(from))
    }

    /// All that tells this disk from another.
    pub(crate) fn identity(&self) -> (Vec<&Bytes>, usize, &[usize]) {
        (self.records.iter().map(|stored| stored.event.as_bytes()).collect(), self.durable, &self.syncing)
    }
}

fn position(count: usize) -> Lsn {
    Lsn(u64::try_from(count).expect("a log of few records"))
}
