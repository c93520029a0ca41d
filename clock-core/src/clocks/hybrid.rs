//! The hybrid logical clock: about the time, and never against causality (Kulkarni et al. 2014, figure 5).
//!
//! A timestamp is a wall time in milliseconds plus a counter for events that the wall time cannot tell apart.
//! It stays close to physical time, goes up even where the wall time steps back, and exceeds every timestamp
//! it has observed. As with a Lamport clock, order proves nothing: an HLC cannot detect concurrency.
//!
//! This module never reads a clock: wall time comes in as an argument. A peer whose clock runs ahead would
//! drag everyone along, so a remote timestamp beyond the drift bound is refused for the clock and counted.
//! Its data is not refused: that is the caller's to keep.
//!
//! The local wall is believed too, but not without limit, because a clock never goes back: following one
//! absurd reading would leave it absurd for ever. A wall that stepped back is counted on from; a wall that
//! jumped ahead is followed, and [`JumpDetector`](super::JumpDetector) reports it; a wall beyond the jump
//! limit is refused, and honest readings after it are served as if it had not been. Whether such a wall is
//! right after all, a person decides, and says so by [`HybridClock::accept_wall`].
//!
//! Threads share a clock without a lock. The packed timestamp is one atomic, and an event adds one to it
//! before anything else: within a millisecond, which is nearly always, nothing more is needed, and unlike a
//! compare-and-swap an addition never has to be repeated. Only the event that finds the wall time moved on
//! takes the maximum of both.
//!
//! Invariant: the atomic never goes below a timestamp that was issued, and each issued timestamp was put
//! there by a read-modify-write that raised it. So no two are equal, and an event that happens after another,
//! on whichever threads, has the larger one. Timestamps that an addition reached and no event took are
//! skipped.
//!
//! Reading: Kulkarni, Demirbas, Madappa, Avva, Leone, "Logical Physical Clocks", OPODIS 2014.

use super::atomic::{AtomicU64, Ordering, const_unless_loom};
use super::hybrid_error::HybridError;
use super::hybrid_timestamp::{HybridTimestamp, MAX_WALL_MS};

/// Default for how far ahead of the local wall time a remote timestamp may be, in milliseconds: one minute.
///
/// A hundred times the 600 ms of the incident that started this work, yet too little to matter to a person
/// who reads "about when".
pub const DEFAULT_MAX_DRIFT_MS: u64 = 60_000;

/// Default for how far above the clock's last timestamp the local wall time may be, in milliseconds: 366
/// days.
///
/// Generous, so that whoever was off or asleep comes back by itself: over a weekend, a winter, a year on a
/// shelf. What it has to catch is wider off: counters read as dates, the ends of 32-bit and of 44-bit time.
/// Half as much would turn away spares; twice as much would double what one bad reading costs, which is that
/// long a wait until peers believe the clock again.
pub const DEFAULT_MAX_WALL_JUMP_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// A clock that has never shown this much was never set: the start of 2020, in milliseconds since the Unix
/// epoch.
///
/// Devices without a battery count from 1970 until they have asked someone. The jump from there to the
/// present is no fault, so the limit applies from here on; a clock that has issued nothing is the same case.
const SET_FROM_MS: u64 = 1_577_836_800_000;

/// A hybrid logical clock that threads may share, driven by wall times that the caller passes in.
#[derive(Debug)]
pub struct HybridClock {
    /// The packed timestamp. Relaxed accesses suffice: it guards no other memory.
    latest: AtomicU64,
    refused_remotes: AtomicU64,
    max_drift_ms: u64,
    max_wall_jump_ms: u64,
}

impl HybridClock {
    const_unless_loom! {
        /// A clock that has issued nothing, with [`DEFAULT_MAX_DRIFT_MS`] and [`DEFAULT_MAX_WALL_JUMP_MS`].
        #[must_use]
        pub const fn new() -> Self {
            Self::restored(HybridTimestamp::from_packed(0))
        }
    }

    const_unless_loom! {
        /// A clock that goes on above `last`, which the node stored before it stopped.
        ///
        /// What is above [`HybridTimestamp::LAST`] was never issued by a working clock and counts as `LAST`.
        #[must_use]
        pub const fn restored(last: HybridTimestamp) -> Self {
            Self {
                latest: AtomicU64::new(last.upto_last().as_packed()),
                refused_remotes: AtomicU64::new(0),
                max_drift_ms: DEFAULT_MAX_DRIFT_MS,
                max_wall_jump_ms: DEFAULT_MAX_WALL_JUMP_MS,
            }
        }
    }

