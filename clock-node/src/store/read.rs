//! Reading: bounded pieces of a snapshot, every event checked before it leaves.

use std::sync::Arc;

use bytes::Bytes;
use clock_core::replica::{LogQuery, LogQuestion, LogStart, LoggedEvent, Lsn, lineage};
use clock_core::wire::{EncodedEvent, Response};
use clock_core::{Dot, WriteEvent};
use redb::{Database, ReadTransaction, ReadableDatabase};

use super::past::LogSnapshot;
use super::schema::{self, DOTS, LOG, STATIONS};
use super::{StoreError, engine, guarded};

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
                events.push(LoggedEvent { lsn: Lsn(lsn.value()), dot: written.dot, event });
            }
        }
        Ok((events, query.upto.next()))
    }

    /// The answer to a question about the past, from one snapshot.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] as for [`read`](Self::read).
    pub fn answer(&self, question: &LogQuestion) -> Result<Response, StoreError> {
        guarded(|| lineage::answer(&LogSnapshot::of(&self.database)?, question))
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

pub(super) fn checked(lsn: u64, bytes: &[u8]) -> Result<(EncodedEvent, WriteEvent), StoreError> {
    let event = EncodedEvent::from_bytes(Bytes::copy_from_slice(bytes));
    let written = event.decode().map_err(|source| StoreError::Damaged { lsn, source })?;
    Ok((event, written))
}
