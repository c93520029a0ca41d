//! The packed form of hybrid time: 44 bits of milliseconds above 20 bits of counter, compared as one number.

use core::fmt;

/// Width of the counter below the milliseconds, in bits: about a million events in one millisecond. When it
/// overflows it carries into the milliseconds, so the width is a matter of drift, not of correctness.
pub(super) const COUNTER_BITS: u32 = 20;

/// The latest wall time that fits, in milliseconds since the Unix epoch: 2^44 - 1, in the year 2527.
pub const MAX_WALL_MS: u64 = (1 << (u64::BITS - COUNTER_BITS)) - 1;

/// A point in hybrid time: 44 bits of milliseconds since the Unix epoch, then 20 bits of counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HybridTimestamp(u64);

impl HybridTimestamp {
    /// The last timestamp a clock issues: the first one of the last millisecond, [`MAX_WALL_MS`].
    ///
    /// The rest of that millisecond is never issued. It is room for threads that add before they look, a million
    /// of them at once, so that not even for a moment can a shared clock wrap.
    pub const LAST: Self = Self(MAX_WALL_MS << COUNTER_BITS);

    /// Takes the packed form apart again; every `u64` is a timestamp.
    #[must_use]
    pub const fn from_packed(packed: u64) -> Self {
        Self(packed)
    }

    /// The 64-bit form, whose order as a number is the order of timestamps.
    #[must_use]
    pub const fn as_packed(self) -> u64 {
        self.0
    }

    /// Milliseconds since the Unix epoch. For people; nothing may be decided by it.
    #[must_use]
    pub const fn wall_ms(self) -> u64 {
        self.0 >> COUNTER_BITS
    }

    /// Rank among the timestamps of the same millisecond, from 0.
    #[must_use]
    pub const fn counter(self) -> u64 {
        self.0 & ((1 << COUNTER_BITS) - 1)
    }

    /// This one, or [`LAST`](Self::LAST) if it is beyond.
    pub(super) const fn upto_last(self) -> Self {
        if self.0 > Self::LAST.0 { Self::LAST } else { self }
    }

    /// The first timestamp of a millisecond, `None` beyond [`MAX_WALL_MS`].
    pub(super) const fn starting_ms(wall_ms: u64) -> Option<Self> {
        if wall_ms > MAX_WALL_MS { None } else { Some(Self(wall_ms << COUNTER_BITS)) }
    }
}

impl fmt::Display for HybridTimestamp {
    /// Milliseconds and counter, as in `1760000000123.00007`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:05}", self.wall_ms(), self.counter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_prints_as_milliseconds_and_counter() {
        let at = HybridTimestamp::from_packed((1_760_000_000_000 << COUNTER_BITS) + 7);
        assert_eq!((at.wall_ms(), at.counter()), (1_760_000_000_000, 7));
        assert_eq!(at.to_string(), "1760000000000.00007");
    }

    #[test]
    fn the_last_wall_time_still_fits() {
        assert_eq!(HybridTimestamp::starting_ms(MAX_WALL_MS), Some(HybridTimestamp::LAST));
        assert_eq!(HybridTimestamp::starting_ms(MAX_WALL_MS + 1), None);
    }
}
