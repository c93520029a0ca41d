//! A byte stream taken apart into frames, or into whatever one read brought.

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::frame::{self, Front};
use crate::schedule::Body;
use crate::topology::Framing;

/// Up to here what is taken is copied into memory of its own size, and the block it was read into stays free for
/// the next read. Otherwise a sender that trickles would pin a whole block with every small frame that waits, and
/// what a lane holds would be a thousand times what it is charged. Copying costs a few microseconds at most; a
/// larger piece is a quarter of its block or more.
const COPY_BYTES_MAX: usize = 32 << 10;

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

    /// Room for a read of `bytes`. New memory comes in blocks of `block`, and only when the old one has no room or
    /// belongs to a piece larger than [`COPY_BYTES_MAX`].
    pub(crate) fn room(&mut self, bytes: usize, block: usize) -> Limit<&mut BytesMut> {
        if !self.buffer.try_reclaim(bytes) {
            self.buffer.reserve(block.max(bytes));
        }
        (&mut self.buffer).limit(bytes)
    }

    /// The number the next frame gets.
    pub(crate) fn next_index(&self) -> u64 {
        self.next_index
    }

    pub(crate) fn is_framed(&self) -> bool {
        self.framing != Framing::Raw
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
        Some((self.take(bytes), frames))
    }

    /// The first whole frame and its number.
    pub(crate) fn take_one(&mut self) -> Option<(u64, Body)> {
        let index = self.next_index;
        let body = match self.framing {
            Framing::Raw if self.buffer.is_empty() => return None,
            Framing::Raw => Body::Raw(self.take(self.buffer.len())),
            Framing::U32be => match frame::front(&self.buffer, self.frame_bytes_max) {
                Front::Whole(bytes) => Body::Frame(self.take(bytes)),
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
        Some((self.next_index - 1, self.take(self.buffer.len())))
    }

    pub(crate) fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Frees the block of an idle lane: a thousand idle connections should not cost a quarter of a gigabyte.
    pub(crate) fn shrink(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    fn take(&mut self, bytes: usize) -> Bytes {
        if bytes > COPY_BYTES_MAX {
            return self.buffer.split_to(bytes).freeze();
        }
        let copy = Bytes::copy_from_slice(&self.buffer[..bytes]);
        self.buffer.advance(bytes);
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = 128 << 10;

    /// Disproved by a frame whose bytes are shared with a block, or have more room than they need; and by a
    /// block that is not used again.
    #[test]
    fn a_small_frame_that_waits_pins_nothing_but_itself() {
        let mut cutter = Cutter::new(Framing::U32be, 1 << 20);
        let mut waiting = Vec::new();
        for _ in 0..1000 {
            cutter.room(BLOCK, BLOCK).put_slice(&[0, 0, 0, 20].repeat(6));
            let Some((_, Body::Frame(bytes))) = cutter.take_one() else { panic!("no frame") };
            assert!(cutter.buffer.is_empty());
            waiting.push(bytes);
        }
        for bytes in waiting {
            let len = bytes.len();
            let own = bytes.try_into_mut().expect("nobody shares these bytes");
            assert_eq!((len, own.capacity()), (24, 24));
        }
        assert!(cutter.buffer.try_reclaim(BLOCK) && !cutter.buffer.try_reclaim(2 * BLOCK));
    }
}
