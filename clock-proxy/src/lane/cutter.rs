//! A byte stream taken apart into frames, or into whatever one read brought.
//!
//! In the pass gear whole frames stay where they were read to: they are the *run*, and are written straight from
//! there. In the fault gear each frame is copied into memory of its own size, so that a frame that waits pins
//! nothing but itself.

use bytes::Bytes;

use super::buffer::Buffer;
use crate::frame::{Framing, Front};
use crate::schedule::Body;

/// What was read: first the run, then the bytes not yet cut, which are less than one frame except in the middle
/// of a read.
#[derive(Debug)]
pub(crate) struct Cutter {
    buffer: Buffer,
    run: Run,
    framing: Framing,
    frame_bytes_max: u32,
    next_index: u64,
}

/// Whole frames that are on their way out, at the front of the buffer.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    bytes: usize,
    frames: u64,
}

impl Cutter {
    pub(crate) fn new(framing: Framing, frame_bytes_max: u32) -> Self {
        Self { buffer: Buffer::default(), run: Run::default(), framing, frame_bytes_max, next_index: 0 }
    }

    /// Room for a read of at most `bytes`. Follow it with [`Cutter::fill`].
    pub(crate) fn room(&mut self, bytes: usize) -> &mut [u8] {
        self.buffer.room(bytes)
    }

    pub(crate) fn fill(&mut self, bytes: usize) {
        self.buffer.fill(bytes);
    }

    /// Whether more can be read behind what waits to be written.
    pub(crate) fn has_room(&self) -> bool {
        self.run.bytes == 0 || self.buffer.has_room()
    }

    /// The number the next frame gets.
    pub(crate) fn next_index(&self) -> u64 {
        self.next_index
    }

    pub(crate) fn is_framed(&self) -> bool {
        self.framing != Framing::Raw
    }

    /// Falls to raw, for good, if what is not yet cut starts with a length no frame has. Returns that length.
    pub(crate) fn check_sync(&mut self) -> Option<u64> {
        let Front::Impossible(claimed) = self.framing.front(self.uncut(), self.frame_bytes_max) else {
            return None;
        };
        self.fall_to_raw();
        Some(claimed)
    }

    /// From here on there are no frames.
    pub(crate) fn fall_to_raw(&mut self) {
        self.framing = Framing::Raw;
    }

    /// Whether there are bytes that are not a frame yet.
    pub(crate) fn has_partial(&self) -> bool {
        !self.uncut().is_empty()
    }

    /// Adds all whole frames to the run. False if there are none.
    pub(crate) fn extend_run(&mut self) -> bool {
        let (bytes, frames) = self.framing.whole_run(self.uncut(), self.frame_bytes_max);
        self.next_index += frames;
        self.run.bytes += bytes;
        self.run.frames += frames;
        frames > 0
    }

    /// The frames that go out as they are; empty in the fault gear.
    pub(crate) fn run(&self) -> &[u8] {
        &self.buffer.bytes()[..self.run.bytes]
    }

    pub(crate) fn run_frames(&self) -> u64 {
        self.run.frames
    }

    /// Forgets what was written of the run, and says how many frames are now out completely: all or none.
    pub(crate) fn consume_run(&mut self, written: usize) -> u64 {
        self.buffer.consume(written);
        self.run.bytes -= written;
        if self.run.bytes > 0 { 0 } else { std::mem::take(&mut self.run).frames }
    }

    /// What is left of the run, in memory of its own, and its frames.
    pub(crate) fn take_run(&mut self) -> Option<(Bytes, u64)> {
        let Run { bytes, frames } = std::mem::take(&mut self.run);
        (bytes > 0).then(|| (self.take(bytes), frames))
    }

    /// The first whole frame and its number. There is no run.
    pub(crate) fn take_one(&mut self) -> Option<(u64, Body)> {
        let index = self.next_index;
        let Front::Whole(bytes) = self.framing.front(self.buffer.bytes(), self.frame_bytes_max) else {
            return None;
        };
        let bytes = self.take(bytes);
        let body = if self.framing == Framing::Raw { Body::Raw(bytes) } else { Body::Frame(bytes) };
        self.next_index += 1;
        Some((index, body))
    }

    /// The half frame that is left when the source ends. There is no run.
    pub(crate) fn take_rest(&mut self) -> Option<(u64, Bytes)> {
        if self.buffer.is_empty() {
            return None;
        }
        self.next_index += 1;
        Some((self.next_index - 1, self.take(self.buffer.len())))
    }

    pub(crate) fn clear(&mut self) {
        self.run = Run::default();
        self.buffer.clear();
    }

    /// Gives back the memory that an idle lane does not need.
    pub(crate) fn rest(&mut self) {
        self.buffer.rest();
    }

    fn uncut(&self) -> &[u8] {
        &self.buffer.bytes()[self.run.bytes..]
    }

    fn take(&mut self, bytes: usize) -> Bytes {
        let copy = Bytes::copy_from_slice(&self.buffer.bytes()[..bytes]);
        self.buffer.consume(bytes);
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(cutter: &mut Cutter, bytes: &[u8]) {
        cutter.room(bytes.len())[..bytes.len()].copy_from_slice(bytes);
        cutter.fill(bytes.len());
    }

    /// Disproved by a frame whose bytes are shared with a block, or have more room than they need.
    #[test]
    fn a_frame_that_waits_pins_nothing_but_itself() {
        let mut cutter = Cutter::new(Framing::U32BE, 1 << 20);
        for payload in [20_u32, 100_000] {
            put(&mut cutter, &[&payload.to_be_bytes()[..], &vec![7; payload as usize]].concat());
            let Some((_, Body::Frame(bytes))) = cutter.take_one() else { panic!("no frame") };
            let len = bytes.len();
            let own = bytes.try_into_mut().expect("nobody shares these bytes");
            assert_eq!((len, own.capacity()), (payload as usize + 4, payload as usize + 4));
        }
    }

    #[test]
    fn a_run_grows_behind_what_still_waits_to_be_written() {
        let mut cutter = Cutter::new(Framing::U32BE, 100);
        put(&mut cutter, b"\0\0\0\x02ab\0\0\0\x03c");
        assert!(cutter.extend_run() && !cutter.extend_run());
        assert_eq!(cutter.consume_run(2), 0);
        put(&mut cutter, b"de\0");
        assert!(cutter.extend_run());
        assert_eq!((cutter.run(), cutter.run_frames()), (&b"\0\x02ab\0\0\0\x03cde"[..], 2));
        assert_eq!(cutter.consume_run(4), 0);
        let (bytes, frames) = cutter.take_run().unwrap();
        assert_eq!((&bytes[..], frames, cutter.run()), (&b"\0\0\0\x03cde"[..], 2, &b""[..]));
        assert_eq!(cutter.take_rest().unwrap(), (2, Bytes::from_static(b"\0")));
    }
}
