//! The clocks of this product that threads share: Lamport and hybrid.

use std::hint::black_box;

use clock_bench::case::{Cases, Op, Who};
use clock_bench::work::Work;
use clock_core::{CachedTime, HybridClock, HybridError, HybridTimestamp, LamportClock, TimeSource};
#[cfg(feature = "dispatch")]
use clock_core::{CoarseTime, ExactTime};

use crate::vector::keep;
use crate::wall;

pub(crate) fn add(cases: &mut Cases) {
    add_lamport(cases);
    add_hybrid(cases);
}

fn add_lamport(cases: &mut Cases) {
    // Above all that they will observe.
    let clock = || keep(LamportClock::starting_at(1 << 32));
    add_both(cases, Op::LamportTick, "tick", clock(), LamportClock::tick);
    add_both(cases, Op::LamportTick, "try_tick", clock(), |clock| clock.try_tick().unwrap_or(0));
    add_both(cases, Op::LamportWitness, "witness", clock(), |clock| {
        clock.witness(black_box(7));
        0
    });
    let try_witness = |clock: &LamportClock| u64::from(clock.try_witness(black_box(7)).is_ok());
    add_both(cases, Op::LamportWitness, "try_witness", clock(), try_witness);
    add_both(cases, Op::LamportObserve, "observe", clock(), |clock| clock.observe(black_box(7)));
    let try_observe = |clock: &LamportClock| clock.try_observe(black_box(7)).unwrap_or(0);
    add_both(cases, Op::LamportObserve, "try_observe", clock(), try_observe);
}

fn add_hybrid(cases: &mut Cases) {
    #[cfg(feature = "dispatch")]
    {
        add_tick(cases, Op::HybridTick, "ExactTime", keep(ExactTime));
        add_tick(cases, Op::HybridTickCoarse, "CoarseTime", keep(CoarseTime));
    }
    let cached: &CachedTime = keep(CachedTime::of(&wall::now_ms));
    add_tick(cases, Op::HybridTickCached, "CachedTime", cached);

    let far_future = HybridTimestamp::from_packed(u64::MAX / 2);
    let clock: &HybridClock = keep(HybridClock::new());
    assert!(clock.observe_at(far_future, cached.wall_ms()).is_err());
    let reject = move |clock: &HybridClock| {
        u64::from(clock.observe_at(black_box(far_future), cached.wall_ms()).is_ok())
    };
    add_both(cases, Op::HybridReject, "observe_at", clock, reject);
}

fn add_tick<T: TimeSource + Sync>(cases: &mut Cases, op: Op, variant: &str, time: &'static T) {
    let clock = keep(HybridClock::new());
    add_both(cases, op, variant, clock, |clock: &HybridClock| number(clock.tick_at(time.wall_ms())));
}

/// What is left of a result in a register.
fn number(result: Result<HybridTimestamp, HybridError>) -> u64 {
    result.map_or(0, HybridTimestamp::as_packed)
}

/// By one thread and by two.
fn add_both<C: Sync>(
    cases: &mut Cases,
    op: Op,
    variant: &str,
    clock: &'static C,
    run: impl Fn(&C) -> u64 + Copy + Sync + 'static,
) {
    cases.add(op, 0, Who::Ours, variant, Work::counted(move || run(clock)));
    cases.add(op, 0, Who::Ours, variant, Work::counted_on_two_threads(move || run(clock)));
}
