//! A file that is looked at without being changed: the engine writes even while it checks, and those writes stay
//! in memory here. So a damaged file is kept exactly as it was found.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redb::StorageBackend;

use super::StoreError;
use super::open::{Disk, io_error, refused};
use super::slots::{HEADER_BYTES, Slots};

const BLOCK: u64 = 4096;

/// The file below, and what was written over it.
#[derive(Debug)]
pub(super) struct OverlayBackend<B> {
    file: B,
    over: Mutex<Over>,
    /// Whether the engine goes on from a commit that may not be the newest. False until it has said from which.
    rolled_back: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Over {
    len: u64,
    /// How much of the file is still visible: shrinking hides its end for good.
    visible: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
    /// The header in the file, until the engine has written its first.
    found: Option<Slots>,
}

impl<B: StorageBackend> OverlayBackend<B> {
    /// Opens and locks the file as the engine itself would.
    pub(super) fn open(
        disk: &Disk<B>,
        path: &Path,
        rolled_back: Arc<AtomicBool>,
    ) -> Result<Self, StoreError> {
        let file =
            File::options().read(true).write(true).open(path).map_err(|source| io_error(path, source))?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => StoreError::InUse(path.to_owned()),
            TryLockError::Error(source) => io_error(path, source),
        })?;
        let file = disk(file).map_err(|error| refused(path, error))?;
        let len = file.len().map_err(|source| io_error(path, source))?;
        let mut header = [0; HEADER_BYTES];
        let whole = usize::try_from(len).map_or(HEADER_BYTES, |len| len.min(HEADER_BYTES));
        file.read(0, &mut header[..whole]).map_err(|source| io_error(path, source))?;
        let over = Over { len, visible: len, blocks: BTreeMap::new(), found: Slots::of(&header[..whole]) };
        Ok(Self { file, over: Mutex::new(over), rolled_back })
    }

    fn with_over<T>(&self, act: impl FnOnce(&mut Over) -> io::Result<T>) -> io::Result<T> {
        // Every change of `Over` is complete when it can panic.
        act(&mut self.over.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A block as the engine sees it: its own writes, else the file, else zeros.
    fn block(&self, over: &Over, index: u64) -> io::Result<Vec<u8>> {
        if let Some(block) = over.blocks.get(&index) {
            return Ok(block.clone());
        }
        let mut block = vec![0; usize::try_from(BLOCK).unwrap_or(0)];
        let from_file = over.visible.saturating_sub(index * BLOCK).min(BLOCK);
        let from_file = usize::try_from(from_file).unwrap_or(0);
        self.file.read(index * BLOCK, &mut block[..from_file])?;
        Ok(block)
    }
}

/// The parts of `offset..offset + len`, block by block: index, where in the block, how much.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let position = offset + done as u64;
        let start = usize::try_from(position % BLOCK).unwrap_or(0);
        let count = (len - done).min(usize::try_from(BLOCK).unwrap_or(0) - start);
        done += count;
        (count > 0).then_some((position / BLOCK, start, count))
    })
}

impl<B: StorageBackend> StorageBackend for OverlayBackend<B> {
    fn len(&self) -> io::Result<u64> {
        self.with_over(|over| Ok(over.len))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with_over(|over| {
            let end = offset.checked_add(out.len() as u64).filter(|end| *end <= over.len);
            end.ok_or(io::ErrorKind::UnexpectedEof)?;
            let mut filled = 0;
            for (index, start, count) in parts(offset, out.len()) {
                out[filled..filled + count].copy_from_slice(&self.block(over, index)?[start..start + count]);
                filled += count;
            }
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with_over(|over| {
            over.len = len;
            over.visible = over.visible.min(len);
            over.blocks.retain(|index, _| index * BLOCK < len);
            // What lies behind the end reads as zeros if the file grows again.
            if let Some(last) = over.blocks.get_mut(&(len / BLOCK)) {
                last[usize::try_from(len % BLOCK).unwrap_or(0)..].fill(0);
            }
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with_over(|over| {
            if offset == 0
                && let Some(found) = over.found.take()
            {
                self.rolled_back.fetch_or(found.are_left_by(data), Ordering::Relaxed);
            }
            let mut taken = 0;
            for (index, start, count) in parts(offset, data.len()) {
                let mut block = self.block(over, index)?;
                block[start..start + count].copy_from_slice(&data[taken..taken + count]);
                over.blocks.insert(index, block);
                taken += count;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::FileBackend;

    use super::*;

    #[test]
    fn what_is_written_over_a_file_is_read_back_and_the_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let original: Vec<u8> = (0..10_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        std::fs::write(&path, &original).unwrap();
        let overlay = OverlayBackend::open(&FileBackend::new, &path, Arc::default()).unwrap();
        let mut model = original.clone();
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..200 {
            let len = rng.u64(1..12_000);
            if rng.u8(..10) == 0 {
                overlay.set_len(len).unwrap();
                model.resize(usize::try_from(len).unwrap(), 0);
            }
            let at = rng.usize(..model.len());
            let bytes = vec![rng.u8(..); rng.usize(..=model.len() - at)];
            overlay.write(at as u64, &bytes).unwrap();
            model[at..at + bytes.len()].copy_from_slice(&bytes);
            let mut whole = vec![0; model.len()];
            overlay.read(0, &mut whole).unwrap();
            assert!(whole == model, "after writing {} bytes at {at}", bytes.len());
        }
        assert_eq!(std::fs::read(&path).unwrap(), original);
        assert!(
            matches!(
                OverlayBackend::open(&FileBackend::new, &path, Arc::default()),
                Err(StoreError::InUse(_))
            ),
            "the file is locked"
        );
    }
}
