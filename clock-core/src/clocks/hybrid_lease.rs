//! A hybrid clock that stays monotone over restarts, by a lease on the timestamps of the near future.
//!
//! After a restart a clock must go on above all it ever issued, also where the wall clock has stepped back
//! since. Storing each timestamp before it is issued would cost a disk write for each event. So the clock
//! promises in advance: a bound is made durable, and only timestamps strictly below it are issued. Who
//! restarts starts above the bound, having lost at most one lease of hybrid time. CockroachDB persists an
//! upper bound on its clock to the same end.
//!
//! This module stores nothing. The caller asks [`LeasedHybridClock::lease_wanted`] now and then, makes the
//! bound durable, and says so by [`LeasedHybridClock::lease_persisted`]. In what order a crash cuts that off
//! does not matter, as long as the word comes after the fsync.
//!
//! The bound is also what keeps a bad reading of the wall harmless: a wall time that reaches it moves
//! nothing. The clock follows a wall that jumped only once its owner has made that durable, and until then
//! serves honest readings as before.
//!
//! Invariants: a wall time at or above the bound never raised the clock.
//! No timestamp at or above the bound last persisted has been issued, so no timestamp is issued twice
//! or out of order by the lives of one clock. What it only witnessed is not covered until the next lease: the
//! caller's log has it, if it matters.

use super::atomic::{AtomicU64, Ordering};
use super::hybrid::{HybridClock, start_of};
use super::hybrid_error::HybridError;
use super::hybrid_timestamp::HybridTimestamp;
use thiserror::Error;

/// How far ahead a lease reaches, in milliseconds: ten seconds.
///
/// It is renewed when less than half is left, so a busy clock costs one fsync in five seconds, and an fsync
/// may take nearly five before events have to wait. A quick restart starts up to a lease ahead of the wall
/// time: twice as much would still be within [`DEFAULT_MAX_DRIFT_MS`](super::DEFAULT_MAX_DRIFT_MS), but use
/// up the room for skew; half as much would not outlast the stalls that disks have.
pub const LEASE_MS: u64 = 10_000;

/// A hybrid clock that issues only timestamps below a bound that the caller has made durable.
///
/// Threads may share it. It grants nothing by itself: the first lease, too, is wanted and persisted before
/// the first timestamp is issued.
#[derive(Debug)]
pub struct LeasedHybridClock {
    clock: HybridClock,
    /// The bound, packed. Only rises.
    durable: AtomicU64,
}

impl LeasedHybridClock {
    /// A clock that was never used before: nothing is durable.
    #[must_use]
    pub fn new() -> Self {
        Self::resumed(HybridTimestamp::from_packed(0))
    }

    /// A clock that goes on after a restart, above all that may have been issued below the durable `bound`.
    #[must_use]
    pub fn resumed(bound: HybridTimestamp) -> Self {
        Self { clock: HybridClock::restored(bound), durable: AtomicU64::new(bound.as_packed()) }
    }

    /// Sets how far ahead of the local wall time, in milliseconds, a remote timestamp may be (inclusive).
    #[must_use]
    pub fn with_max_drift_ms(self, max_drift_ms: u64) -> Self {
        Self { clock: self.clock.with_max_drift_ms(max_drift_ms), durable: self.durable }
    }

    /// Sets how far above the last timestamp, in milliseconds, the local wall time may be (inclusive):
    /// [`HybridClock::with_max_wall_jump_ms`].
    #[must_use]
    pub fn with_max_wall_jump_ms(self, max_wall_jump_ms: u64) -> Self {
        Self { clock: self.clock.with_max_wall_jump_ms(max_wall_jump_ms), durable: self.durable }
    }

    /// The bound that should be made durable now: [`LEASE_MS`] ahead of the clock and of `wall_ms`, in
    /// milliseconds since the Unix epoch. `None` while half a lease is left, or if there is nothing to lease
    /// because the clock is at the end of the range, or the wall time beyond it or beyond the jump limit.
    ///
    /// A wall clock that jumped ahead within the limit wants a bound that is as far ahead, and the clock can
    /// never go back behind a durable one: who distrusts the jump leaves it. Events are refused while the
    /// wall shows it, and issued again as soon as it is repaired.
    pub fn lease_wanted(&self, wall_ms: u64) -> Option<HybridTimestamp> {
        let now_ms = self.clock.last().max(self.clock.followable(wall_ms).ok()?).wall_ms();
        let bound = HybridTimestamp::starting_ms(now_ms + LEASE_MS).unwrap_or(HybridTimestamp::LAST);
        let is_fresh = self.bound().wall_ms() >= now_ms + LEASE_MS / 2;
        (!is_fresh && bound > self.bound()).then_some(bound)
    }

