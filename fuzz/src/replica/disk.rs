//! An honest disk, and what follows from its content alone.
//!
//! Positions are those of the log, from 1 and without holes: nothing is damaged here. A batch is what one `Sync` covers;
//! it becomes durable as a whole, in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clock_core::replica::{LogQuery, LogStart, LoggedEvent, Lsn};
use clock_core::wire::EncodedEvent;
use clock_core::{Dot, Incarnation, Key, ReplicaId, VersionVector, WriteEvent};

use super::world::FIRST_INCARNATION;

/// A vector the naive way.
pub(super) type Past = BTreeMap<ReplicaId, u64>;

/// One event of the log.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) event: WriteEvent,
    pub(super) encoded: EncodedEvent,
    /// Its predecessor's, raised by its delta and by itself.
    pub(super) past: Past,
    /// The process that runs has minted it.
    is_minted_here: bool,
}

/// What one `Sync` covers beyond the one before.
#[derive(Debug, Default)]
struct Batch {
    upto: usize,
    incarnation: Option<Incarnation>,
    quarantined: u64,
}

#[derive(Debug)]
pub(super) struct Disk {
    entries: Vec<Entry>,
    /// For each replica the positions of its events, which have the sequence numbers from 1.
    positions: BTreeMap<ReplicaId, Vec<usize>>,
    durable: usize,
    durable_incarnation: Incarnation,
    durable_quarantined: u64,
    /// The incarnation appended last.
    pub(super) incarnation: Incarnation,
    open: Batch,
    batches: VecDeque<Batch>,
}

impl Disk {
    pub(super) fn new() -> Self {
        Self {
            entries: Vec::new(),
            positions: BTreeMap::new(),
            durable: 0,
            durable_incarnation: FIRST_INCARNATION,
            durable_quarantined: 0,
            incarnation: FIRST_INCARNATION,
            open: Batch::default(),
            batches: VecDeque::new(),
        }
    }

    /// Appends an event, which has to be the next of its replica and behind all of its past.
    pub(super) fn append(&mut self, lsn: Lsn, encoded: &EncodedEvent) -> &Entry {
        let event = encoded.decode().expect("what is appended can be read again");
        assert_eq!(lsn.0, self.entries.len() as u64 + 1, "the position of {event}");
        assert_eq!(event.dot.seq, self.upto(&event.dot.replica) + 1, "out of sequence: {event}");
        let named = event.delta.iter().map(|(replica, seq)| Dot { replica: replica.clone(), seq: *seq });
        for dot in named.chain(event.context.iter().cloned()) {
            assert!(self.position(&dot).is_some(), "{event} was applied before {dot}, which it names");
        }
        let predecessor = self.positions.get(&event.dot.replica).and_then(|known| known.last());
        let mut past = predecessor.map(|at| self.entries[at - 1].past.clone()).unwrap_or_default();
        let raised = event.delta.iter().map(|(replica, seq)| (replica, *seq));
        for (replica, seq) in raised.chain([(&event.dot.replica, event.dot.seq)]) {
            let counter = past.entry(replica.clone()).or_default();
            *counter = seq.max(*counter);
        }
        self.entries.push(Entry { event, encoded: encoded.clone(), past, is_minted_here: false });
        let at = self.entries.len();
        let entry = &self.entries[at - 1];
        self.positions.entry(entry.event.dot.replica.clone()).or_default().push(at);
        entry
    }

    /// The event that was appended last was minted just now.
    pub(super) fn note_minted(&mut self) {
        self.entries.last_mut().into_iter().for_each(|entry| entry.is_minted_here = true);
    }

    /// What the process that runs has minted and is not durable.
    pub(super) fn staged_here(&self) -> impl Iterator<Item = &Entry> {
        self.entries[self.durable..].iter().filter(|entry| entry.is_minted_here)
    }

    pub(super) fn note_incarnation(&mut self, incarnation: Incarnation) {
        self.incarnation = incarnation;
        self.open.incarnation = Some(incarnation);
    }

    pub(super) fn note_quarantined(&mut self) {
        self.open.quarantined += 1;
    }

    /// Ends a batch: this is what the next sync is to make durable.
    pub(super) fn request_sync(&mut self, upto: Lsn) {
        assert_eq!(upto.0, self.entries.len() as u64, "a sync of another part than was appended");
        self.batches.push_back(Batch { upto: self.entries.len(), ..std::mem::take(&mut self.open) });
    }

    /// Whether everything appended has been asked to be synced.
    pub(super) fn is_covered(&self) -> bool {
        let upto = self.batches.back().map_or(self.durable, |batch| batch.upto);
        upto >= self.entries.len() && self.open.incarnation.is_none() && self.open.quarantined == 0
    }

    /// Makes the next batches durable; returns up to where that is.
    pub(super) fn sync(&mut self, batches: usize) -> Option<Lsn> {
        for batch in self.batches.drain(..batches.min(self.batches.len())) {
            self.durable = self.durable.max(batch.upto);
            self.durable_incarnation = batch.incarnation.unwrap_or(self.durable_incarnation);
            self.durable_quarantined += batch.quarantined;
        }
        (batches > 0).then_some(Lsn(self.durable as u64))
    }

    /// Makes durable whatever whole batches a claim says are durable: it may be behind, or beyond the end. Returns the
    /// claim that this is true of; no batch becomes durable in part.
    pub(super) fn sync_upto(&mut self, claim: Lsn) -> Lsn {
        let upto = usize::try_from(claim.0).unwrap_or(usize::MAX);
        let whole = self.batches.iter().take_while(|batch| batch.upto <= upto).count();
        self.sync(whole);
        if upto < self.entries.len() { Lsn(claim.0.min(self.durable as u64)) } else { claim }
    }