    /// Sets how far ahead of the local wall time, in milliseconds, a remote timestamp may be (inclusive).
    #[must_use]
    pub const fn with_max_drift_ms(mut self, max_drift_ms: u64) -> Self {
        self.max_drift_ms = max_drift_ms;
        self
    }

    /// Sets how far above the last timestamp, in milliseconds, the local wall time may be (inclusive).
    ///
    /// It should be longer than the node is ever off. `u64::MAX` follows every wall that fits.
    #[must_use]
    pub const fn with_max_wall_jump_ms(mut self, max_wall_jump_ms: u64) -> Self {
        self.max_wall_jump_ms = max_wall_jump_ms;
        self
    }

    /// Stamps one local event ("send or local event" in figure 5). Above every earlier result.
    ///
    /// # Errors
    /// [`HybridError::WallOutOfRange`], [`HybridError::WallJump`] or [`HybridError::Exhausted`]. Nothing was
    /// issued.
    #[inline]
    pub fn tick_at(&self, wall_ms: u64) -> Result<HybridTimestamp, HybridError> {
        let now = start_of(wall_ms)?;
        self.issue_from(now, now)
    }

    /// Stamps the receipt of a message ("receive event" in figure 5). Above `remote` and every earlier
    /// result.
    ///
    /// # Errors
    /// [`HybridError::RemoteAhead`] if `remote` is beyond the drift bound, which is counted and leaves the
    /// clock untouched; otherwise as [`tick_at`](Self::tick_at).
    #[inline]
    pub fn observe_at(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<HybridTimestamp, HybridError> {
        let now = self.credible(remote, wall_ms)?;
        if remote >= HybridTimestamp::LAST {
            return Err(HybridError::Exhausted { last: remote });
        }
        self.issue_from(now.max(HybridTimestamp::from_packed(remote.as_packed() + 1)), now)
    }

    /// Learns of `remote` without an event of its own: later timestamps are above it.
    ///
    /// Figure 5's receive event without its timestamp. Where the clock is ahead already it is one load.
    ///
    /// # Errors
    /// As [`observe_at`](Self::observe_at). The clock is unchanged.
    #[inline]
    pub fn witness_at(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<(), HybridError> {
        let now = self.credible(remote, wall_ms)?;
        if remote > HybridTimestamp::LAST {
            return Err(HybridError::Exhausted { last: remote });
        }
        let last = self.last();
        if remote > last {
            self.check_jump(now, last)?;
            self.latest.fetch_max(remote.as_packed(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes a wall time as right, however far ahead it is: later timestamps are not before it.
    ///
    /// For a person, or what a person has configured, to answer [`HybridError::WallJump`] with. There is no
    /// way back.
    ///
    /// # Errors
    /// [`HybridError::WallOutOfRange`]. The clock is unchanged.
    pub fn accept_wall(&self, wall_ms: u64) -> Result<(), HybridError> {
        self.latest.fetch_max(start_of(wall_ms)?.as_packed(), Ordering::Relaxed);
        Ok(())
    }

    /// The latest timestamp issued or witnessed, or the zero timestamp. Other threads may move it at any
    /// time, and it may be one that was skipped.
    #[must_use]
    #[inline]
    pub fn last(&self) -> HybridTimestamp {
        HybridTimestamp::from_packed(self.latest.load(Ordering::Relaxed)).upto_last()
    }

    /// How far the clock is ahead of a wall time, in milliseconds: 0, unless the wall time stepped back, a
    /// peer runs ahead, or more than a million events fell into one millisecond. Worth a metric.
    #[must_use]
    pub fn ahead_of_ms(&self, wall_ms: u64) -> u64 {
        self.last().wall_ms().saturating_sub(wall_ms)
    }

    /// How many remote timestamps were refused as [`HybridError::RemoteAhead`], for a metric instead of a log
    /// line each. Threads that refuse at the same moment may count as one, so never too many.
    #[must_use]
    pub fn refused_remotes(&self) -> u64 {
        self.refused_remotes.load(Ordering::Relaxed)
    }

    /// Issues a timestamp not below `floor`, which is at most [`HybridTimestamp::LAST`] and not below `now`,
    /// the start of the wall time.
    #[inline]
    fn issue_from(
        &self,
        floor: HybridTimestamp,
        now: HybridTimestamp,
    ) -> Result<HybridTimestamp, HybridError> {
        let next = self.successor()?;
        if next >= floor {
            return Ok(next);
        }
        // The wall time, or the remote one, is ahead of all that was issued: only here can the wall have
        // jumped. What is refused skips `next`; to take that back could undo what another thread has just
        // witnessed.
        self.check_jump(now, next)?;
        // Whoever raises the clock to the floor owns it; the others find it taken and go on from there.
        let before = self.latest.fetch_max(floor.as_packed(), Ordering::Relaxed);
        if before < floor.as_packed() { Ok(floor) } else { self.successor() }
    }

    /// Whether the clock may follow the wall from `last` to `now`.
    #[inline]
    fn check_jump(&self, now: HybridTimestamp, last: HybridTimestamp) -> Result<(), HybridError> {
        let limit_ms = self.max_wall_jump_ms;
        let was_set = last.wall_ms() >= SET_FROM_MS;
        if was_set && now.wall_ms() > last.wall_ms().saturating_add(limit_ms) {
            return Err(HybridError::WallJump { wall_ms: now.wall_ms(), last, limit_ms });
        }
        Ok(())
    }

    /// The start of a wall time that the clock may follow from where it is.
    pub(super) fn followable(&self, wall_ms: u64) -> Result<HybridTimestamp, HybridError> {
        let now = start_of(wall_ms)?;
        self.check_jump(now, self.last())?;
        Ok(now)
    }

    /// The timestamp after the latest.
    #[inline]
    fn successor(&self) -> Result<HybridTimestamp, HybridError> {
        let before = self.latest.fetch_add(1, Ordering::Relaxed);
        if before >= HybridTimestamp::LAST.as_packed() {
            return Err(self.undo_overshoot());
        }
        Ok(HybridTimestamp::from_packed(before + 1))
    }

    /// Takes back the addition that passed the end. Nothing beyond it is ever issued, so no order can be
    /// hurt; and what stays is at most one for each thread that is between its addition and this.
    #[cold]
    fn undo_overshoot(&self) -> HybridError {
        self.latest.fetch_sub(1, Ordering::Relaxed);
        HybridError::Exhausted { last: HybridTimestamp::LAST }
    }

    /// The start of the wall time, if the remote timestamp is within the drift bound of it.
    #[inline]
    fn credible(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<HybridTimestamp, HybridError> {
        if remote.wall_ms() > wall_ms.saturating_add(self.max_drift_ms) {
            // A load and a store instead of an addition, which costs five times as much: a flood of forged
            // timestamps shall be cheap to refuse, and its size matters, not its last digit.
            let refused = self.refused_remotes.load(Ordering::Relaxed);
            self.refused_remotes.store(refused.saturating_add(1), Ordering::Relaxed);
            return Err(HybridError::RemoteAhead { remote, wall_ms, max_drift_ms: self.max_drift_ms });
        }
        start_of(wall_ms)
    }
}

impl Default for HybridClock {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
pub(super) fn start_of(wall_ms: u64) -> Result<HybridTimestamp, HybridError> {
    HybridTimestamp::starting_ms(wall_ms)
        .ok_or(HybridError::WallOutOfRange { wall_ms, limit_ms: MAX_WALL_MS })
}

#[cfg(test)]
mod tests {
    use super::super::hybrid_timestamp::COUNTER_BITS;
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
            let clock = HybridClock::new();
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
            let clock = HybridClock::new().with_max_drift_ms(500);
            for (wall_ms, ahead_ms) in (NOW_MS..).zip(remotes) {
                let _refused_or_not = clock.observe_at(stamp(wall_ms + ahead_ms, 0), wall_ms);
                prop_assert!(clock.ahead_of_ms(wall_ms) <= 500);
            }
        }

        #[test]
        fn no_input_wraps_or_panics(last in any::<u64>(), remote in any::<u64>(), wall_ms in any::<u64>()) {
            let clock = HybridClock::restored(HybridTimestamp::from_packed(last)).with_max_drift_ms(u64::MAX);
            let remote = HybridTimestamp::from_packed(remote);
            let mut before = clock.last();
            for result in [clock.tick_at(wall_ms), clock.observe_at(remote, wall_ms), clock.tick_at(0)] {
                prop_assert!(result.is_ok_and(|at| at > before) || result.is_err());
                before = result.unwrap_or(before);
                prop_assert!(before <= clock.last() && clock.last() <= HybridTimestamp::LAST);
            }
        }

        /// Disproved by a witness that issues, forgets, or changes anything where it refuses.
        #[test]
        fn a_witness_is_no_event_and_is_exceeded_by_the_next(
            last in 0u64..200_000, remote in 0u64..200_000, wall_ms in 0u64..200_000,
        ) {
            let (last, remote) = (stamp(last, 3), stamp(remote, 7));
            let clock = HybridClock::restored(last);
            match clock.witness_at(remote, wall_ms) {
                Ok(()) => prop_assert_eq!(clock.last(), last.max(remote)),
                Err(_) => prop_assert_eq!((clock.last(), clock.refused_remotes()), (last, 1)),
            }
            prop_assert!(clock.last() < clock.tick_at(wall_ms).unwrap());
        }
    }

    #[test]
    fn the_counter_carries_into_the_milliseconds() {
        let full = stamp(NOW_MS, (1 << COUNTER_BITS) - 1);
        assert_eq!(HybridClock::restored(full).tick_at(NOW_MS), Ok(stamp(NOW_MS + 1, 0)));
    }

    #[test]
    fn a_far_future_remote_is_refused_and_changes_nothing() {
        let clock = HybridClock::restored(stamp(NOW_MS, 3));
        let remote = stamp(NOW_MS + DEFAULT_MAX_DRIFT_MS + 1, 0);
        let refusal =
            HybridError::RemoteAhead { remote, wall_ms: NOW_MS, max_drift_ms: DEFAULT_MAX_DRIFT_MS };
        assert_eq!(clock.observe_at(remote, NOW_MS), Err(refusal));
        assert_eq!(clock.last(), stamp(NOW_MS, 3));
        assert!(clock.observe_at(stamp(NOW_MS + DEFAULT_MAX_DRIFT_MS, 0), NOW_MS).is_ok());
    }

    #[test]
    fn refusals_are_counted_and_nothing_else_is() {
        let clock = HybridClock::new();
        let remote = stamp(NOW_MS + DEFAULT_MAX_DRIFT_MS + 1, 0);
        for _ in 0..3 {
            assert!(clock.observe_at(remote, NOW_MS).is_err());
        }
        assert!(clock.observe_at(remote, NOW_MS + 1).is_ok() && clock.tick_at(u64::MAX).is_err());
        assert_eq!(clock.refused_remotes(), 3);
    }

    #[test]
    fn the_end_of_the_range_is_an_error_for_ever() {
        let clock = HybridClock::restored(HybridTimestamp::from_packed(u64::MAX)).with_max_drift_ms(u64::MAX);
        let exhausted = |last| Err(HybridError::Exhausted { last });
        for _ in 0..3 {
            assert_eq!(clock.tick_at(NOW_MS), exhausted(HybridTimestamp::LAST));
            assert_eq!(clock.tick_at(MAX_WALL_MS), exhausted(HybridTimestamp::LAST));
        }
        let beyond = HybridTimestamp::from_packed(u64::MAX);
        assert_eq!(HybridClock::restored(beyond).last(), HybridTimestamp::LAST);
        assert_eq!(clock.observe_at(beyond, NOW_MS), exhausted(beyond));
        assert_eq!(clock.last(), HybridTimestamp::LAST);
    }

    #[test]
    fn a_wall_time_out_of_range_changes_nothing() {
        let clock = HybridClock::restored(stamp(NOW_MS, 3));
        let (wall_ms, limit_ms) = (MAX_WALL_MS + 1, MAX_WALL_MS);
        let beyond = HybridError::WallOutOfRange { wall_ms, limit_ms };
        assert_eq!(clock.tick_at(wall_ms), Err(beyond));
        assert_eq!(clock.observe_at(stamp(NOW_MS, 9), wall_ms), Err(beyond));
        assert_eq!(clock.witness_at(stamp(NOW_MS, 9), wall_ms), Err(beyond));
        assert_eq!(clock.last(), stamp(NOW_MS, 3));
    }
}
