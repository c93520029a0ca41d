//! The hybrid logical clock: about the time, and never against causality (Kulkarni et al. 2014, figure 5).
//!
//! A timestamp is a wall time in milliseconds plus a counter for events that the wall time cannot tell apart.
//! It stays close to physical time, goes up even where the wall time steps back, and exceeds every timestamp
//! it has observed. As with a Lamport clock, order proves nothing: an HLC cannot detect concurrency.
//!
//! This module never reads a clock: wall time comes in as an argument. A peer whose clock runs ahead would
//! drag everyone along, so a remote timestamp beyond the drift bound is refused for the clock. Its data is
//! not refused: that is the caller's to keep.

use core::fmt;
use thiserror::Error;

/// Width of the counter below the milliseconds, in bits: about a million events in one millisecond. When it
/// overflows it carries into the milliseconds, so the width is a matter of drift, not of correctness.
const COUNTER_BITS: u32 = 20;

/// The latest wall time that fits, in milliseconds since the Unix epoch: 2^44 - 1, in the year 2527.
pub const MAX_WALL_MS: u64 = (1 << (u64::BITS - COUNTER_BITS)) - 1;

/// Default for how far ahead of the local wall time a remote timestamp may be, in milliseconds: one minute.
///
/// A hundred times the 600 ms of the incident that started this work, yet too little to matter to a person
/// who reads "about when".
pub const DEFAULT_MAX_DRIFT_MS: u64 = 60_000;

/// A point in hybrid time: 44 bits of milliseconds since the Unix epoch, then 20 bits of counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HybridTimestamp(u64);

impl HybridTimestamp {
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

    /// The first timestamp of a millisecond.
    fn at_wall_ms(wall_ms: u64) -> Result<Self, HybridError> {
        if wall_ms > MAX_WALL_MS {
            return Err(HybridError::WallOutOfRange { wall_ms, limit_ms: MAX_WALL_MS });
        }
        Ok(Self(wall_ms << COUNTER_BITS))
    }

    /// The next timestamp: the counter carries into the milliseconds.
    fn successor(self) -> Result<Self, HybridError> {
        self.0.checked_add(1).map(Self).ok_or(HybridError::Exhausted { last: self })
    }
}

impl fmt::Display for HybridTimestamp {
    /// Milliseconds and counter, as in `1760000000123.00007`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:05}", self.wall_ms(), self.counter())
    }
}

/// A hybrid logical clock of one node, driven by wall times that the caller passes in.
#[derive(Clone, Debug)]
pub struct HybridClock {
    last: HybridTimestamp,
    max_drift_ms: u64,
}

impl HybridClock {
    /// A clock that has issued nothing, with [`DEFAULT_MAX_DRIFT_MS`].
    #[must_use]
    pub const fn new() -> Self {
        Self::restored(HybridTimestamp(0))
    }

    /// A clock that goes on above `last`, which the node stored before it stopped.
    #[must_use]
    pub const fn restored(last: HybridTimestamp) -> Self {
        Self { last, max_drift_ms: DEFAULT_MAX_DRIFT_MS }
    }

    /// Sets how far ahead of the local wall time, in milliseconds, a remote timestamp may be (inclusive).
    #[must_use]
    pub const fn with_max_drift_ms(mut self, max_drift_ms: u64) -> Self {
        self.max_drift_ms = max_drift_ms;
        self
    }

    /// Stamps one local event ("send or local event" in figure 5). Above every earlier result.
    ///
    /// # Errors
    /// [`HybridError::WallOutOfRange`] or [`HybridError::Exhausted`]. The clock is unchanged.
    pub fn tick_at(&mut self, wall_ms: u64) -> Result<HybridTimestamp, HybridError> {
        self.advance_past(self.last, wall_ms)
    }

    /// Stamps the receipt of a message ("receive event" in figure 5). Above `remote` and every earlier result.
    ///
    /// # Errors
    /// [`HybridError::RemoteAhead`] if `remote` is beyond the drift bound; otherwise as
    /// [`tick_at`](Self::tick_at). The clock is unchanged.
    pub fn observe_at(
        &mut self,
        remote: HybridTimestamp,
        wall_ms: u64,
    ) -> Result<HybridTimestamp, HybridError> {
        if remote.wall_ms() > wall_ms.saturating_add(self.max_drift_ms) {
            return Err(HybridError::RemoteAhead { remote, wall_ms, max_drift_ms: self.max_drift_ms });
        }
        self.advance_past(self.last.max(remote), wall_ms)
    }

    /// The latest timestamp issued, or the zero timestamp.
    #[must_use]
    pub const fn last(&self) -> HybridTimestamp {
        self.last
    }

    /// How far the clock is ahead of a wall time, in milliseconds: 0, unless the wall time stepped back, a
    /// peer runs ahead, or more than a million events fell into one millisecond. Worth a metric.
    #[must_use]
    pub const fn ahead_of_ms(&self, wall_ms: u64) -> u64 {
        self.last.wall_ms().saturating_sub(wall_ms)
    }

    fn advance_past(&mut self, floor: HybridTimestamp, wall_ms: u64) -> Result<HybridTimestamp, HybridError> {
        let next = HybridTimestamp::at_wall_ms(wall_ms)?.max(floor.successor()?);
        self.last = next;
        Ok(next)
    }
}

