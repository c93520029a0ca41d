//! A byte stream taken apart into frames, or into whatever one read brought.

use bytes::buf::Limit;
use bytes::{BufMut, Bytes, BytesMut};

use crate::frame::{self, Front};
use crate::schedule::Body;
use crate::topology::Framing;

/// The bytes read and not yet cut: always less than one frame, except in the middle of a read.
#[derive(Debug)]
pub(crate) struct Cutter {
    buffer: BytesMut,
    framing: Framing,
    frame_bytes_max: u32,
    next_index: u64,
}

impl Cutter {
    pub(crate) fn new(framing: Framing, frame_bytes_max: u32) -> Self {
        Self { buffer: BytesMut::new(), framing, frame_bytes_max, next_index: 0 }
    }

    /// Room for a read of `bytes`. New memory comes in blocks of `block`, so that small reads share one.
    pub(crate) fn room(&mut self, bytes: usize, block: usize) -> Limit<&mut BytesMut> {
        if self.buffer.capacity() - self.buffer.len() < bytes {
            self.buffer.reserve(block.max(bytes));
        }
        (&mut self.buffer).limit(bytes)
    }

    /// The number the next frame gets.
    pub(crate) fn next_index(&self) -> u64 {
        self.next_index
    }

    /// Falls to raw, for good, if the buffer starts with a length no frame has. Returns that length.
    pub(crate) fn check_sync(&mut self) -> Option<u32> {
        if self.framing == Framing::Raw {
            return None;
        }
        let Front::Oversize(claimed) = frame::front(&self.buffer, self.frame_bytes_max) else { return None };
        self.framing = Framing::Raw;
        Some(claimed)
    }

    /// All whole frames and their count.
    pub(crate) fn take_run(&mut self) -> Option<(Bytes, u64)> {
        let (bytes, frames) = match self.framing {
            Framing::U32be => frame::whole_run(&self.buffer, self.frame_bytes_max),
            Framing::Raw => (self.buffer.len(), u64::from(!self.buffer.is_empty())),
        };
        if frames == 0 {
            return None;
        }
        self.next_index += frames;
        Some((self.buffer.split_to(bytes).freeze(), frames))
    }

    /// The first whole frame and its number.
    pub(crate) fn take_one(&mut self) -> Option<(u64, Body)> {
        let index = self.next_index;
        let body = match self.framing {
            Framing::Raw if self.buffer.is_empty() => return None,
            Framing::Raw => Body::Raw(self.buffer.split().freeze()),
            Framing::U32be => match frame::front(&self.buffer, self.frame_bytes_max) {
                Front::Whole(bytes) => Body::Frame(self.buffer.split_to(bytes).freeze()),
                Front::Partial | Front::Oversize(_) => return None,
            },
        };
        self.next_index += 1;
        Some((index, body))
    }

    /// The half frame that is left when the source ends.
    pub(crate) fn take_rest(&mut self) -> Option<(u64, Bytes)> {
        if self.buffer.is_empty() {
            return None;
        }
        self.next_index += 1;
        Some((self.next_index - 1, self.buffer.split().freeze()))
    }

    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Frees the block of an idle lane: a thousand idle connections should not cost a quarter of a gigabyte.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > 0 {
            self.buffer = BytesMut::new();
        }
    }
}
