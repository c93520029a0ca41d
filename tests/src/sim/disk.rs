//! The store's twin in memory: what is committed, and nothing else, survives a crash.
//!
//! As the store it knows records and positions. A commit is whole or absent; a torn one is noticed when the disk is
//! opened; a stored event that fails its checksum is quarantined then, and stops the process if it is met before.

use std::collections::BTreeMap;

use bytes::Bytes;
use clock_core::replica::lineage::{Log, Placed};
use clock_core::replica::{LogQuery, LogRecord, LogStart, LoggedEvent, Lsn, Recovered};
use clock_core::wire::EncodedEvent;
use clock_core::{Dot, Incarnation, Key, ReplicaId, WriteEvent};

use super::twin_bug::TwinBug;

/// One station's disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    log: BTreeMap<Lsn, Stored>,
    positions: BTreeMap<Dot, Lsn>,
    incarnation: Option<Incarnation>,
    quarantined: u64,
    torn: bool,
}

#[derive(Debug, Clone)]
struct Stored {
    dot: Dot,
    key: Key,
    bytes: Bytes,
}

/// What opening found.
pub(super) struct Opened {
    pub(super) recovered: Recovered,
    pub(super) events: Vec<(Lsn, EncodedEvent)>,
    /// Events that failed their check.
    pub(super) damaged: usize,
    /// The newest commit was torn.
    pub(super) torn: bool,
}

/// A stored event fails its checksum: the process must end.
#[derive(Debug)]
pub(super) struct DamagedRead;

impl Disk {
    /// Makes a batch durable. Returns the dots of its events; one that was stored already has moved to its new place.
    pub(super) fn commit(&mut self, records: Vec<LogRecord>, bug: Option<TwinBug>) -> Vec<Dot> {
        let mut dots = Vec::new();
        for record in records {
            match record {
                LogRecord::Event { lsn, dot, key, event } => {
                    if let Some(old) = self.positions.insert(dot.clone(), lsn) {
                        self.log.remove(&old);
                        if bug == Some(TwinBug::MovedEventDropped) {
                            continue;
                        }
                    }
                    dots.push(dot.clone());
                    self.log.insert(lsn, Stored { dot, key, bytes: event.as_bytes().clone() });
                }
                LogRecord::Incarnation(incarnation) => self.incarnation = Some(incarnation),
                LogRecord::Quarantine { .. } => self.quarantined += 1,
            }
        }
        dots
    }

    /// The newest commit was torn by the crash: the store rolls it back and can tell.
    pub(super) fn tear(&mut self) {
        self.torn = true;
    }

    /// Opens the disk as a start of the process does. `fresh` is the incarnation that an empty one takes.
    pub(super) fn open(&mut self, fresh: Incarnation, bug: Option<TwinBug>) -> Opened {
        let incarnation_is_fresh = self.incarnation.is_none();
        let incarnation = *self.incarnation.get_or_insert(fresh);
        let mut damaged = 0;
        if bug != Some(TwinBug::ServeDamaged) {
            damaged = self.quarantine_damaged(bug == Some(TwinBug::CutAtDamage));
        }
        let torn = std::mem::take(&mut self.torn);
        let says_sound = bug == Some(TwinBug::CutAtDamage);
        let recovered = Recovered {
            incarnation,
            incarnation_is_fresh,
            may_have_lost_events: (torn || damaged > 0) && !says_sound,
            quarantined: self.quarantined,
            last_lsn: self.last_lsn(),
        };
        let events =
            self.log.iter().map(|(lsn, stored)| (*lsn, EncodedEvent::from_bytes(stored.bytes.clone())));
        Opened { recovered, events: events.collect(), damaged, torn }
    }

