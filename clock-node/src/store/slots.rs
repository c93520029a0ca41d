//! Whether the engine goes on from an older commit than the newest in its file.
//!
//! Its header has two slots, each with a commit, and a bit that says which is the newer one (redb, docs/design.md,
//! "Database super-header"). If that slot fails its checksum the engine turns to the other one, and if the bit itself
//! is wrong it may believe it: both without a word. What it goes on from shows in the first header that it writes.
//!
//! This only ever finds too much: a power cut in the middle of a commit, which nobody was told of, looks the same.

/// Where the bit is.
const FLAGS: usize = 9;
const SECOND_IS_NEWER: u8 = 1;
/// Where in the header each slot begins.
const SLOTS: [usize; 2] = [64, 192];
/// Where in its slot a commit has its number.
const COMMIT_NUMBER: usize = 104;
pub(super) const HEADER_BYTES: usize = 320;

/// The header as it is in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    named: usize,
    numbers: [u64; 2],
}

impl Slots {
    /// Reads the beginning of a file; `None` if it is too short to have a header.
    pub(super) fn of(header: &[u8]) -> Option<Self> {
        let number = |slot: usize| {
            let bytes = header.get(slot + COMMIT_NUMBER..slot + COMMIT_NUMBER + 8)?;
            bytes.try_into().ok().map(u64::from_le_bytes)
        };
        let [first, second] = SLOTS;
        Some(Self { named: newer(header)?, numbers: [number(first)?, number(second)?] })
    }

    /// Whether the engine, which began by writing this header, goes on from a commit that may not be the newest.
    pub(super) fn are_left_by(&self, written: &[u8]) -> bool {
        let Some(chosen) = newer(written) else { return true };
        chosen != self.named || self.numbers[1 - chosen] > self.numbers[chosen]
    }
}

/// Which slot a header names as the newer one.
fn newer(header: &[u8]) -> Option<usize> {
    header.get(FLAGS).map(|flags| usize::from(flags & SECOND_IS_NEWER))
}
