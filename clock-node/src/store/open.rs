//! Opening: make or check the file, have it salvaged if it is damaged, say what may be lost.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use clock_core::replica::{Lsn, Recovered};
use clock_core::wire::EncodedEvent;
use clock_core::{Incarnation, NodeId};
use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageBackend,
    StorageError, WriteTransaction,
};

use super::overlay::OverlayBackend;
use super::read::StoreReader;
use super::salvage::{self, Salvage};
use super::schema::{self, FORMAT, INCARNATION, LOG, META, QUARANTINE};
use super::{StoreError, engine, guarded};

/// Page cache: the working set of a station is its newest events; more is the operating system's to cache.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
const FILE_NAME: &str = "catalog.redb";

/// Whose store it is. An existing file must say the same.
#[derive(Debug, Clone)]
pub struct StoreIdentity {
    /// The cluster.
    pub cluster: NodeId,
    /// The station.
    pub station: NodeId,
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
    /// What was saved, if the file was damaged.
    pub salvaged: Option<Salvage>,
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
    open_on(&FileBackend::new, folder, identity)
}

/// [`open`], with every byte of every file going over what `disk` makes of it. For tests, whose disks fail.
///
/// # Errors
/// As [`open`].
#[doc(hidden)]
pub fn open_on<B: StorageBackend>(
    disk: &Disk<B>,
    folder: &Path,
    identity: &StoreIdentity,
) -> Result<OpenedStore, StoreError> {
    guarded(|| open_checked(disk, folder, identity))
}

/// How the engine reaches a file that was opened.
#[doc(hidden)]
pub type Disk<B> = dyn Fn(File) -> Result<B, DatabaseError>;

fn open_checked<B: StorageBackend>(
    disk: &Disk<B>,
    folder: &Path,
    identity: &StoreIdentity,
) -> Result<OpenedStore, StoreError> {
    let path = folder.join(FILE_NAME);
    if folder.exists() && !folder.is_dir() {
        return Err(io_error(folder, std::io::Error::other("is a file: expected a folder for the data")));
    }
    fs::create_dir_all(folder).map_err(|source| io_error(folder, source))?;
    let _opening = lock_folder(folder)?;
    salvage::finish_interrupted(&path)?;
    let is_new = !path.exists();
    let soundness = if is_new { make(disk, &path, identity)? } else { inspect(disk, &path, identity)? };
    let salvaged = match soundness {
        Soundness::Damaged => Some(salvage::salvage(disk, folder, &path, identity)?),
        Soundness::Sound | Soundness::Repaired => None,
    };
    let mut database = open_file(disk, &path)?;
    if matches!(soundness, Soundness::Repaired) {
        // What the inspection repaired in memory is repaired on disk here.
        database.check_integrity().map_err(engine)?;
    }
    sync_folder(folder)?;
    let incarnation = claim_identity(&database, &path, identity)?;
    let (last_lsn, events_count, quarantined) = counts(&database)?;
    let may_have_lost_events = !matches!(soundness, Soundness::Sound);
    let last_lsn = Lsn(last_lsn);
    let recovered =
        Recovered { incarnation, incarnation_is_fresh: is_new, may_have_lost_events, quarantined, last_lsn };
    Ok(OpenedStore { database: Arc::new(database), recovered, events_count, salvaged })
}

/// What the checks at opening say of a file.
enum Soundness {
    /// Every page and every event passes its check.
    Sound,
    /// The engine rolled back to an older commit: newer events may be gone.
    Repaired,
    /// A page or an event fails its check.
    Damaged,
}

/// Makes an empty store. It has its tables and its names before it has its place: the engine understands no file that it
/// was stopped in the middle of making.
fn make<B: StorageBackend>(
    disk: &Disk<B>,
    path: &Path,
    identity: &StoreIdentity,
) -> Result<Soundness, StoreError> {
    let unfinished = path.with_extension("redb.new");
    if unfinished.exists() {
        // An earlier attempt: nothing was ever written to it.
        fs::remove_file(&unfinished).map_err(|source| io_error(&unfinished, source))?;
    }
    claim_identity(&open_file(disk, &unfinished)?, &unfinished, identity)?;
    fs::rename(&unfinished, path).map_err(|source| io_error(path, source))?;
    Ok(Soundness::Sound)
}

/// Checks a file without changing it. Events first: the engine's own check may roll back to an older commit.
fn inspect<B: StorageBackend>(
    disk: &Disk<B>,
    path: &Path,
    identity: &StoreIdentity,
) -> Result<Soundness, StoreError> {
    let (mut database, rolled_back) = look_at(disk, path)?;
    check_identity(&database, path, identity)?;
    if !guarded(|| every_event_passes(&database)).unwrap_or(false) {
        return Ok(Soundness::Damaged);
    }
    match guarded(|| database.check_integrity().map_err(engine)) {
        Ok(true) if !rolled_back => Ok(Soundness::Sound),
        Ok(_) => Ok(Soundness::Repaired),
        Err(StoreError::Engine(error)) if !matches!(*error, redb::Error::Corrupted(_)) => {
            Err(StoreError::Engine(error))
        }
        Err(_) => Ok(Soundness::Damaged),
    }
}

