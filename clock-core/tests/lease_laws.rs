//! That the clocks go on: a clock that refuses everything is safe and of no use.
//!
//! Each law says who has to behave for an event to be stamped. What else may happen meanwhile is generated.

use clock_core::{HybridClock, HybridTimestamp, LEASE_MS, LeasedHybridClock};
use proptest::prelude::*;

const NOW_MS: u64 = 1_760_000_000_000;

/// What the owner of a leased clock does in a loop: whatever bound is wanted is made durable at once.
fn renew(clock: &LeasedHybridClock, wall_ms: u64) {
    clock.lease_wanted(wall_ms).into_iter().for_each(|bound| clock.lease_persisted(bound));
}

/// As [`renew`], by an owner who knows about what time it is and leaves a bound that is far off it.
fn renew_near(clock: &LeasedHybridClock, wall_ms: u64, true_ms: u64) {
    let wanted = clock.lease_wanted(wall_ms).filter(|bound| bound.wall_ms() <= true_ms + 2 * LEASE_MS);
    wanted.into_iter().for_each(|bound| clock.lease_persisted(bound));
}

/// Readings of all kinds: near the time, some weeks off it, and anything.
fn bad_wall_ms() -> impl Strategy<Value = u64> {
    prop_oneof![
        NOW_MS - 100_000..NOW_MS + 100_000,
        NOW_MS..NOW_MS + 5_000_000_000,
        NOW_MS..1 << 44,
        any::<u64>()
    ]
}

fn packed(wall_ms: u64) -> HybridTimestamp {
    HybridTimestamp::from_packed(wall_ms.min(u64::MAX >> 20) << 20)
}

proptest! {
    /// Disproved by one event that is refused although the wall is honest, if at times asleep, and the disk
    /// prompt.
    #[test]
    fn with_honest_walls_and_prompt_leases_every_event_is_stamped(
        pauses_ms in prop::collection::vec(prop_oneof![9 => 0u64..3_000, 1 => 0u64..10_000_000_000], 1..100),
        restarts in prop::collection::vec(prop::bool::weighted(0.1), 100),
    ) {
        let mut clock = LeasedHybridClock::new();
        let mut wall_ms = NOW_MS;
        for (pause_ms, restart) in pauses_ms.into_iter().zip(restarts) {
            wall_ms += pause_ms;
            if restart {
                clock = LeasedHybridClock::resumed(clock.bound());
            }
            renew(&clock, wall_ms);
            let issued = clock.tick_at(wall_ms);
            // A quick restart starts at the old bound, so that restarts in a row add up, by a lease each.
            prop_assert!(issued.is_ok_and(|at| at.wall_ms() >= wall_ms), "{issued:?} at {wall_ms}");
        }
    }

    /// Disproved by bad readings that outlive their repair: one honest event that is refused, or is dated by
    /// them.
    #[test]
    fn after_bad_walls_a_leased_clock_stamps_again(
        bad_walls in prop::collection::vec((bad_wall_ms(), 0u8..4), 0..30),
    ) {
        let clock = LeasedHybridClock::new();
        renew(&clock, NOW_MS);
        for (wall_ms, call) in bad_walls {
            // What is issued or refused meanwhile does not matter here.
            let _ = match call {
                0 => clock.tick_at(wall_ms).map(|_| ()),
                1 => clock.observe_at(packed(wall_ms), wall_ms).map(|_| ()),
                2 => clock.witness_at(packed(wall_ms), wall_ms),
                _ => { renew_near(&clock, wall_ms, NOW_MS); Ok(()) }
            };
        }
        let repaired_ms = NOW_MS + 1;
        renew_near(&clock, repaired_ms, repaired_ms + 3 * LEASE_MS);
        let issued = clock.tick_at(repaired_ms);
        prop_assert!(issued.is_ok_and(|at| at.wall_ms() <= NOW_MS + 2 * LEASE_MS), "{issued:?}");
    }

    /// The same without a lease: bad readings are followed up to the limit, and no number of them is the end.
    #[test]
    fn after_bad_walls_a_clock_stamps_again(bad_walls in prop::collection::vec(bad_wall_ms(), 0..30)) {
        let clock = HybridClock::new();
        clock.tick_at(NOW_MS).unwrap();
        for wall_ms in bad_walls {
            let before = clock.last();
            if let Ok(issued) = clock.tick_at(wall_ms) {
                prop_assert!(issued.wall_ms() <= before.wall_ms() + clock_core::DEFAULT_MAX_WALL_JUMP_MS);
            }
            prop_assert!(clock.tick_at(NOW_MS).is_ok_and(|at| at > before));
        }
    }
}
