//! Bytes that may go out, and the end behind them.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use super::{End, PASS_BYTES_MAX};

/// Slices of one vectored write. Small frames released together then share a system call.
pub(crate) const WRITE_SLICES_MAX: usize = 64;

#[derive(Debug)]
struct Chunk {
    bytes: Bytes,
    /// How many frames are done when this chunk is.
    frames: u64,
}

/// Bytes that only wait for the socket. Bounded by [`Outbox::has_room`], which whoever fills it asks.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    chunks: VecDeque<Chunk>,
    bytes: usize,
    frames: u64,
    end: Option<End>,
}

impl Outbox {
    pub(crate) fn has_room(&self) -> bool {
        self.bytes < PASS_BYTES_MAX
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    pub(crate) fn push(&mut self, bytes: Bytes, frames: u64) {
        self.bytes += bytes.len();
        self.frames += frames;
        self.chunks.push_back(Chunk { bytes, frames });
    }

    /// A reset behind an unsent FIN replaces it.
    pub(crate) fn end(&mut self, end: End) {
        self.end = Some(end);
    }

    pub(crate) fn due_end(&self) -> Option<End> {
        self.end.filter(|_| self.chunks.is_empty())
    }

    pub(crate) fn end_sent(&mut self) {
        self.end = None;
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The first bytes, at most `bytes_max`.
    pub(crate) fn slices<'a>(
        &'a self,
        slices: &mut [IoSlice<'a>; WRITE_SLICES_MAX],
        bytes_max: usize,
    ) -> usize {
        let (mut count, mut left) = (0, bytes_max);
        for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
            if left == 0 {
                break;
            }
            let bytes = &chunk.bytes[..chunk.bytes.len().min(left)];
            *slice = IoSlice::new(bytes);
            left -= bytes.len();
            count += 1;
        }
        count
    }

    /// Forgets what was written, and says how many frames are now out completely.
    pub(crate) fn consume(&mut self, mut written: usize) -> u64 {
        let mut frames = 0;
        self.bytes -= written;
        while let Some(chunk) = self.chunks.front_mut() {
            if chunk.bytes.len() > written {
                chunk.bytes.advance(written);
                break;
            }
            written -= chunk.bytes.len();
            frames += chunk.frames;
            self.chunks.pop_front();
        }
        self.frames -= frames;
        frames
    }

    /// The waiting chunks, first to last.
    #[cfg(test)]
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &Bytes> {
        self.chunks.iter().map(|chunk| &chunk.bytes)
    }
}