    /// Power is lost, and with it what was not durable.
    pub(super) fn crash(&mut self) {
        self.entries.truncate(self.durable);
        self.positions.values_mut().for_each(|known| known.retain(|at| *at <= self.durable));
        self.positions.retain(|_, known| !known.is_empty());
        self.batches.clear();
        self.open = Batch::default();
        self.incarnation = self.durable_incarnation;
    }

    pub(super) fn quarantined(&self) -> u64 {
        self.durable_quarantined
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn durable_entries(&self) -> &[Entry] {
        &self.entries[..self.durable]
    }

    pub(super) fn last_lsn(&self) -> Lsn {
        Lsn(self.entries.len() as u64)
    }

    /// How many events of a replica are in the log.
    pub(super) fn upto(&self, replica: &ReplicaId) -> u64 {
        self.positions.get(replica).map_or(0, |known| known.len() as u64)
    }

    fn position(&self, dot: &Dot) -> Option<usize> {
        let index = usize::try_from(dot.seq.checked_sub(1)?).ok()?;
        self.positions.get(&dot.replica)?.get(index).copied()
    }

    pub(super) fn entry(&self, dot: &Dot) -> Option<&Entry> {
        self.position(dot).map(|at| &self.entries[at - 1])
    }

    pub(super) fn is_durable(&self, dot: &Dot) -> bool {
        self.position(dot).is_some_and(|at| at <= self.durable)
    }

    /// The vector of all that is durable.
    pub(super) fn visible(&self) -> VersionVector {
        let upto = |known: &Vec<usize>| known.partition_point(|at| *at <= self.durable) as u64;
        self.positions.iter().map(|(replica, known)| (replica.clone(), upto(known))).collect()
    }

    /// A key's durable writes that none of its others supersedes. Each takes away what its context names; and a name of
    /// a write goes with another name of the same write, if that lies above all that it supersedes itself.
    pub(super) fn current(&self, key: &Key) -> Vec<&WriteEvent> {
        let of_key =
            self.durable_entries().iter().map(|entry| &entry.event).filter(|event| event.key == *key);
        let of_key: Vec<&WriteEvent> = of_key.collect();
        let read: BTreeSet<&Dot> = of_key.iter().flat_map(|event| &event.context).collect();
        let (read, mut current): (Vec<&WriteEvent>, Vec<&WriteEvent>) =
            of_key.into_iter().partition(|event| read.contains(&event.dot));
        let is_twin = |one: &WriteEvent, two: &WriteEvent| one.request == two.request && one.body == two.body;
        if current.iter().any(|event| read.iter().any(|other| is_twin(event, other))) {
            let heights = self.heights();
            let height = |dot: &Dot| heights.get(dot).copied().unwrap_or(0);
            current.retain(|event| {
                let below = event.context.iter().map(height).max().unwrap_or(0);
                !read.iter().any(|twin| is_twin(event, twin) && below < height(&twin.dot))
            });
        }
        current
    }

    /// Of each durable write: how many events are in its past, and more than any that it supersedes.
    fn heights(&self) -> BTreeMap<&Dot, u64> {
        let mut heights = BTreeMap::new();
        for Entry { event, past, .. } in self.durable_entries() {
            let counted = past.values().fold(0_u64, |events, upto| events.saturating_add(*upto));
            let above = event.context.iter().filter_map(|dot| heights.get(dot)).max().copied().unwrap_or(0);
            heights.insert(&event.dot, counted.max(above + 1));
        }
        heights
    }

    /// How many durable writes a key has had.
    pub(super) fn writes(&self, key: &Key) -> u64 {
        self.durable_entries().iter().filter(|entry| entry.event.key == *key).count() as u64
    }

    /// Keys with more than one current version, in order. Writes of one request and one body are one version.
    pub(super) fn conflicts(&self) -> Vec<&Key> {
        let keys: BTreeSet<&Key> = self.durable_entries().iter().map(|entry| &entry.event.key).collect();
        keys.into_iter().filter(|key| versions(&self.current(key)) > 1).collect()
    }

    /// Reads a piece of what is durable, as a store does.
    pub(super) fn read(&self, query: &LogQuery) -> (Vec<LoggedEvent>, Lsn) {
        let from = match &query.start {
            LogStart::At(lsn) => *lsn,
            LogStart::FirstOf(dots) => {
                let first = dots.iter().filter_map(|dot| self.position(dot)).min();
                first.map_or(query.upto.next(), |at| Lsn(at as u64))
            }
        };
        let mut events = Vec::new();
        for at in from.0.max(1)..=query.upto.0.min(self.durable as u64) {
            if events.len() == query.events_max {
                return (events, Lsn(at));
            }
            let entry = &self.entries[at as usize - 1];
            if !query.covered.covers(&entry.event.dot) {
                events.push(logged(Lsn(at), entry));
            }
        }
        (events, query.upto.next().max(from))
    }
}

pub(super) fn logged(lsn: Lsn, entry: &Entry) -> LoggedEvent {
    LoggedEvent { lsn, dot: entry.event.dot.clone(), event: entry.encoded.clone() }
}

/// How many versions these current writes of a key are.
pub(super) fn versions(current: &[&WriteEvent]) -> usize {
    let is_first = |(index, event): &(usize, &&WriteEvent)| {
        let is_same = |other: &&WriteEvent| other.request == event.request && other.body == event.body;
        !current[..*index].iter().any(is_same)
    };
    current.iter().enumerate().filter(is_first).count()
}
