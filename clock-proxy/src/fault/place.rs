//! Where in a lane a decision was made.

/// A frame by its number in the lane, or a byte by its offset. Lanes without frames have only the latter, since
/// where a read ends is chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    Frame(u64),
    Offset(u64),
}

impl Place {
    /// The number that is hashed. Each copy of a frame meets the later rules by itself, so it has its own.
    pub(crate) fn index(self, copy: u32) -> u64 {
        match self {
            // A frame that is no copy keeps its number. 2^44 frames are more than a lane lives to see.
            Place::Frame(number) => number ^ (u64::from(copy) << 44),
            Place::Offset(offset) => offset ^ (1 << 63),
        }
    }
}
