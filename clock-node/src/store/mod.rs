//! The durable store of one station: one file, one writer thread, snapshot readers. The only place that names redb.
//!
//! One commit covers a whole batch with everything that must change together: events, their indexes, the
//! incarnation, quarantined evidence. It returns after the data is on disk; only then does the actor hear of it
//! (rule 1). A commit that fails leaves the outcome unknown, so the process ends (rule 10).
//!
//! redb verifies no checksum on reads, so every event carries its own, checked when the store opens and on
//! every read that leaves the station. The tables are drawn in docs/storage.md.
//!
//! Architecture invariant: this module knows records and positions, and nothing of causality.

mod open;
mod overlay;
mod past;
mod read;
mod salvage;
mod schema;
mod slots;
mod writer;

use std::path::PathBuf;

#[doc(hidden)]
pub use open::{Disk, open_on};
pub use open::{OpenedStore, StoreIdentity, open};
pub use read::StoreReader;
pub use salvage::Salvage;
pub use writer::{Batch, Progress, StoreWriter, WriterEnded};

/// Why the store cannot be used. Opening changes nothing but what it says it repaired; a failure while running
/// leaves the last batch unknown: restart the station.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or file cannot be made or opened.
    #[error("store {path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has the store open.
    #[error("store {0}: in use by another process")]
    InUse(PathBuf),
    /// The file belongs to another station or cluster, or has another format.
    #[error("store {path}: {field} is {found:?}, expected {expected:?}")]
    Mismatch {
        /// Which file.
        path: PathBuf,
        /// What differs.
        field: &'static str,
        /// What the file says.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// The engine failed.
    #[error("store engine: {0}")]
    Engine(#[source] Box<redb::Error>),
    /// The engine met bytes it did not expect and gave up: the file is damaged beyond what it can repair. Move it
    /// away and start again: the station takes a new incarnation and fetches everything from its peers.
    #[error("store engine failed on a damaged file: {0}")]
    Unusable(String),
    /// A stored event fails its check while being read: restart the station to quarantine and refetch it.
    #[error("event at log position {lsn} is damaged: {source}")]
    Damaged {
        /// Where.
        lsn: u64,
        /// How.
        source: clock_core::wire::EventError,
    },
}

/// Runs an operation of the engine. It checks less than it reads: on a damaged file it may panic, and that must
/// reach the actor as an error like any other, not leave somebody waiting for an answer.
fn guarded<T>(operation: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // Nothing of the operation is used after a panic: the store is closed, and the process ends.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(operation));
    outcome.unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(StoreError::Unusable(text.unwrap_or_else(|| "a panic without a message".to_owned())))
    })
}

/// Any of the engine's errors becomes the one boxed kind: they differ by operation, not by what to do.
fn engine(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Engine(Box::new(error.into()))
}
