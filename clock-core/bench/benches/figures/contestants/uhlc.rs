//! The crate uhlc: a hybrid clock behind a mutex, by its default clock and by a cached one.

use std::time::Duration;

use ::uhlc::{HLC, HLCBuilder, ID, NTP64, Timestamp};
use clock_bench::case::{Cases, Op, Who};
use clock_bench::work::Work;

use crate::vector::keep;
use crate::wall;

fn cached() -> NTP64 {
    NTP64::from(Duration::from_millis(wall::cached_ms()))
}

pub(crate) fn add(cases: &mut Cases) {
    let tick = |clock: &HLC| clock.new_timestamp().get_time().as_u64();
    add_both(cases, Op::HybridTick, "new_timestamp", keep(HLC::default()), tick);
    let by_cached_clock = || keep(HLCBuilder::new().with_clock(cached).build());
    add_both(cases, Op::HybridTickCached, "new_timestamp", by_cached_clock(), tick);

    #[cfg(feature = "dispatch")]
    {
        let coarse = || NTP64::from(Duration::from_millis(wall::coarse_ms()));
        let by_coarse_clock = keep(HLCBuilder::new().with_clock(coarse).build());
        add_both(cases, Op::HybridTickCoarse, "new_timestamp", by_coarse_clock, tick);
    }

    let far_future = Timestamp::new(NTP64(u64::MAX / 2), ID::rand());
    let reject = move |clock: &HLC| u64::from(clock.update_with_timestamp(&far_future).is_ok());
    assert_eq!(reject(by_cached_clock()), 0, "a timestamp from the far future");
    add_both(cases, Op::HybridReject, "update_with_timestamp", by_cached_clock(), reject);
}

/// By one thread and by two.
fn add_both(
    cases: &mut Cases,
    op: Op,
    variant: &str,
    clock: &'static HLC,
    run: impl Fn(&HLC) -> u64 + Copy + Sync + 'static,
) {
    cases.add(op, 0, Who::Uhlc, variant, Work::counted(move || run(clock)));
    cases.add(op, 0, Who::Uhlc, variant, Work::counted_on_two_threads(move || run(clock)));
}
