//! Writing: one thread, one commit for all that has collected while the last one ran.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use clock_core::replica::{LogRecord, Lsn};
use clock_core::wire::EncodedEvent;
use clock_core::{Dot, Key};
use redb::{Database, ReadableDatabase, ReadableTable, WriteTransaction};
use tokio::sync::{mpsc, watch};

use super::open::{OpenedStore, add_evidence};
use super::schema::{self, BY_KEY, DOTS, INCARNATION, KEYS, LOG, META, STATIONS};
use super::{StoreError, engine, guarded};

/// Batches on their way to the writer. When it is full the actor waits: durability comes first, and the writer
/// never waits for the actor.
const WRITER_QUEUE: usize = 1024;
/// A commit that has this many records takes no further batch: beyond it the gain is small and the first one waits.
const COMMIT_RECORDS_MAX: usize = 256;

/// Records to be made durable together.
#[derive(Debug)]
pub struct Batch {
    /// In the order of their effects.
    pub records: Vec<LogRecord>,
    /// The last log position they reach.
    pub upto: Lsn,
}

/// How far the writer has come: an absolute value, so a reader that is late misses nothing.
#[derive(Debug, Clone)]
pub enum Progress {
    /// Everything up to here is on disk.
    Durable(Lsn),
    /// A commit failed; its outcome is unknown and the process must end (rule 10).
    Failed(Arc<StoreError>),
}

/// The way to the writer thread.
#[derive(Debug)]
pub struct StoreWriter {
    batches: mpsc::Sender<Batch>,
    /// Where it reports to.
    pub progress: watch::Receiver<Progress>,
    thread: JoinHandle<()>,
}

impl StoreWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the operating system refuses a thread, or the numbers of stations and keys cannot be read.
    pub fn start(store: &OpenedStore, two_phase: bool) -> Result<Self, StoreError> {
        let (batches, inbox) = mpsc::channel(WRITER_QUEUE);
        let (report, progress) = watch::channel(Progress::Durable(store.recovered.last_lsn));
        let mut writer = Writer::new(store.database.clone(), two_phase)?;
        let thread = std::thread::Builder::new().name("store-writer".to_owned());
        let started = thread.spawn(move || writer.run(inbox, &report));
        let thread =
            started.map_err(|source| StoreError::Io { path: "store-writer thread".into(), source })?;
        Ok(Self { batches, progress, thread })
    }

    /// Queues a batch; waits while the queue is full. Cancel safe: a batch is queued whole or not at all.
    /// An error means that the thread has ended, of which `progress` has the reason.
    pub async fn submit(&self, batch: Batch) -> Result<(), WriterEnded> {
        self.batches.send(batch).await.map_err(|_| WriterEnded)
    }

    /// Waits until everything submitted is committed and the file is closed. Blocking.
    pub fn finish(self) {
        drop(self.batches);
        // A panic of the thread was reported when it happened.
        let _ = self.thread.join();
    }
}

/// The writer thread has ended.
#[derive(Debug, thiserror::Error)]
#[error("the store writer has ended")]
pub struct WriterEnded;

/// Turns records into commits.
pub(super) struct Writer {
    database: Arc<Database>,
    numbers: Numbers,
    two_phase: bool,
}

/// Names and their numbers in this file.
struct Numbers {
    stations: BTreeMap<String, u16>,
    keys: BTreeMap<Key, u32>,
}

impl Writer {
    pub(super) fn new(database: Arc<Database>, two_phase: bool) -> Result<Self, StoreError> {
        let numbers = Numbers::load(&database)?;
        Ok(Self { database, numbers, two_phase })
    }

    fn run(&mut self, mut inbox: mpsc::Receiver<Batch>, report: &watch::Sender<Progress>) {
        while let Some(first) = inbox.blocking_recv() {
            let mut upto = first.upto;
            let mut records = first.records;
            while records.len() < COMMIT_RECORDS_MAX
                && let Ok(next) = inbox.try_recv()
            {
                upto = upto.max(next.upto);
                records.extend(next.records);
            }
            let outcome = match guarded(|| self.commit(&records)) {
                Ok(()) => Progress::Durable(upto),
                Err(error) => Progress::Failed(Arc::new(error)),
            };
            let failed = matches!(outcome, Progress::Failed(_));
            report.send_replace(outcome);
            if failed {
                return;
            }
        }
    }

