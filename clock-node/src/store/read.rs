//! Reading: bounded pieces of a snapshot, every event checked before it leaves.

use std::sync::Arc;

use bytes::Bytes;
use clock_core::replica::{LogQuery, LogStart, LoggedEvent, Lsn};
use clock_core::wire::{EncodedEvent, HistoryEntry};
use clock_core::{Dot, Key, WriteEvent};
use redb::{Database, ReadTransaction, ReadableDatabase};

use super::schema::{self, BY_KEY, DOTS, KEYS, LOG, STATIONS};
use super::{StoreError, engine, guarded};

/// Bytes of events in one part of a history: with the largest on top it still fits a frame.
const HISTORY_BYTES_MAX: usize = 256 * 1024;
/// Entries in one part of a history.
const HISTORY_ENTRIES_MAX: usize = 256;

/// Snapshot reads. Blocking: call from a blocking thread.
#[derive(Debug, Clone)]
pub struct StoreReader {
    database: Arc<Database>,
}

impl StoreReader {
    pub(super) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// Every event in log order, as stored: opening has checked them.
    ///
    /// # Errors
    /// [`StoreError`] if the engine fails.
    pub fn events(
        &self,
    ) -> Result<impl Iterator<Item = Result<(Lsn, EncodedEvent), StoreError>> + use<>, StoreError> {
        let log = self.database.begin_read().map_err(engine)?.open_table(LOG).map_err(engine)?;
        let rows = log.range::<u64>(..).map_err(engine)?;
        Ok(rows.map(|row| {
            let (lsn, bytes) = row.map_err(engine)?;
            Ok((Lsn(lsn.value()), EncodedEvent::from_bytes(Bytes::copy_from_slice(bytes.value()))))
        }))
    }

    /// A bounded piece of the log, and the position behind the last one looked at.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if an event fails its check: it is not served, and the station must restart.
    pub fn read(&self, query: &LogQuery) -> Result<(Vec<LoggedEvent>, Lsn), StoreError> {
        guarded(|| self.read_piece(query))
    }

    fn read_piece(&self, query: &LogQuery) -> Result<(Vec<LoggedEvent>, Lsn), StoreError> {
        let transaction = self.database.begin_read().map_err(engine)?;
        let from = match &query.start {
            LogStart::At(lsn) => *lsn,
            LogStart::FirstOf(dots) => first_of(&transaction, dots)?.unwrap_or(query.upto.next()),
        };
        let (mut events, mut bytes, mut next) = (Vec::new(), 0, from);
        let log = transaction.open_table(LOG).map_err(engine)?;
        if from > query.upto {
            return Ok((events, from));
        }
        for row in log.range(from.0..=query.upto.0).map_err(engine)? {
            let (lsn, stored) = row.map_err(engine)?;
            let full = events.len() == query.events_max
                || (bytes > 0 && bytes + stored.value().len() > query.bytes_max);
            if full {
                return Ok((events, next));
            }
            next = Lsn(lsn.value()).next();
            let (event, written) = checked(lsn.value(), stored.value())?;
            if !query.covered.covers(&written.dot) {
                bytes += event.as_bytes().len();
                events.push(LoggedEvent { dot: written.dot, event });
            }
        }
        Ok((events, query.upto.next()))
    }

    /// The entries of a key behind a position, oldest first, and where to go on if there are more.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] as for [`read`](Self::read).
    pub fn history(&self, key: &Key, after: Lsn) -> Result<(Vec<HistoryEntry>, Option<u64>), StoreError> {
        guarded(|| self.history_part(key, after))
    }

    fn history_part(&self, key: &Key, after: Lsn) -> Result<(Vec<HistoryEntry>, Option<u64>), StoreError> {
        let transaction = self.database.begin_read().map_err(engine)?;
        let keys = transaction.open_table(KEYS).map_err(engine)?;
        let Some(key_number) = keys.get(key.as_str()).map_err(engine)?.map(|number| number.value()) else {
            return Ok((Vec::new(), None));
        };
        let log = transaction.open_table(LOG).map_err(engine)?;
        let positions = transaction.open_table(BY_KEY).map_err(engine)?;
        let (mut entries, mut bytes) = (Vec::<HistoryEntry>::new(), 0);
        for row in positions.range((key_number, after.next().0)..=(key_number, u64::MAX)).map_err(engine)? {
            let lsn = row.map_err(engine)?.0.value().1;
            if entries.len() == HISTORY_ENTRIES_MAX || bytes > HISTORY_BYTES_MAX {
                return Ok((entries.clone(), entries.last().map(|last| last.position)));
            }
            let Some(stored) = log.get(lsn).map_err(engine)? else { continue };
            let (event, written) = checked(lsn, stored.value())?;
            bytes += event.as_bytes().len();
            entries.push(HistoryEntry::new(lsn, written));
        }
        Ok((entries, None))
    }
}

/// The earliest position of any of these dots.
fn first_of(transaction: &ReadTransaction, dots: &[Dot]) -> Result<Option<Lsn>, StoreError> {
    let stations = transaction.open_table(STATIONS).map_err(engine)?;
    let positions = transaction.open_table(DOTS).map_err(engine)?;
    let mut first = None;
    for dot in dots {
        let Some(number) = schema::station_number(&stations, dot)? else { continue };
        let position =
            positions.get(schema::dot_key(number, dot)).map_err(engine)?.map(|lsn| Lsn(lsn.value()));
        first = first.into_iter().chain(position).min();
    }
    Ok(first)
}

fn checked(lsn: u64, bytes: &[u8]) -> Result<(EncodedEvent, WriteEvent), StoreError> {
    let event = EncodedEvent::from_bytes(Bytes::copy_from_slice(bytes));
    let written = event.decode().map_err(|source| StoreError::Damaged { lsn, source })?;
    Ok((event, written))
}
