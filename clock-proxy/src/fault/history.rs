//! The last frames of a lane, for rules that send one of them again.

use std::collections::VecDeque;

use bytes::Bytes;

/// Frames that came before. Bounded in frames by what the rules reach back to, and in bytes by its owner.
#[derive(Debug, Default)]
pub(crate) struct History {
    frames: VecDeque<Bytes>,
    bytes: usize,
}

impl History {
    /// Remembers a frame, and forgets the oldest ones beyond the bounds. Both bounds depend on frames alone, so
    /// what is remembered is the same in every run.
    pub(crate) fn push(&mut self, frame: &Bytes, frames_max: usize, bytes_max: usize) {
        self.bytes += frame.len();
        self.frames.push_back(frame.clone());
        while self.frames.len() > frames_max || self.bytes > bytes_max {
            let Some(oldest) = self.frames.pop_front() else { return };
            self.bytes -= oldest.len();
        }
    }

    /// The frame that came this many frames ago, 1 being the last one.
    pub(crate) fn back(&self, frames: usize) -> Option<&Bytes> {
        self.frames.get(self.frames.len().checked_sub(frames)?)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reaches_back_as_far_as_its_bounds() {
        let mut history = History::default();
        for byte in 0..10_u8 {
            history.push(&Bytes::from(vec![byte; 10]), 4, 1000);
        }
        assert_eq!(history.back(1), Some(&Bytes::from(vec![9; 10])));
        assert_eq!(history.back(4), Some(&Bytes::from(vec![6; 10])));
        assert_eq!((history.back(5), history.back(0), history.bytes()), (None, None, 40));
        history.push(&Bytes::from(vec![0; 990]), 4, 1000);
        assert_eq!((history.bytes(), history.back(2).is_some()), (1000, true));
    }
}