    /// Everything of a batch or nothing; returns after it is on disk.
    pub(super) fn commit(&mut self, records: &[LogRecord]) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(engine)?;
        transaction.set_two_phase_commit(self.two_phase);
        for record in records {
            match record {
                LogRecord::Event { lsn, dot, key, event } => {
                    self.insert(&transaction, *lsn, dot, key, event)?;
                }
                LogRecord::Incarnation(incarnation) => {
                    let mut meta = transaction.open_table(META).map_err(engine)?;
                    meta.insert(INCARNATION, incarnation.0.to_be_bytes().as_slice()).map_err(engine)?;
                }
                LogRecord::Quarantine { dot, bytes } => {
                    add_evidence(&transaction, &format!("second content of {dot}"), bytes)?;
                }
            }
        }
        transaction.commit().map_err(engine)
    }

    fn insert(
        &mut self,
        transaction: &WriteTransaction,
        lsn: Lsn,
        dot: &Dot,
        key: &Key,
        event: &EncodedEvent,
    ) -> Result<(), StoreError> {
        let station_number = self.numbers.station(transaction, dot)?;
        let key_number = self.numbers.key(transaction, key)?;
        let mut log = transaction.open_table(LOG).map_err(engine)?;
        let mut by_key = transaction.open_table(BY_KEY).map_err(engine)?;
        let mut dots = transaction.open_table(DOTS).map_err(engine)?;
        let moved =
            dots.insert(schema::dot_key(station_number, dot), lsn.0).map_err(engine)?.map(|old| old.value());
        if let Some(old) = moved {
            log.remove(old).map_err(engine)?;
            by_key.remove((key_number, old)).map_err(engine)?;
        }
        log.insert(lsn.0, event.as_bytes().as_ref()).map_err(engine)?;
        by_key.insert((key_number, lsn.0), ()).map_err(engine)?;
        Ok(())
    }
}

impl Numbers {
    fn load(database: &Database) -> Result<Self, StoreError> {
        let transaction = database.begin_read().map_err(engine)?;
        let mut numbers = Self { stations: BTreeMap::new(), keys: BTreeMap::new() };
        for row in transaction.open_table(STATIONS).map_err(engine)?.iter().map_err(engine)? {
            let (name, number) = row.map_err(engine)?;
            numbers.stations.insert(name.value().to_owned(), number.value());
        }
        for row in transaction.open_table(KEYS).map_err(engine)?.iter().map_err(engine)? {
            let (name, number) = row.map_err(engine)?;
            // Only valid keys were ever stored.
            if let Ok(key) = Key::new(name.value()) {
                numbers.keys.insert(key, number.value());
            }
        }
        Ok(numbers)
    }

    /// A number once used for a commit that fails is never reused wrongly: the process ends.
    fn station(&mut self, transaction: &WriteTransaction, dot: &Dot) -> Result<u16, StoreError> {
        let name = dot.replica.node.as_str();
        if let Some(number) = self.stations.get(name) {
            return Ok(*number);
        }
        let number = u16::try_from(self.stations.len()).map_err(|_| full("stations"))?;
        transaction.open_table(STATIONS).map_err(engine)?.insert(name, number).map_err(engine)?;
        self.stations.insert(name.to_owned(), number);
        Ok(number)
    }

    fn key(&mut self, transaction: &WriteTransaction, key: &Key) -> Result<u32, StoreError> {
        if let Some(number) = self.keys.get(key) {
            return Ok(*number);
        }
        let number = u32::try_from(self.keys.len()).map_err(|_| full("keys"))?;
        transaction.open_table(KEYS).map_err(engine)?.insert(key.as_str(), number).map_err(engine)?;
        self.keys.insert(key.clone(), number);
        Ok(number)
    }
}

fn full(what: &'static str) -> StoreError {
    let source =
        std::io::Error::new(std::io::ErrorKind::StorageFull, format!("too many {what} for this file format"));
    StoreError::Io { path: "catalog.redb".into(), source }
}
