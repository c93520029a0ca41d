//! The crate uhlc: a hybrid clock behind a mutex, by its default clock and by a cached one.

use std::hint::black_box;
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
    add_tick(cases, Op::HybridTick, keep(HLC::default()));
    add_tick(cases, Op::HybridTickCached, keep(HLCBuilder::new().with_clock(cached).build()));

    let clock: &HLC = keep(HLCBuilder::new().with_clock(cached).build());
    let far_future = Timestamp::new(NTP64(u64::MAX / 2), ID::rand());
    assert!(clock.update_with_timestamp(&far_future).is_err());
    let reject = move || clock.update_with_timestamp(black_box(&far_future));
    cases.add(Op::HybridReject, 0, Who::Uhlc, "update_with_timestamp", Work::repeated(reject));
    let reject = move |_| clock.update_with_timestamp(black_box(&far_future));
    cases.add(Op::HybridReject, 0, Who::Uhlc, "update_with_timestamp", Work::on_two_threads(reject));
}

fn add_tick(cases: &mut Cases, op: Op, clock: &'static HLC) {
    cases.add(op, 0, Who::Uhlc, "new_timestamp", Work::repeated(move || black_box(clock).new_timestamp()));
    let tick = move |_| black_box(clock).new_timestamp();
    cases.add(op, 0, Who::Uhlc, "new_timestamp", Work::on_two_threads(tick));
}
