//! A damaged file is set aside; what can still be read of it moves to a new one.
//!
//! redb checks whole pages when the store opens, and every event carries a checksum of its own. If either fails,
//! each log position is read by itself: an event that passes its own check is as good as ever, one that does not
//! goes to quarantine and is fetched again from a peer (rule 10). The damaged file stays beside the new one.
//!
//! The new file is complete and synced before the old one is moved, so that a crash in between loses neither:
//!
//! | stopped after | the next opening finds | and |
//! |---|---|---|
//! | part of the new file | old and new | drops the new one, starts over |
//! | all of the new file | old and new | the same |
//! | moving the old file | new alone | moves it into place |

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use clock_core::replica::{LogRecord, Lsn};
use clock_core::wire::EncodedEvent;
use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, StorageBackend};

use super::open::{
    Disk, StoreIdentity, add_evidence, claim_identity, io_error, look_at, open_file, sync_folder,
};
use super::schema::{DOTS, LOG, QUARANTINE, while_ascending};
use super::writer::Writer;
use super::{StoreError, engine, guarded};

/// Events that share a commit of the new file.
const SALVAGE_BATCH: usize = 256;

/// How much could be saved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Salvage {
    /// Events that passed their check.
    pub saved: u64,
    /// Log positions whose bytes could be read but are no event any more.
    pub quarantined: u64,
}

/// The file that is being filled.
fn salvaged_path(path: &Path) -> PathBuf {
    path.with_extension("redb.salvaged")
}

/// Completes or drops what an earlier salvage left when it was stopped.
pub(super) fn finish_interrupted(path: &Path) -> Result<(), StoreError> {
    let salvaged = salvaged_path(path);
    let finished = match (salvaged.exists(), path.exists()) {
        (false, _) => return Ok(()),
        (true, true) => fs::remove_file(&salvaged),
        (true, false) => fs::rename(&salvaged, path),
    };
    finished.map_err(|source| io_error(&salvaged, source))
}

/// Moves everything readable of the damaged file to a new one in its place.
pub(super) fn salvage<B: StorageBackend>(
    disk: &Disk<B>,
    folder: &Path,
    path: &Path,
    identity: &StoreIdentity,
) -> Result<Salvage, StoreError> {
    let salvaged = salvaged_path(path);
    let outcome = {
        let (damaged, _) = look_at(disk, path)?;
        let new = Arc::new(open_file(disk, &salvaged)?);
        claim_identity(&new, &salvaged, identity)?;
        copy_readable(&damaged, &new)?
    };
    sync_folder(folder)?;
    let aside = free_name(path);
    fs::rename(path, &aside).map_err(|source| io_error(path, source))?;
    fs::rename(&salvaged, path).map_err(|source| io_error(&salvaged, source))?;
    sync_folder(folder)?;
    let (saved, quarantined) = (outcome.saved, outcome.quarantined);
    tracing::error!(kept = %aside.display(), saved, quarantined, "the store was damaged: set aside, readable events saved");
    Ok(outcome)
}

fn free_name(path: &Path) -> PathBuf {
    let numbered = |number: u32| path.with_extension(format!("redb.damaged-{number}"));
    (1..u32::MAX).map(numbered).find(|name| !name.exists()).unwrap_or_else(|| numbered(u32::MAX))
}

fn copy_readable(damaged: &Database, new: &Arc<Database>) -> Result<Salvage, StoreError> {
    let log = guarded(|| damaged.begin_read().map_err(engine)?.open_table(LOG).map_err(engine))?;
    let mut writer = Writer::new(new.clone(), false)?;
    let (mut outcome, mut batch, mut evidence) = (Salvage::default(), Vec::new(), old_evidence(damaged));
    for lsn in positions(damaged, &log) {
        let Ok(Some(bytes)) = read_one(&log, lsn) else { continue };
        let event = EncodedEvent::from_bytes(bytes);
        match event.decode() {
            Ok(written) => {
                outcome.saved += 1;
                batch.push(LogRecord::Event { lsn: Lsn(lsn), dot: written.dot, key: written.key, event });
            }
            Err(error) => {
                outcome.quarantined += 1;
                evidence.push((format!("log position {lsn}: {error}"), event.as_bytes().clone()));
            }
        }
        if batch.len() == SALVAGE_BATCH {
            writer.commit(&std::mem::take(&mut batch))?;
        }
    }
    writer.commit(&batch)?;
    evidence.push(("the file this one was salvaged from".to_owned(), Bytes::new()));
    let transaction = new.begin_write().map_err(engine)?;
    evidence.iter().try_for_each(|(origin, bytes)| add_evidence(&transaction, origin, bytes))?;
    transaction.commit().map_err(engine)?;
    Ok(outcome)
}

/// What was in quarantine before, as far as it can be read.
fn old_evidence(damaged: &Database) -> Vec<(String, Bytes)> {
    let read = guarded(|| {
        let quarantine = damaged.begin_read().map_err(engine)?.open_table(QUARANTINE).map_err(engine)?;
        let rows = quarantine.iter().map_err(engine)?.map_while(Result::ok);
        let rows = while_ascending(rows.map(|(number, row)| (number.value(), row)));
        Ok(rows.map(|(_, row)| (row.value().0.to_owned(), Bytes::copy_from_slice(row.value().1))).collect())
    });
    read.unwrap_or_default()
}

/// Every position that either table names, as far as they can be read.
fn positions(damaged: &Database, log: &ReadOnlyTable<u64, &'static [u8]>) -> BTreeSet<u64> {
    let mut positions = BTreeSet::new();
    let logged = guarded(|| {
        let rows = log.iter().map_err(engine)?.map_while(Result::ok).map(|(lsn, _)| (lsn.value(), ()));
        while_ascending(rows).for_each(|(lsn, ())| _ = positions.insert(lsn));
        Ok(())
    });
    let indexed = guarded(|| {
        let dots = damaged.begin_read().map_err(engine)?.open_table(DOTS).map_err(engine)?;
        let rows =
            dots.iter().map_err(engine)?.map_while(Result::ok).map(|(dot, lsn)| (dot.value(), lsn.value()));
        while_ascending(rows).for_each(|(_, lsn)| _ = positions.insert(lsn));
        Ok(())
    });
    for error in [logged, indexed].into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "a damaged table was read in part");
    }
    positions
}

fn read_one(log: &ReadOnlyTable<u64, &'static [u8]>, lsn: u64) -> Result<Option<Bytes>, StoreError> {
    guarded(|| Ok(log.get(lsn).map_err(engine)?.map(|bytes| Bytes::copy_from_slice(bytes.value()))))
}