/// Opens a file so that nothing the engine does to it reaches the disk; also says whether the engine found the newest
/// commit damaged and rolled back to the one before.
///
/// It does so without a word when the file was not closed cleanly. If a page of the newest commit fails its check, all
/// it tells is its progress: it reports 0.3 only then. If the header does, it tells nothing (see `slots`). Sweeps of
/// damaged files in the tests keep watch over both.
pub(super) fn look_at<B: StorageBackend>(
    disk: &Disk<B>,
    path: &Path,
) -> Result<(Database, bool), StoreError> {
    let rolled_back = Arc::new(AtomicBool::new(false));
    let backend = OverlayBackend::open(disk, path, rolled_back.clone())?;
    let noted = rolled_back.clone();
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES).set_repair_callback(move |repair| {
        noted.fetch_or((0.1..0.5).contains(&repair.progress()), Ordering::Relaxed);
    });
    let database = builder.create_with_backend(backend).map_err(engine)?;
    Ok((database, rolled_back.load(Ordering::Relaxed)))
}

fn every_event_passes(database: &Database) -> Result<bool, StoreError> {
    let log = database.begin_read().map_err(engine)?.open_table(LOG).map_err(engine)?;
    let mut last = 0;
    for row in log.iter().map_err(engine)? {
        let (lsn, bytes) = row.map_err(engine)?;
        // Positions begin at 1 and ascend; pages of a damaged table may point in a circle.
        if std::mem::replace(&mut last, lsn.value()) >= lsn.value() {
            return Ok(false);
        }
        if EncodedEvent::from_bytes(Bytes::copy_from_slice(bytes.value())).decode().is_err() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The last log position, how many events there are, and how many records are in quarantine.
fn counts(database: &Database) -> Result<(u64, u64, u64), StoreError> {
    let transaction = database.begin_read().map_err(engine)?;
    let log = transaction.open_table(LOG).map_err(engine)?;
    let last_lsn = log.last().map_err(engine)?.map_or(0, |(lsn, _)| lsn.value());
    let quarantined = transaction.open_table(QUARANTINE).map_err(engine)?.len().map_err(engine)?;
    Ok((last_lsn, log.len().map_err(engine)?, quarantined))
}

/// One opening at a time: the renames of a salvage must not meet those of another.
fn lock_folder(folder: &Path) -> Result<File, StoreError> {
    let opened = File::open(folder).map_err(|source| io_error(folder, source))?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(io_error(folder, source)),
    }
}

pub(super) fn io_error(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { path: path.to_owned(), source }
}

pub(super) fn open_file<B: StorageBackend>(disk: &Disk<B>, path: &Path) -> Result<Database, StoreError> {
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).open(path);
    let file = file.map_err(|source| io_error(path, source))?;
    let mut builder = Database::builder();
    let opened =
        disk(file).and_then(|backend| builder.set_cache_size(CACHE_BYTES).create_with_backend(backend));
    opened.map_err(|error| refused(path, error))
}

/// Why the engine does not open a file.
pub(super) fn refused(path: &Path, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(path.to_owned()),
        DatabaseError::Storage(StorageError::Io(source)) => io_error(path, source),
        other => engine(other),
    }
}

/// A new file survives a power cut only once its folder is synced too.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| io_error(folder, source))
}

/// The names that a file carries.
fn names(identity: &StoreIdentity) -> [(&'static str, &[u8]); 3] {
    let (cluster, station) = (identity.cluster.as_str(), identity.station.as_str());
    [("format", FORMAT), ("cluster", cluster.as_bytes()), ("station", station.as_bytes())]
}

/// Refuses a file that says it belongs to somebody else. One too damaged to say so passes.
fn check_identity(database: &Database, path: &Path, identity: &StoreIdentity) -> Result<(), StoreError> {
    let read = |field: &str| {
        guarded(|| {
            let meta = database.begin_read().map_err(engine)?.open_table(META).map_err(engine)?;
            Ok(meta.get(field).map_err(engine)?.map(|found| found.value().to_vec()))
        })
    };
    for (field, expected) in names(identity) {
        if let Ok(Some(found)) = read(field)
            && found != expected
        {
            return Err(mismatch(path, field, &found, expected));
        }
    }
    Ok(())
}

/// Writes the names into a new file; returns the incarnation, which an old one has already.
pub(super) fn claim_identity(
    database: &Database,
    path: &Path,
    identity: &StoreIdentity,
) -> Result<Incarnation, StoreError> {
    check_identity(database, path, identity)?;
    let transaction = database.begin_write().map_err(engine)?;
    schema::create_tables(&transaction)?;
    let incarnation = {
        let mut meta = transaction.open_table(META).map_err(engine)?;
        for (field, name) in names(identity) {
            meta.insert(field, name).map_err(engine)?;
        }
        let stored = meta.get(INCARNATION).map_err(engine)?.and_then(|bytes| bytes.value().try_into().ok());
        let incarnation = stored.unwrap_or(identity.fresh_incarnation.0.to_be_bytes());
        meta.insert(INCARNATION, incarnation.as_slice()).map_err(engine)?;
        Incarnation(u32::from_be_bytes(incarnation))
    };
    transaction.commit().map_err(engine)?;
    Ok(incarnation)
}

fn mismatch(path: &Path, field: &'static str, found: &[u8], expected: &[u8]) -> StoreError {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    StoreError::Mismatch { path: PathBuf::from(path), field, found: text(found), expected: text(expected) }
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
