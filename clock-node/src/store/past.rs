//! One snapshot of the store as a log that can be asked about the past. Every event is checked before it is believed.

use clock_core::replica::Lsn;
use clock_core::replica::lineage::{Log, Placed};
use clock_core::{Dot, Key, ReplicaId};
use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase};

use super::read::checked;
use super::schema::{self, BY_KEY, DOTS, KEYS, LOG, STATIONS};
use super::{StoreError, engine};

/// A read transaction and its log.
pub(super) struct LogSnapshot {
    transaction: ReadTransaction,
    log: ReadOnlyTable<u64, &'static [u8]>,
}

impl LogSnapshot {
    pub(super) fn of(database: &Database) -> Result<Self, StoreError> {
        let transaction = database.begin_read().map_err(engine)?;
        let log = transaction.open_table(LOG).map_err(engine)?;
        Ok(Self { transaction, log })
    }

    fn at(&self, lsn: u64) -> Result<Option<Placed>, StoreError> {
        let Some(stored) = self.log.get(lsn).map_err(engine)? else { return Ok(None) };
        let (_, event) = checked(lsn, stored.value())?;
        Ok(Some((Lsn(lsn), event)))
    }

    /// The events at these positions. One that is not there was set aside when the store was opened.
    fn events(
        &self,
        positions: impl Iterator<Item = Result<u64, StoreError>>,
    ) -> impl Iterator<Item = Result<Placed, StoreError>> {
        positions.filter_map(|lsn| lsn.and_then(|lsn| self.at(lsn)).transpose())
    }
}

impl Log for LogSnapshot {
    type Error = StoreError;

    fn find(&self, dot: &Dot) -> Result<Option<Placed>, StoreError> {
        let stations = self.transaction.open_table(STATIONS).map_err(engine)?;
        let Some(number) = schema::station_number(&stations, dot)? else { return Ok(None) };
        let positions = self.transaction.open_table(DOTS).map_err(engine)?;
        let lsn = positions.get(schema::dot_key(number, dot)).map_err(engine)?.map(|lsn| lsn.value());
        lsn.map_or(Ok(None), |lsn| self.at(lsn))
    }

    fn of_key(
        &self,
        key: &Key,
        after: Lsn,
    ) -> Result<impl Iterator<Item = Result<Placed, StoreError>>, StoreError> {
        let keys = self.transaction.open_table(KEYS).map_err(engine)?;
        let number = keys.get(key.as_str()).map_err(engine)?.map(|number| number.value());
        let positions = self.transaction.open_table(BY_KEY).map_err(engine)?;
        let range = number.map(|number| positions.range((number, after.next().0)..=(number, u64::MAX)));
        let rows = range.transpose().map_err(engine)?.into_iter().flatten();
        Ok(self.events(rows.map(|row| Ok(row.map_err(engine)?.0.value().1))))
    }

    fn of_replica(
        &self,
        replica: &ReplicaId,
        upto: u64,
    ) -> Result<impl Iterator<Item = Result<Placed, StoreError>>, StoreError> {
        let stations = self.transaction.open_table(STATIONS).map_err(engine)?;
        let (first, last) =
            (Dot { replica: replica.clone(), seq: 1 }, Dot { replica: replica.clone(), seq: upto });
        let number = schema::station_number(&stations, &first)?;
        let positions = self.transaction.open_table(DOTS).map_err(engine)?;
        let range = number
            .map(|number| positions.range(schema::dot_key(number, &first)..=schema::dot_key(number, &last)));
        let rows = range.transpose().map_err(engine)?.into_iter().flatten();
        Ok(self.events(rows.map(|row| Ok(row.map_err(engine)?.1.value()))))
    }

    fn from(&self, start: Lsn) -> Result<impl Iterator<Item = Result<Placed, StoreError>>, StoreError> {
        let rows = self.log.range(start.0..).map_err(engine)?;
        Ok(rows.map(|row| {
            let (lsn, stored) = row.map_err(engine)?;
            let (_, event) = checked(lsn.value(), stored.value())?;
            Ok((Lsn(lsn.value()), event))
        }))
    }
}
