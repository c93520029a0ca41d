//! A disk in memory with two images: what was written, and what is durable.

use std::collections::BTreeMap;
use std::convert::Infallible;

use clock_core::replica::lineage::{Log, Placed};
use clock_core::replica::{LogQuery, LogRecord, LogStart, LoggedEvent, Lsn};
use clock_core::wire::EncodedEvent;
use clock_core::{Dot, Incarnation, Key, ReplicaId};

/// The log of one station.
#[derive(Debug, Default)]
pub struct MemoryLog {
    durable: BTreeMap<Lsn, (Dot, Key, EncodedEvent)>,
    written: Vec<LogRecord>,
    incarnation: Option<Incarnation>,
    quarantined: u64,
    last_lsn: Lsn,
    damaged: bool,
}

impl MemoryLog {
    /// Writes a record; a crash before the next sync loses it.
    pub fn append(&mut self, record: LogRecord) {
        self.written.push(record);
    }

    /// Makes all that was written durable.
    pub fn sync(&mut self, upto: Lsn) {
        for record in std::mem::take(&mut self.written) {
            match record {
                LogRecord::Event { lsn, dot, key, event } => {
                    assert!(lsn <= upto, "{dot} was appended at {lsn:?}, behind the sync up to {upto:?}");
                    self.durable.retain(|_, (stored, _, _)| *stored != dot);
                    self.durable.insert(lsn, (dot, key, event));
                    self.last_lsn = self.last_lsn.max(lsn);
                }
                LogRecord::Incarnation(incarnation) => self.incarnation = Some(incarnation),
                LogRecord::Quarantine { .. } => self.quarantined += 1,
            }
        }
    }

    /// Power is lost: what was not synced is gone.
    pub fn crash(&mut self) {
        self.written.clear();
    }

    /// A stored event is found damaged: it is quarantined, as the store does when it opens.
    pub fn damage(&mut self, dot: &Dot) {
        let before = self.durable.len();
        self.durable.retain(|_, (stored, _, _)| stored != dot);
        assert!(self.durable.len() < before, "{dot} is not stored");
        self.quarantined += 1;
        self.damaged = true;
    }

    /// The newest events are lost without a trace, as with an old backup.
    pub fn forget_newest(&mut self, count: usize) {
        for _ in 0..count {
            self.durable.pop_last();
        }
        self.last_lsn = self.durable.last_key_value().map_or(Lsn(0), |(lsn, _)| *lsn);
    }

    /// The events in log order.
    pub fn events(&self) -> impl Iterator<Item = (Lsn, EncodedEvent)> {
        self.durable.iter().map(|(lsn, (_, _, event))| (*lsn, event.clone()))
    }

    /// The dots in log order.
    pub fn dots(&self) -> Vec<Dot> {
        self.durable.values().map(|(dot, _, _)| dot.clone()).collect()
    }

    /// Whether an incarnation is stored: what was minted under it may be lost.
    pub fn has_incarnation(&self) -> bool {
        self.incarnation.is_some()
    }

    /// The incarnation stored last; an empty disk takes the one drawn for it.
    pub fn incarnation_or(&mut self, fresh: Incarnation) -> Incarnation {
        *self.incarnation.get_or_insert(fresh)
    }

    /// Whether anything was found damaged.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// How many records are in quarantine.
    pub fn quarantined(&self) -> u64 {
        self.quarantined
    }

    /// The last position ever synced.
    pub fn last_lsn(&self) -> Lsn {
        self.last_lsn
    }

    /// Reads a bounded piece.
    pub fn read(&self, query: &LogQuery) -> (Vec<LoggedEvent>, Lsn) {
        let from = match &query.start {
            LogStart::At(lsn) => *lsn,
            LogStart::FirstOf(dots) => {
                let first = self.durable.iter().find(|(_, (dot, _, _))| dots.contains(dot));
                first.map_or(query.upto.next(), |(lsn, _)| *lsn)
            }
        };
        let (mut events, mut bytes, mut next) = (Vec::new(), 0, from);
        for (lsn, (dot, _, event)) in self.durable.range(from..) {
            let full = events.len() == query.events_max
                || (bytes > 0 && bytes + event.as_bytes().len() > query.bytes_max);
            if *lsn > query.upto || full {
                return (events, next);
            }
            next = lsn.next();
            if !query.covered.covers(dot) {
                bytes += event.as_bytes().len();
                events.push(LoggedEvent { lsn: *lsn, dot: dot.clone(), event: event.clone() });
            }
        }
        (events, query.upto.next().max(from))
    }

    fn decoded(lsn: Lsn, event: &EncodedEvent) -> Result<Placed, Infallible> {
        Ok((lsn, event.decode().expect("the log holds valid events")))
    }
}

impl Log for MemoryLog {
    type Error = Infallible;

    fn find(&self, dot: &Dot) -> Result<Option<Placed>, Infallible> {
        let stored = self.durable.iter().find(|(_, (stored, _, _))| stored == dot);
        stored.map(|(lsn, (_, _, event))| Self::decoded(*lsn, event)).transpose()
    }

    fn of_key(
        &self,
        key: &Key,
        after: Lsn,
    ) -> Result<impl Iterator<Item = Result<Placed, Infallible>>, Infallible> {
        let behind = self.durable.range(after.next()..).filter(move |(_, (_, stored, _))| stored == key);
        Ok(behind.map(|(lsn, (_, _, event))| Self::decoded(*lsn, event)))
    }

    fn of_replica(
        &self,
        replica: &ReplicaId,
        upto: u64,
    ) -> Result<impl Iterator<Item = Result<Placed, Infallible>>, Infallible> {
        let is_asked = |dot: &Dot| dot.replica == *replica && dot.seq <= upto;
        let stored = self.durable.iter().filter(|(_, (dot, _, _))| is_asked(dot));
        let mut events: Vec<_> = stored.map(|(lsn, (_, _, event))| Self::decoded(*lsn, event)).collect();
        events.sort_by_key(|placed| placed.as_ref().map(|(_, event)| event.dot.seq).unwrap_or_default());
        Ok(events.into_iter())
    }

    fn from(&self, start: Lsn) -> Result<impl Iterator<Item = Result<Placed, Infallible>>, Infallible> {
        Ok(self.durable.range(start..).map(|(lsn, (_, _, event))| Self::decoded(*lsn, event)))
    }
}