    fn quarantine_damaged(&mut self, cut_there: bool) -> usize {
        let bad = |stored: &Stored| EncodedEvent::from_bytes(stored.bytes.clone()).decode().is_err();
        let damaged: Vec<Lsn> =
            self.log.iter().filter(|(_, stored)| bad(stored)).map(|(lsn, _)| *lsn).collect();
        for lsn in &damaged {
            self.remove(*lsn);
            self.quarantined += 1;
        }
        if let Some(first) = damaged.first().filter(|_| cut_there) {
            let behind: Vec<Lsn> = self.log.range(*first..).map(|(lsn, _)| *lsn).collect();
            behind.into_iter().for_each(|lsn| self.remove(lsn));
        }
        damaged.len()
    }

    fn remove(&mut self, lsn: Lsn) {
        if let Some(stored) = self.log.remove(&lsn) {
            self.positions.remove(&stored.dot);
        }
    }

    /// Every dot on this disk, in the order of its log.
    pub(super) fn dots(&self) -> impl Iterator<Item = &Dot> {
        self.log.values().map(|stored| &stored.dot)
    }

    /// Whether an event fails its check.
    pub(super) fn is_damaged(&self) -> bool {
        self.log.values().any(|stored| !self.is_sound(&stored.dot))
    }

    /// Bytes of all events.
    pub(super) fn bytes(&self) -> u64 {
        self.log.values().map(|stored| stored.bytes.len() as u64).sum()
    }

    /// Whether the event is here and passes its check.
    pub(super) fn is_sound(&self, dot: &Dot) -> bool {
        let stored = self.positions.get(dot).and_then(|lsn| self.log.get(lsn));
        stored.is_some_and(|stored| EncodedEvent::from_bytes(stored.bytes.clone()).decode().is_ok())
    }

    /// The dot in place `number`, counted round and round the log.
    pub(super) fn nth(&self, number: u32) -> Option<&Dot> {
        let count = u32::try_from(self.log.len()).ok().filter(|count| *count > 0)?;
        let place = usize::try_from(number % count).ok()?;
        self.log.values().nth(place).map(|stored| &stored.dot)
    }

    /// Flips one bit of a stored event. `false` if it is not here.
    pub(super) fn flip(&mut self, dot: &Dot, bit: u32) -> bool {
        let Some(stored) = self.positions.get(dot).and_then(|lsn| self.log.get_mut(lsn)) else {
            return false;
        };
        stored.bytes = flipped(&stored.bytes, bit);
        true
    }

    /// The last position that is committed.
    pub(super) fn last_lsn(&self) -> Lsn {
        self.log.last_key_value().map_or(Lsn(0), |(lsn, _)| *lsn)
    }

    /// Reads a bounded piece of what is committed and, for a bug, of what is not yet.
    pub(super) fn read(
        &self,
        query: &LogQuery,
        pending: &[LogRecord],
        bug: Option<TwinBug>,
    ) -> Result<(Vec<LoggedEvent>, Lsn), DamagedRead> {
        let from = match &query.start {
            LogStart::At(lsn) if bug == Some(TwinBug::ReadsSkipOne) => lsn.next(),
            LogStart::At(lsn) => *lsn,
            LogStart::FirstOf(dots) => {
                let first = dots.iter().filter_map(|dot| self.positions.get(dot)).min();
                first.copied().unwrap_or(query.upto.next())
            }
        };
        let (mut events, mut bytes, mut next) = (Vec::new(), 0, from);
        let committed = self.log.range(from..).map(|(lsn, stored)| (*lsn, &stored.dot, stored.bytes.clone()));
        let pending = pending.iter().filter_map(|record| match record {
            LogRecord::Event { lsn, dot, event, .. } => Some((*lsn, dot, event.as_bytes().clone())),
            _ => None,
        });
        for (lsn, dot, stored) in committed.chain(pending.filter(|(lsn, ..)| *lsn >= from)) {
            let full =
                events.len() == query.events_max || (bytes > 0 && bytes + stored.len() > query.bytes_max);
            if lsn > query.upto || full {
                return Ok((events, next));
            }
            next = lsn.next();
            let event = EncodedEvent::from_bytes(stored);
            if bug != Some(TwinBug::ServeDamaged) && event.decode().is_err() {
                return Err(DamagedRead);
            }
            if !query.covered.covers(dot) {
                bytes += event.as_bytes().len();
                events.push(LoggedEvent { lsn, dot: dot.clone(), event });
            }
        }
        Ok((events, query.upto.next().max(from)))
    }
}

