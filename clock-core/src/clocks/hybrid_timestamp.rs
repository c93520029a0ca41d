//! The packed form of hybrid time: 44 bits of milliseconds above 20 bits of counter, compared as one number.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use thiserror::Error;

/// Width of the counter below the milliseconds, in bits: about a million events in one millisecond. When it
/// overflows it carries into the milliseconds, so the width is a matter of drift, not of correctness.
pub(super) const COUNTER_BITS: u32 = 20;

/// The latest wall time that fits, in milliseconds since the Unix epoch: 2^44 - 1, in the year 2527.
pub const MAX_WALL_MS: u64 = (1 << (u64::BITS - COUNTER_BITS)) - 1;

/// The largest counter within a millisecond: 2^20 - 1.
const MAX_HYBRID_COUNTER: u64 = (1 << COUNTER_BITS) - 1;

/// A point in hybrid time: 44 bits of milliseconds since the Unix epoch, then 20 bits of counter.
///
/// Two nodes may issue the same one; a [`HybridStamp`](super::HybridStamp) names the node too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HybridTimestamp(u64);

impl HybridTimestamp {
    /// The last timestamp a clock issues: the first one of the last millisecond, [`MAX_WALL_MS`].
    ///
    /// The rest of that millisecond is never issued. It is room for threads that add before they look, a
    /// million of them at once, so that not even for a moment can a shared clock wrap.
    pub const LAST: Self = Self(MAX_WALL_MS << COUNTER_BITS);

    /// Takes the packed form apart again; every `u64` is a timestamp.
    #[must_use]
    pub const fn from_packed(packed: u64) -> Self {
        Self(packed)
    }

    /// The timestamp of a wall time, in milliseconds since the Unix epoch, and a counter; `None` if the wall
    /// time is beyond [`MAX_WALL_MS`] or the counter beyond 2^20 - 1.
    #[must_use]
    pub const fn from_parts(wall_ms: u64, counter: u64) -> Option<Self> {
        if wall_ms > MAX_WALL_MS || counter > MAX_HYBRID_COUNTER {
            return None;
        }
        Some(Self((wall_ms << COUNTER_BITS) | counter))
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
        self.0 & MAX_HYBRID_COUNTER
    }

    /// This one, or [`LAST`](Self::LAST) if it is beyond.
    pub(super) const fn upto_last(self) -> Self {
        if self.0 > Self::LAST.0 { Self::LAST } else { self }
    }

    /// The first timestamp of a millisecond, `None` beyond [`MAX_WALL_MS`].
    pub(super) const fn starting_ms(wall_ms: u64) -> Option<Self> {
        Self::from_parts(wall_ms, 0)
    }
}

impl fmt::Display for HybridTimestamp {
    /// Milliseconds and counter, as in `1760000000123.00007`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:05}", self.wall_ms(), self.counter())
    }
}

impl FromStr for HybridTimestamp {
    type Err = InvalidHybrid;

    /// Reads the form that is displayed, and no other spelling of it.
    fn from_str(text: &str) -> Result<Self, InvalidHybrid> {
        let parsed = text
            .split_once('.')
            .and_then(|(wall_ms, counter)| Self::from_parts(wall_ms.parse().ok()?, counter.parse().ok()?));
        let is_the_one_spelling = |at: &Self| at.to_string() == text;
        parsed.filter(is_the_one_spelling).ok_or_else(|| InvalidHybrid(text.chars().take(64).collect()))
    }
}

/// A text is no [`HybridTimestamp`]: it holds the beginning of the text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "hybrid timestamp {0:?}: expected milliseconds and a counter of five digits, e.g. 1760000000123.00007"
)]
pub struct InvalidHybrid(pub String);

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
    fn it_is_made_of_parts_within_their_ranges() {
        let at = HybridTimestamp::from_parts(7, 9).unwrap();
        assert_eq!((at.wall_ms(), at.counter()), (7, 9));
        let max = HybridTimestamp::from_parts(MAX_WALL_MS, MAX_HYBRID_COUNTER);
        assert_eq!(max, Some(HybridTimestamp::from_packed(u64::MAX)));
        assert_eq!(HybridTimestamp::from_parts(MAX_WALL_MS + 1, 0), None);
        assert_eq!(HybridTimestamp::from_parts(0, MAX_HYBRID_COUNTER + 1), None);
    }

    #[test]
    fn it_has_one_spelling() {
        for text in ["0.00000", "1760000000123.00007", "17592186044415.1048575"] {
            assert_eq!(text.parse::<HybridTimestamp>().unwrap().to_string(), text);
        }
        for text in
            ["", ".", "1", "1.7", "01.00007", "1.000007", "+1.00007", "1.1048576", "17592186044416.00000"]
        {
            assert!(text.parse::<HybridTimestamp>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn the_last_wall_time_still_fits() {
        assert_eq!(HybridTimestamp::starting_ms(MAX_WALL_MS), Some(HybridTimestamp::LAST));
        assert_eq!(HybridTimestamp::starting_ms(MAX_WALL_MS + 1), None);
    }
}
