//! The bytes of a lane that were read and are still where they were read to.
//!
//! One stretch of bytes in a block that is borrowed from the [pool](crate::pool) when there is something to read,
//! and given back when nothing is left in it. What is left for longer and is small moves into memory of its own
//! size, so that ten thousand connections that have each said half a word do not pin ten thousand blocks.

use crate::pool::{self, BLOCK_BYTES};

/// Up to here what is left when a lane goes idle moves out of its block. Copying it costs less than the system
/// call that brought it.
const SMALL_BYTES_MAX: usize = 8 << 10;

/// Least room for a read. Without it the last few bytes of a block would be read one at a time.
const ROOM_BYTES_MIN: usize = 4 << 10;

/// A stretch of unread bytes with room behind it.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    block: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.block[self.start..self.end]
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether a read has room without growth.
    pub(crate) fn has_room(&self) -> bool {
        self.is_movable() || self.block.len() - self.end >= ROOM_BYTES_MIN
    }

    /// Moving is cheap however often it happens, if as many bytes have left the block as are moved.
    fn is_movable(&self) -> bool {
        self.start >= self.len()
    }

    /// Room for the next read, of at most `bytes` bytes and at least one. Follow it with [`Buffer::fill`].
    pub(crate) fn room(&mut self, bytes: usize) -> &mut [u8] {
        self.make_room();
        let upto = self.block.len().min(self.end + bytes);
        &mut self.block[self.end..upto]
    }

    /// This much of the room was filled.
    pub(crate) fn fill(&mut self, bytes: usize) {
        self.end += bytes;
    }

    /// The first bytes are not needed any more.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
        debug_assert!(self.start <= self.end, "more was consumed than there is");
    }

    pub(crate) fn clear(&mut self) {
        self.end = self.start;
        self.rest();
    }

    /// Gives the block back as far as that is possible.
    pub(crate) fn rest(&mut self) {
        if self.is_empty() {
            pool::give_back(std::mem::take(&mut self.block));
            (self.start, self.end) = (0, 0);
        } else if self.len() <= SMALL_BYTES_MAX && self.block.len() >= BLOCK_BYTES {
            self.move_to(Box::from(self.bytes()));
        }
    }

    fn make_room(&mut self) {
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
        if self.block.len() < BLOCK_BYTES {
            let block = pool::lend();
            self.move_to(block);
        } else if self.is_movable() && self.block.len() - self.end < BLOCK_BYTES / 2 {
            self.block.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.len());
        }
        if self.block.len() - self.end < ROOM_BYTES_MIN {
            let block = pool::zeroed(2 * self.block.len());
            self.move_to(block);
        }
    }

    /// `block` has room for what there is.
    fn move_to(&mut self, mut block: Box<[u8]>) {
        let len = self.len();
        block[..len].copy_from_slice(self.bytes());
        pool::give_back(std::mem::replace(&mut self.block, block));
        (self.start, self.end) = (0, len);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(buffer: &mut Buffer, bytes: &[u8]) {
        let room = buffer.room(bytes.len());
        assert_eq!(room.len(), bytes.len());
        room.copy_from_slice(bytes);
        buffer.fill(bytes.len());
    }

    #[test]
    fn nothing_is_borrowed_while_there_is_nothing_to_keep() {
        let mut buffer = Buffer::default();
        put(&mut buffer, b"bytes");
        assert_eq!(buffer.block.len(), BLOCK_BYTES);
        buffer.consume(5);
        buffer.rest();
        assert_eq!(buffer.block.len(), 0);
    }

    #[test]
    fn a_small_rest_moves_into_memory_of_its_own_size_and_goes_on() {
        let mut buffer = Buffer::default();
        put(&mut buffer, b"gone half");
        buffer.consume(5);
        buffer.rest();
        assert_eq!((buffer.block.len(), buffer.bytes()), (4, &b"half"[..]));
        put(&mut buffer, b" a word");
        assert_eq!(buffer.bytes(), b"half a word");
    }

    #[test]
    fn bytes_survive_every_move_and_growth() {
        let all: Vec<u8> = (0..2_000_000_u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[2]).collect();
        let mut random = fastrand::Rng::with_seed(3);
        let (mut buffer, mut fed, mut taken) = (Buffer::default(), 0, 0);
        while taken < all.len() {
            let room = buffer.room(random.usize(1..150_000));
            assert!(!room.is_empty());
            let count = room.len().min(all.len() - fed);
            room[..count].copy_from_slice(&all[fed..fed + count]);
            buffer.fill(count);
            fed += count;
            let count = if fed == all.len() { buffer.len() } else { random.usize(0..=buffer.len()) };
            assert!(buffer.bytes()[..count] == all[taken..taken + count]);
            buffer.consume(count);
            taken += count;
            if random.bool() {
                buffer.rest();
            }
        }
        assert!(buffer.is_empty());
    }
}