impl Stored {
    fn placed(&self, lsn: Lsn) -> Result<Placed, DamagedRead> {
        let event = EncodedEvent::from_bytes(self.bytes.clone()).decode().map_err(|_| DamagedRead)?;
        Ok((lsn, event))
    }
}

impl Disk {
    fn placed(
        &self,
        from: Lsn,
        is_asked: impl Fn(&Stored) -> bool,
    ) -> impl Iterator<Item = Result<Placed, DamagedRead>> {
        let asked = self.log.range(from..).filter(move |(_, stored)| is_asked(stored));
        asked.map(|(lsn, stored)| stored.placed(*lsn))
    }
}

impl Log for Disk {
    type Error = DamagedRead;

    fn find(&self, dot: &Dot) -> Result<Option<Placed>, DamagedRead> {
        let lsn = self.positions.get(dot);
        lsn.and_then(|lsn| Some(self.log.get(lsn)?.placed(*lsn))).transpose()
    }

    fn of_key(
        &self,
        key: &Key,
        after: Lsn,
    ) -> Result<impl Iterator<Item = Result<Placed, DamagedRead>>, DamagedRead> {
        let key = key.clone();
        Ok(self.placed(after.next(), move |stored| stored.key == key))
    }

    fn of_replica(
        &self,
        replica: &ReplicaId,
        upto: u64,
    ) -> Result<impl Iterator<Item = Result<Placed, DamagedRead>>, DamagedRead> {
        let lsn = |seq| self.positions.get(&Dot { replica: replica.clone(), seq }).copied();
        let lsns: Vec<Lsn> = (1..=upto).filter_map(lsn).collect();
        Ok(lsns.into_iter().filter_map(|lsn| Some(self.log.get(&lsn)?.placed(lsn))))
    }

    fn from(&self, start: Lsn) -> Result<impl Iterator<Item = Result<Placed, DamagedRead>>, DamagedRead> {
        Ok(self.placed(start, |_| true))
    }
}

/// The bytes with one bit flipped, counted round and round.
pub(super) fn flipped(bytes: &Bytes, bit: u32) -> Bytes {
    let mut copy = bytes.to_vec();
    let bits = u32::try_from(copy.len() * 8).unwrap_or(u32::MAX).max(1);
    let place = usize::try_from((bit % bits) / 8).unwrap_or(0);
    if let Some(byte) = copy.get_mut(place) {
        *byte ^= 1 << (bit % 8);
    }
    copy.into()
}

/// What of a log a station can show: every event whose past is there, in the order of the log.
pub(super) fn showable(events: &[(Lsn, EncodedEvent)]) -> Vec<Dot> {
    let mut upto: BTreeMap<clock_core::ReplicaId, u64> = BTreeMap::new();
    let mut shown = Vec::new();
    for (_, encoded) in events {
        let Ok(event) = encoded.decode() else { continue };
        let has = |replica: &clock_core::ReplicaId, seq: u64| upto.get(replica).copied().unwrap_or(0) >= seq;
        if past_of(&event).iter().all(|dot| has(&dot.replica, dot.seq)) {
            upto.insert(event.dot.replica.clone(), event.dot.seq);
            shown.push(event.dot);
        }
    }
    shown
}

fn past_of(event: &WriteEvent) -> Vec<Dot> {
    let before = event.dot.seq.checked_sub(1).filter(|seq| *seq > 0);
    let previous = before.map(|seq| Dot { replica: event.dot.replica.clone(), seq });
    let delta = event.delta.iter().map(|(replica, seq)| Dot { replica: replica.clone(), seq: *seq });
    previous.into_iter().chain(delta).chain(event.context.iter().cloned()).collect()
}