impl Default for HybridClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a hybrid clock did not move. It is unchanged in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HybridError {
    /// The local wall time does not fit 44 bits: the time source is broken. Retry once it is repaired.
    #[error("wall time {wall_ms} ms is above the limit of {limit_ms} ms")]
    WallOutOfRange {
        /// The wall time passed in, in milliseconds since the Unix epoch.
        wall_ms: u64,
        /// The latest wall time that fits.
        limit_ms: u64,
    },
    /// The remote clock runs ahead of ours, or ours is behind. Keep the data, leave the clock alone, and
    /// count it against the peer; the same timestamp is acceptable once the wall time has caught up.
    #[error("remote timestamp {remote} is more than {max_drift_ms} ms ahead of the wall time {wall_ms} ms")]
    RemoteAhead {
        /// The timestamp received.
        remote: HybridTimestamp,
        /// The local wall time, in milliseconds since the Unix epoch.
        wall_ms: u64,
        /// The drift bound, in milliseconds.
        max_drift_ms: u64,
    },
    /// There is no timestamp above this one. Only a forged one is ever so large; start from a stored one.
    #[error("no timestamp above {last} exists")]
    Exhausted {
        /// The timestamp that has no successor.
        last: HybridTimestamp,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW_MS: u64 = 1_760_000_000_000;

    fn stamp(wall_ms: u64, counter: u64) -> HybridTimestamp {
        HybridTimestamp::from_packed((wall_ms << COUNTER_BITS) + counter)
    }

    proptest! {
        /// Disproved by a step back or by a timestamp that is not above the remote one it observed.
        #[test]
        fn it_is_monotone_whatever_the_wall_does(
            steps in prop::collection::vec((0u64..200_000, prop::option::of(0u64..200_000)), 1..80),
        ) {
            let mut clock = HybridClock::new();
            for (wall_ms, remote_ms) in steps {
                let before = clock.last();
                let remote = remote_ms.map(|ms| stamp(ms, 7));
                let result = match remote {
                    None => clock.tick_at(wall_ms),
                    Some(remote) => clock.observe_at(remote, wall_ms),
                };
                match result {
                    Ok(after) => prop_assert!(after > before && Some(after) > remote && after.wall_ms() >= wall_ms),
                    Err(_) => prop_assert_eq!(clock.last(), before),
                }
            }
        }

        /// Kulkarni et al. 2014, corollary 1: the clock is ahead by at most the largest accepted drift. No
        /// counter overflows in so few steps.
        #[test]
        fn it_never_runs_further_ahead_than_the_drift_bound(
            remotes in prop::collection::vec(0u64..200_000, 1..80),
        ) {
            let mut clock = HybridClock::new().with_max_drift_ms(500);
            for (wall_ms, ahead_ms) in (NOW_MS..).zip(remotes) {
                let _refused_or_not = clock.observe_at(stamp(wall_ms + ahead_ms, 0), wall_ms);
                prop_assert!(clock.ahead_of_ms(wall_ms) <= 500);
            }
        }

        #[test]
        fn no_input_wraps_or_panics(last in any::<u64>(), remote in any::<u64>(), wall_ms in any::<u64>()) {
            let last = HybridTimestamp::from_packed(last);
            let mut clock = HybridClock::restored(last).with_max_drift_ms(u64::MAX);
            let ticked = clock.tick_at(wall_ms);
            let observed = clock.observe_at(HybridTimestamp::from_packed(remote), wall_ms);
            prop_assert!(ticked.is_ok_and(|at| at > last) || ticked.is_err());
            prop_assert!(observed.is_ok_and(|at| at > last.max(ticked.unwrap_or(last))) || observed.is_err());
        }
    }

    #[test]
    fn the_counter_carries_into_the_milliseconds() {
        let full = stamp(NOW_MS, (1 << COUNTER_BITS) - 1);
        assert_eq!(HybridClock::restored(full).tick_at(NOW_MS), Ok(stamp(NOW_MS + 1, 0)));
    }

    #[test]
    fn a_far_future_remote_is_refused_and_changes_nothing() {
        let mut clock = HybridClock::restored(stamp(NOW_MS, 3));
        let remote = stamp(NOW_MS + DEFAULT_MAX_DRIFT_MS + 1, 0);
        let refusal =
            HybridError::RemoteAhead { remote, wall_ms: NOW_MS, max_drift_ms: DEFAULT_MAX_DRIFT_MS };
        assert_eq!(clock.observe_at(remote, NOW_MS), Err(refusal));
        assert_eq!(clock.last(), stamp(NOW_MS, 3));
        assert!(clock.observe_at(stamp(NOW_MS + DEFAULT_MAX_DRIFT_MS, 0), NOW_MS).is_ok());
    }

    #[test]
    fn the_end_of_the_range_is_an_error() {
        let end = HybridTimestamp::from_packed(u64::MAX);
        assert_eq!(HybridClock::restored(end).tick_at(NOW_MS), Err(HybridError::Exhausted { last: end }));
        let beyond = HybridError::WallOutOfRange { wall_ms: MAX_WALL_MS + 1, limit_ms: MAX_WALL_MS };
        assert_eq!(HybridClock::new().tick_at(MAX_WALL_MS + 1), Err(beyond));
    }

    #[test]
    fn a_timestamp_prints_as_milliseconds_and_counter() {
        assert_eq!(stamp(NOW_MS, 7).to_string(), "1760000000000.00007");
    }
}
