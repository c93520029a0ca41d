//! What the tests of the store share: records whose content follows from their number, a model of what a store holds,
//! and a disk that records and fails.

#![allow(clippy::panic, reason = "test helpers stop the test")]
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

pub mod damage;
pub mod disk;
pub mod image;
pub mod mint;
pub mod model;

use std::path::Path;

use bytes::Bytes;
use clock_core::replica::{About, LogQuery, LogQuestion, LogRecord, LogStart, Lsn};
use clock_core::wire::{EncodedEvent, HistoryEntry, Response};
use clock_core::{
    Body, BodyKind, Dot, HybridTimestamp, Incarnation, Key, NodeId, RequestId, VersionVector, WriteEvent,
};
use clock_node::store::{
    self, Batch, OpenedStore, Progress, StoreError, StoreIdentity, StoreReader, StoreWriter,
};
use tempfile::TempDir;

pub const FILE: &str = "catalog.redb";
/// What an empty store takes.
pub const FRESH: Incarnation = Incarnation(7);
/// How many keys the events are spread over.
pub const KEYS: u64 = 3;

/// The number in this environment variable, or the default.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: expected a number")))
}

/// A temporary folder, in memory where the system has one: what is tested is which bytes reach the disk, not how fast.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// The engine panics on some damaged files, and the store makes an error of it. Ten thousand of these reports hide
/// whatever else there is to read.
pub fn silence_the_engine() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| place.file().contains("redb-")) {
            report(panic);
        }
    }));
}

pub fn identity(station: &str) -> StoreIdentity {
    let name = |text: &str| text.parse::<NodeId>().expect("valid");
    StoreIdentity { cluster: name("test"), station: name(station), fresh_incarnation: FRESH }
}

pub fn open(folder: &Path) -> OpenedStore {
    store::open(folder, &identity("pacific")).expect("the store opens")
}

pub fn dot(seq: u64) -> Dot {
    format!("pacific.00000007:{seq}").parse().expect("valid")
}

pub fn key(seq: u64) -> Key {
    Key::new(&format!("key-{}", seq % KEYS)).expect("valid")
}

/// Most fit many to a page, some need several pages.
pub fn value(seq: u64) -> String {
    format!("value {seq}").repeat(if seq.is_multiple_of(11) { 800 } else { 20 })
}

pub fn record(seq: u64, lsn: u64) -> LogRecord {
    let event = WriteEvent {
        dot: dot(seq),
        lamport: seq,
        hlc: HybridTimestamp::from_packed(seq),
        wall_ms: 1_700_000_000_000,
        delta: Vec::new(),
        context: Vec::new(),
        key: key(seq),
        request: RequestId(u128::from(seq)),
        body: Body { kind: BodyKind::OPAQUE, bytes: Bytes::from(value(seq)) },
    };
    let encoded = EncodedEvent::encode(&event).expect("encodes");
    LogRecord::Event { lsn: Lsn(lsn), dot: event.dot, key: event.key, event: encoded }
}

/// Commits one batch and says how far the writer then has come.
pub fn commit(writer: &mut StoreWriter, records: Vec<LogRecord>, upto: Lsn) -> Progress {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        writer.submit(Batch { records, upto }).await.expect("the writer runs");
        writer.progress.changed().await.expect("the writer reports");
        writer.progress.borrow_and_update().clone()
    })
}

/// Writes records of these sequence numbers at these positions, one commit.
pub fn write(store: &OpenedStore, records: impl IntoIterator<Item = (u64, u64)>) {
    let records: Vec<LogRecord> = records.into_iter().map(|(seq, lsn)| record(seq, lsn)).collect();
    let mut writer = StoreWriter::start(store, false).expect("the writer starts");
    let progress = commit(&mut writer, records, Lsn(1_000_000));
    assert!(matches!(progress, Progress::Durable(Lsn(1_000_000))), "got {progress:?}");
    writer.finish();
}

/// The whole log, in pieces of any size.
pub fn whole_log() -> LogQuery {
    LogQuery {
        start: LogStart::At(Lsn(1)),
        upto: Lsn(u64::MAX - 1),
        covered: VersionVector::new(),
        events_max: usize::MAX,
        bytes_max: usize::MAX,
    }
}

/// The positions of a key's history, as far as one answer goes.
pub fn history(reader: &StoreReader, key: &Key) -> Result<Vec<u64>, StoreError> {
    Ok(history_entries(reader, key)?.iter().map(|entry| entry.position).collect())
}

/// A key's history, as far as one answer goes.
pub fn history_entries(reader: &StoreReader, key: &Key) -> Result<Vec<HistoryEntry>, StoreError> {
    let about = About::History { key: key.clone(), after: Lsn(0) };
    match reader.answer(&LogQuestion { upto: Lsn(u64::MAX), about })? {
        Response::History { entries, .. } => Ok(entries),
        Response::UnknownKey => Ok(Vec::new()),
        other => panic!("a history was asked for: {other:?}"),
    }
}

pub fn everything(store: &OpenedStore) -> Vec<u64> {
    store.reader().read(&whole_log()).expect("readable").0.iter().map(|event| event.dot.seq).collect()
}