    /// Extends the lease to `bound`, which is durable: to be called after the fsync, never before.
    ///
    /// A bound below an earlier one changes nothing here, but must not overwrite the higher one on the disk
    /// either: let one task at a time ask, write and report.
    pub fn lease_persisted(&self, bound: HybridTimestamp) {
        // Release, with Acquire where it is read: who is allowed a timestamp comes after the fsync that
        // allows it.
        self.durable.fetch_max(bound.as_packed(), Ordering::Release);
    }

    /// The durable bound: whatever was issued is below it.
    #[must_use]
    pub fn bound(&self) -> HybridTimestamp {
        HybridTimestamp::from_packed(self.durable.load(Ordering::Acquire))
    }

    /// As [`HybridClock::tick_at`], below the lease.
    ///
    /// # Errors
    /// [`LeaseError::LeaseExceeded`] if the timestamp would not be below the bound. Nothing was issued:
    /// persist the bound that is [wanted](Self::lease_wanted) and try again. [`LeaseError::Hybrid`] as there.
    #[inline]
    pub fn tick_at(&self, wall_ms: u64) -> Result<HybridTimestamp, LeaseError> {
        let bound = self.bound_above(wall_ms)?;
        below(bound, self.clock.tick_at(wall_ms)?)
    }

    /// As [`HybridClock::observe_at`], below the lease.
    ///
    /// # Errors
    /// As [`tick_at`](Self::tick_at). If it is the remote timestamp that exceeds the lease, not the wall
    /// time, it is witnessed all the same.
    pub fn observe_at(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<HybridTimestamp, LeaseError> {
        let bound = self.bound_above(wall_ms)?;
        below(bound, self.clock.observe_at(remote, wall_ms)?)
    }

    /// As [`HybridClock::witness_at`]: it issues nothing, so what is witnessed may be above the bound.
    ///
    /// # Errors
    /// As there; and [`LeaseError::LeaseExceeded`] if the wall time reaches the bound too, so that nobody has
    /// vouched for the reading by which the remote timestamp would be judged. The clock is unchanged.
    pub fn witness_at(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<(), LeaseError> {
        if remote >= self.bound() {
            self.bound_above(wall_ms)?;
        }
        Ok(self.clock.witness_at(remote, wall_ms)?)
    }

    /// As [`HybridClock::accept_wall`]; the next lease that is wanted is above it.
    ///
    /// # Errors
    /// As there.
    pub fn accept_wall(&self, wall_ms: u64) -> Result<(), HybridError> {
        self.clock.accept_wall(wall_ms)
    }

    /// As [`HybridClock::last`]; it may be one that was skipped at the end of a lease.
    #[must_use]
    pub fn last(&self) -> HybridTimestamp {
        self.clock.last()
    }

    /// As [`HybridClock::ahead_of_ms`], in milliseconds. After a quick restart it is up to [`LEASE_MS`].
    #[must_use]
    pub fn ahead_of_ms(&self, wall_ms: u64) -> u64 {
        self.clock.ahead_of_ms(wall_ms)
    }

    /// As [`HybridClock::refused_remotes`].
    #[must_use]
    pub fn refused_remotes(&self) -> u64 {
        self.clock.refused_remotes()
    }

    /// The bound, if the wall time is below it. Judged before the clock is touched: what is refused moves
    /// nothing. The bound only rises, so that an old one refuses too much at worst.
    #[inline]
    fn bound_above(&self, wall_ms: u64) -> Result<HybridTimestamp, LeaseError> {
        let bound = self.bound();
        let next = start_of(wall_ms)?;
        if next < bound {
            return Ok(bound);
        }
        self.clock.followable(wall_ms)?;
        Err(LeaseError::LeaseExceeded { next, bound })
    }
}

/// Judged after it was taken, which no other thread can come between: the wall is below the bound, but the
/// clock may be ahead of the wall.
#[inline]
fn below(bound: HybridTimestamp, next: HybridTimestamp) -> Result<HybridTimestamp, LeaseError> {
    if next < bound { Ok(next) } else { Err(LeaseError::LeaseExceeded { next, bound }) }
}

impl Default for LeasedHybridClock {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a leased clock issued nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LeaseError {
    /// The lease does not reach so far. Persist the bound that the clock wants and try again.
    #[error("timestamp {next} is not below the durable bound {bound}")]
    LeaseExceeded {
        /// The timestamp that was not issued.
        next: HybridTimestamp,
        /// The durable bound.
        bound: HybridTimestamp,
    },
    /// The clock itself refused: see [`HybridError`] for what each case calls for.
    #[error(transparent)]
    Hybrid(#[from] HybridError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clocks::MAX_WALL_MS;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const NOW_MS: u64 = 1_760_000_000_000;

    fn at_ms(wall_ms: u64) -> HybridTimestamp {
        HybridTimestamp::starting_ms(wall_ms).unwrap()
    }

    /// A clock with a durable lease from the wall time on.
    fn leased_at(wall_ms: u64) -> LeasedHybridClock {
        let clock = LeasedHybridClock::new();
        clock.lease_persisted(clock.lease_wanted(wall_ms).unwrap());
        clock
    }

    #[test]
    fn nothing_is_issued_before_the_first_lease_is_durable() {
        let clock = LeasedHybridClock::new();
        assert!(matches!(clock.tick_at(NOW_MS), Err(LeaseError::LeaseExceeded { .. })));
        let wanted = clock.lease_wanted(NOW_MS).unwrap();
        assert_eq!(wanted, at_ms(NOW_MS + LEASE_MS));
        assert!(
            matches!(clock.tick_at(NOW_MS), Err(LeaseError::LeaseExceeded { .. })),
            "wanted is not durable"
        );
        clock.lease_persisted(wanted);
        assert_eq!(clock.tick_at(NOW_MS).map(HybridTimestamp::wall_ms), Ok(NOW_MS));
    }

    #[test]
    fn a_lease_is_renewed_when_less_than_half_is_left() {
        let clock = leased_at(NOW_MS);
        assert_eq!(clock.lease_wanted(NOW_MS + LEASE_MS / 2), None);
        let renewed = at_ms(NOW_MS + LEASE_MS / 2 + 1 + LEASE_MS);
        assert_eq!(clock.lease_wanted(NOW_MS + LEASE_MS / 2 + 1), Some(renewed));
    }

    #[test]
    fn the_bound_itself_is_never_issued() {
        let clock = leased_at(NOW_MS);
        assert!(clock.tick_at(NOW_MS + LEASE_MS - 1).is_ok());
        let (next, bound) = (clock.bound(), clock.bound());
        assert_eq!(clock.tick_at(NOW_MS + LEASE_MS), Err(LeaseError::LeaseExceeded { next, bound }));
    }

    #[test]
    fn a_peer_that_is_ahead_is_covered_by_the_next_lease() {
        let clock = leased_at(NOW_MS);
        let remote = at_ms(NOW_MS + 3 * LEASE_MS);
        assert!(matches!(clock.observe_at(remote, NOW_MS), Err(LeaseError::LeaseExceeded { .. })));
        clock.lease_persisted(clock.lease_wanted(NOW_MS).unwrap());
        assert!(clock.tick_at(NOW_MS).unwrap() > remote);
    }

    /// Disproved by a refused reading that the clock has to catch up with before it issues again.
    #[test]
    fn a_distrusted_wall_is_forgotten_once_it_is_repaired() {
        for bad_ms in [NOW_MS + LEASE_MS, NOW_MS + 86_400_000, NOW_MS + 100 * 366 * 86_400_000, MAX_WALL_MS] {
            let clock = leased_at(NOW_MS);
            let issued = clock.tick_at(NOW_MS).unwrap();
            assert!(clock.tick_at(bad_ms).is_err() && clock.observe_at(at_ms(bad_ms), bad_ms).is_err());
            assert!(
                clock.witness_at(at_ms(bad_ms), bad_ms).is_err(),
                "judged by the wall that is distrusted"
            );
            assert_eq!(clock.last(), issued);
            assert!(clock.tick_at(NOW_MS + 1).unwrap() > issued);
            let repaired_ms = NOW_MS + LEASE_MS;
            assert_eq!(clock.lease_wanted(repaired_ms), Some(at_ms(repaired_ms + LEASE_MS)));
        }
    }

    #[test]
    fn an_absurd_wall_wants_no_lease_until_it_is_accepted() {
        let clock = leased_at(NOW_MS);
        let issued = clock.tick_at(NOW_MS).unwrap();
        let far_ms = NOW_MS + 2 * 366 * 86_400_000;
        assert_eq!(clock.lease_wanted(far_ms), None);
        let limit_ms = crate::clocks::DEFAULT_MAX_WALL_JUMP_MS;
        let refusal = HybridError::WallJump { wall_ms: far_ms, last: issued, limit_ms };
        assert_eq!(clock.tick_at(far_ms), Err(LeaseError::Hybrid(refusal)));
        clock.accept_wall(far_ms).unwrap();
        clock.lease_persisted(clock.lease_wanted(far_ms).unwrap());
        assert_eq!(clock.tick_at(far_ms).map(HybridTimestamp::wall_ms), Ok(far_ms));
    }

    #[test]
    fn after_a_step_back_and_a_restart_it_goes_on_above() {
        let clock = leased_at(NOW_MS);
        let issued = clock.tick_at(NOW_MS + LEASE_MS - 1).unwrap();
        let resumed = LeasedHybridClock::resumed(clock.bound());
        resumed.lease_persisted(resumed.lease_wanted(5).unwrap());
        assert!(resumed.tick_at(5).unwrap() > issued);
    }

    #[test]
    fn a_broken_wall_wants_no_lease_and_the_end_of_time_is_an_error() {
        let clock = LeasedHybridClock::new();
        assert_eq!(clock.lease_wanted(MAX_WALL_MS + 1), None);
        clock.lease_persisted(clock.lease_wanted(MAX_WALL_MS).unwrap());
        assert_eq!((clock.bound(), clock.lease_wanted(MAX_WALL_MS)), (HybridTimestamp::LAST, None));
        assert!(matches!(clock.tick_at(MAX_WALL_MS), Err(LeaseError::LeaseExceeded { .. })));
    }

    /// What a generated life of a clock does next. Walls are milliseconds around `NOW_MS` and jump as they
    /// like.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Tick {
            wall_ms: u64,
        },
        Observe {
            remote_ms: u64,
            wall_ms: u64,
        },
        /// The caller asks and writes the bound; the fsync has not returned.
        Write {
            wall_ms: u64,
        },
        /// The fsync returns.
        Sync,
        /// The process dies; of a write in flight the disk may keep all or nothing.
        Crash {
            write_survives: bool,
        },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let ms = NOW_MS - 40_000..NOW_MS + 40_000;
        let step = prop_oneof![
            6 => ms.clone().prop_map(|wall_ms| Step::Tick { wall_ms }),
            2 => (ms.clone(), ms.clone()).prop_map(|(remote_ms, wall_ms)| Step::Observe { remote_ms, wall_ms }),
            3 => ms.prop_map(|wall_ms| Step::Write { wall_ms }),
            3 => Just(Step::Sync),
            1 => any::<bool>().prop_map(|write_survives| Step::Crash { write_survives }),
        ];
        prop::collection::vec(step, 1..200)
    }

    proptest! {
        /// Disproved by a timestamp at or below one that any earlier life of the clock issued.
        #[test]
        fn no_crash_and_no_wall_makes_it_issue_again_or_step_back(steps in steps()) {
            let mut clock = LeasedHybridClock::new();
            let (mut disk, mut in_flight) = (HybridTimestamp::default(), None);
            let mut latest = HybridTimestamp::default();
            for step in steps {
                let issued = match step {
                    Step::Tick { wall_ms } => clock.tick_at(wall_ms).ok(),
                    Step::Observe { remote_ms, wall_ms } => clock.observe_at(at_ms(remote_ms), wall_ms).ok(),
                    Step::Write { wall_ms } => {
                        in_flight = clock.lease_wanted(wall_ms).or(in_flight);
                        None
                    }
                    Step::Sync => {
                        disk = in_flight.take().unwrap_or(disk);
                        clock.lease_persisted(disk);
                        None
                    }
                    Step::Crash { write_survives } => {
                        disk = in_flight.take().filter(|_| write_survives).unwrap_or(disk);
                        clock = LeasedHybridClock::resumed(disk);
                        None
                    }
                };
                prop_assert!(issued.is_none_or(|at| at > latest && at < disk));
                latest = issued.unwrap_or(latest);
            }
        }
    }
}
