//! What a store holds, too simple to be wrong, and the comparison with one that was opened.

use std::collections::BTreeMap;

use clock_core::replica::{LogQuery, LogRecord, LogStart, Lsn};
use clock_core::wire::EncodedEvent;
use clock_core::{Incarnation, VersionVector};
use clock_node::store::OpenedStore;

use super::{FRESH, KEYS, dot, history, key, record, value, whole_log};

/// After some batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Log position -> sequence number.
    pub log: BTreeMap<u64, u64>,
    pub incarnation: Incarnation,
    pub quarantined: u64,
    pub last_lsn: u64,
    pub last_seq: u64,
}

impl Held {
    pub fn nothing() -> Self {
        Self { log: BTreeMap::new(), incarnation: FRESH, quarantined: 0, last_lsn: 0, last_seq: 0 }
    }

    /// A batch as a station might write it, and what the store holds then. `last_seq` is the highest number that was
    /// ever used: what an earlier attempt wrote is not written again.
    pub fn next_batch(&self, last_seq: u64, rng: &mut fastrand::Rng) -> (Vec<LogRecord>, Self) {
        let (mut records, mut next) = (Vec::new(), self.clone());
        next.last_seq = last_seq;
        if rng.u8(..8) == 0 {
            next.incarnation = Incarnation(rng.u32(..));
            records.push(LogRecord::Incarnation(next.incarnation));
        }
        if rng.u8(..8) == 0 {
            next.quarantined += 1;
            let LogRecord::Event { dot, event, .. } = record(1, 1) else { unreachable!() };
            records.push(LogRecord::Quarantine { dot, bytes: event.as_bytes().clone() });
        }
        for _ in 0..rng.u64(1..8) {
            next.last_lsn += 1;
            let moved =
                rng.choice(next.log.iter()).map(|(lsn, seq)| (*lsn, *seq)).filter(|_| rng.u8(..10) == 0);
            let seq = match moved {
                Some((lsn, seq)) => {
                    next.log.remove(&lsn);
                    seq
                }
                None => {
                    next.last_seq += 1;
                    next.last_seq
                }
            };
            next.log.insert(next.last_lsn, seq);
            records.push(record(seq, next.last_lsn));
        }
        (records, next)
    }

    /// Whether the store holds exactly this: events with their values in log order, both indexes, incarnation.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, store: &OpenedStore) -> Result<(), String> {
        let log: BTreeMap<u64, u64> = true_events(store)?;
        let differs = |(lsn, seq): &(&u64, &u64)| log.get(*lsn) != Some(*seq);
        same("missing of the log", &self.log.iter().find(differs), &None)?;
        same("log", &log, &self.log)?;
        same("incarnation", &store.recovered.incarnation, &self.incarnation)?;
        same("quarantine", &store.recovered.quarantined, &self.quarantined)?;
        same("last position", &store.recovered.last_lsn, &Lsn(self.last_lsn))?;
        same("events", &store.events_count, &(self.log.len() as u64))?;
        for number in 0..KEYS {
            let positions = history(&store.reader(), &key(number)).map_err(|error| error.to_string())?;
            let expected = self.log.iter().filter(|(_, seq)| **seq % KEYS == number).map(|(lsn, _)| *lsn);
            // A history may have more parts than one.
            let expected: Vec<u64> = expected.take(positions.len().max(1)).collect();
            same("history", &positions, &expected)?;
        }
        let Some((lsn, seq)) = self.log.last_key_value() else { return Ok(()) };
        let start = LogStart::FirstOf(vec![dot(*seq)]);
        let query = LogQuery { start, covered: VersionVector::new(), ..whole_log() };
        let (events, _) = store.reader().read(&query).map_err(|error| error.to_string())?;
        same("index of dots", &events.first().map(|event| event.dot.seq), &Some(*seq))
            .map_err(|wrong| format!("{wrong}, at position {lsn}"))
    }
}

/// Every event of the store: position and number.
///
/// # Errors
/// One whose content is not what its number says.
pub fn true_events(store: &OpenedStore) -> Result<BTreeMap<u64, u64>, String> {
    let mut log = BTreeMap::new();
    for event in store.reader().events().map_err(|error| error.to_string())? {
        let (lsn, event): (Lsn, EncodedEvent) = event.map_err(|error| error.to_string())?;
        let event = event.decode().map_err(|error| format!("{error} at {lsn:?}"))?;
        same("value", &event.body.bytes.as_ref(), &value(event.dot.seq).as_bytes())?;
        same("key", &event.key, &key(event.dot.seq))?;
        log.insert(lsn.0, event.dot.seq);
    }
    Ok(log)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}")) }
}
