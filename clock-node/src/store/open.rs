//! Opening: create or check the file, find what is damaged, put it in quarantine, say what may be lost.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use clock_core::replica::{Lsn, Recovered};
use clock_core::wire::{EncodedEvent, EventError};
use clock_core::{Incarnation, StationId};
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageError,
    WriteTransaction,
};

use super::read::StoreReader;
use super::schema::{self, BY_KEY, DOTS, FORMAT, INCARNATION, LOG, META, QUARANTINE};
use super::{StoreError, engine};

/// Page cache: the working set of a station is its newest events; more is the operating system's to cache.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
const FILE_NAME: &str = "catalog.redb";

/// Whose store it is. An existing file must say the same.
#[derive(Debug, Clone)]
pub struct StoreIdentity {
    /// The cluster.
    pub cluster: StationId,
    /// The station.
    pub station: StationId,
    /// The incarnation that an empty store takes: drawn at random, since a lost one cannot be known.
    pub fresh_incarnation: Incarnation,
}

/// A store that is open, checked, and not written to yet.
#[derive(Debug)]
pub struct OpenedStore {
    pub(super) database: Arc<Database>,
    /// What was found, for the replica.
    pub recovered: Recovered,
    /// How many events there are.
    pub events_count: u64,
    /// How many damaged events this opening put in quarantine.
    pub damaged_count: usize,
}

impl OpenedStore {
    /// Snapshot reads, from any thread.
    pub fn reader(&self) -> StoreReader {
        StoreReader::new(self.database.clone())
    }
}

/// Opens the store in `folder`, or makes it there.
///
/// # Errors
/// [`StoreError`] if the folder cannot be used, belongs to another station, or is damaged beyond repair.
pub fn open(folder: &Path, identity: &StoreIdentity) -> Result<OpenedStore, StoreError> {
    let path = folder.join(FILE_NAME);
    fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
    let mut database = open_file(&path)?;
    sync_folder(folder)?;
    // `false`: the engine had to repair the file, and what it repaired away is lost.
    let intact = database.check_integrity().map_err(engine)?;
    let incarnation = claim_identity(&database, &path, identity)?;
    let damaged_count = quarantine_damaged(&database)?;
    let may_have_lost_events = !intact || damaged_count > 0;
    let transaction = database.begin_read().map_err(engine)?;
    let log = transaction.open_table(LOG).map_err(engine)?;
    let last_lsn = log.last().map_err(engine)?.map_or(0, |(lsn, _)| lsn.value());
    let events_count = log.len().map_err(engine)?;
    let quarantined = transaction.open_table(QUARANTINE).map_err(engine)?.len().map_err(engine)?;
    let recovered = Recovered { incarnation, may_have_lost_events, quarantined, last_lsn: Lsn(last_lsn) };
    Ok(OpenedStore { database: Arc::new(database), recovered, events_count, damaged_count })
}

fn io_error(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), source }
}

fn open_file(path: &Path) -> Result<Database, StoreError> {
    let opened = Database::builder().set_cache_size(CACHE_BYTES).create(path);
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(path.to_owned()),
        DatabaseError::Storage(StorageError::Io(source)) => io_error(path, source),
        other => engine(other),
    })
}

/// A new file survives a power cut only once its folder is synced too.
fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| io_error(folder, source))
}

/// Writes the identity into a new file, checks it in an old one; returns the incarnation.
fn claim_identity(
    database: &Database,
    path: &Path,
    identity: &StoreIdentity,
) -> Result<Incarnation, StoreError> {
    let transaction = database.begin_write().map_err(engine)?;
    schema::create_tables(&transaction)?;
    let incarnation = {
        let mut meta = transaction.open_table(META).map_err(engine)?;
        let names = [
            ("format", FORMAT),
            ("cluster", identity.cluster.as_str().as_bytes()),
            ("station", identity.station.as_str().as_bytes()),
        ];
        for (field, expected) in names {
            let found = meta.get(field).map_err(engine)?.map(|found| found.value().to_vec());
            match found {
                Some(found) if found != expected => return Err(mismatch(path, field, &found, expected)),
                Some(_) => {}
                None => drop(meta.insert(field, expected).map_err(engine)?),
            }
        }
        let stored = meta.get(INCARNATION).map_err(engine)?.and_then(|bytes| bytes.value().try_into().ok());
        let fresh = identity.fresh_incarnation.0.to_be_bytes();
        if stored.is_none() {
            meta.insert(INCARNATION, fresh.as_slice()).map_err(engine)?;
        }
        Incarnation(u32::from_be_bytes(stored.unwrap_or(fresh)))
    };
    transaction.commit().map_err(engine)?;
    Ok(incarnation)
}

fn mismatch(path: &Path, field: &'static str, found: &[u8], expected: &[u8]) -> StoreError {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    StoreError::Mismatch { path: PathBuf::from(path), field, found: text(found), expected: text(expected) }
}

/// Checks every stored event; a damaged one is moved where it is never served from. Returns how many there were.
fn quarantine_damaged(database: &Database) -> Result<usize, StoreError> {
    let mut damaged: Vec<(u64, Bytes, EventError)> = Vec::new();
    {
        let log = database.begin_read().map_err(engine)?.open_table(LOG).map_err(engine)?;
        for row in log.iter().map_err(engine)? {
            let (lsn, bytes) = row.map_err(engine)?;
            let event = EncodedEvent::from_bytes(Bytes::copy_from_slice(bytes.value()));
            if let Err(error) = event.decode() {
                damaged.push((lsn.value(), event.as_bytes().clone(), error));
            }
        }
    }
    if damaged.is_empty() {
        return Ok(0);
    }
    let transaction = database.begin_write().map_err(engine)?;
    for (lsn, bytes, error) in &damaged {
        quarantine_one(&transaction, *lsn, bytes, error)?;
    }
    transaction.commit().map_err(engine)?;
    Ok(damaged.len())
}

/// The damaged bytes cannot be trusted to name their dot or key, so the indexes are searched by position.
fn quarantine_one(
    transaction: &WriteTransaction,
    lsn: u64,
    bytes: &[u8],
    error: &EventError,
) -> Result<(), StoreError> {
    transaction.open_table(LOG).map_err(engine)?.remove(lsn).map_err(engine)?;
    transaction.open_table(DOTS).map_err(engine)?.retain(|_, at| at != lsn).map_err(engine)?;
    transaction.open_table(BY_KEY).map_err(engine)?.retain(|(_, at), ()| at != lsn).map_err(engine)?;
    let origin = format!("log position {lsn}: {error}");
    add_evidence(transaction, &origin, bytes)
}

/// Puts evidence at the end of the quarantine.
pub(super) fn add_evidence(
    transaction: &WriteTransaction,
    origin: &str,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let mut quarantine = transaction.open_table(QUARANTINE).map_err(engine)?;
    let next = quarantine.last().map_err(engine)?.map_or(1, |(number, _)| number.value() + 1);
    quarantine.insert(next, (origin, bytes)).map_err(engine)?;
    Ok(())
}
