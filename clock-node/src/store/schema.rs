//! Tables and keys. Fixed-width keys, so that no range of one thing ever interleaves with another's.

use clock_core::Dot;
use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::{StoreError, engine};

/// Bumped with every change of a table's layout.
pub(super) const FORMAT: &[u8] = b"1";

/// Log position -> the event's bytes, as its origin made them.
pub(super) const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// (station number, incarnation, sequence) -> log position.
pub(super) const DOTS: TableDefinition<'_, (u16, u32, u64), u64> = TableDefinition::new("dots");
/// (key number, log position), for histories.
pub(super) const BY_KEY: TableDefinition<'_, (u32, u64), ()> = TableDefinition::new("by_key");
/// Station name -> its number in this file.
pub(super) const STATIONS: TableDefinition<'_, &str, u16> = TableDefinition::new("stations");
/// Key -> its number in this file.
pub(super) const KEYS: TableDefinition<'_, &str, u32> = TableDefinition::new("keys");
/// Names of this file: format, cluster, station, incarnation.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Running number -> (where it came from, bytes): evidence, never served.
pub(super) const QUARANTINE: TableDefinition<'_, u64, (&str, &[u8])> = TableDefinition::new("quarantine");

/// META key of the incarnation, four bytes big-endian.
pub(super) const INCARNATION: &str = "incarnation";

/// Creates every table, so that readers never meet a missing one.
pub(super) fn create_tables(transaction: &WriteTransaction) -> Result<(), StoreError> {
    transaction.open_table(LOG).map_err(engine)?;
    transaction.open_table(DOTS).map_err(engine)?;
    transaction.open_table(BY_KEY).map_err(engine)?;
    transaction.open_table(STATIONS).map_err(engine)?;
    transaction.open_table(KEYS).map_err(engine)?;
    transaction.open_table(META).map_err(engine)?;
    transaction.open_table(QUARANTINE).map_err(engine)?;
    Ok(())
}

/// The number of a station in this file, if it has one.
pub(super) fn station_number(
    stations: &impl ReadableTable<&'static str, u16>,
    dot: &Dot,
) -> Result<Option<u16>, StoreError> {
    let number = stations.get(dot.replica.node.as_str()).map_err(engine)?;
    Ok(number.map(|number| number.value()))
}

/// The key of a dot in [`DOTS`].
pub(super) fn dot_key(station_number: u16, dot: &Dot) -> (u16, u32, u64) {
    (station_number, dot.replica.incarnation.0, dot.seq)
}

/// The rows up to the first whose key is not above the one before: the pages of a damaged table may point in a
/// circle.
pub(super) fn while_ascending<K: Ord + Copy, V>(
    rows: impl Iterator<Item = (K, V)>,
) -> impl Iterator<Item = (K, V)> {
    let mut last = None;
    rows.take_while(move |(key, _)| last.replace(*key).is_none_or(|last| last < *key))
}
