//! The clocks of this product that threads share: Lamport and hybrid.

use std::hint::black_box;
use std::sync::{Mutex, PoisonError};

use clock_bench::case::{Cases, Op, Who};
use clock_bench::work::Work;
use clock_core::{HybridClock, HybridError, HybridTimestamp, LamportClock};

use crate::vector::keep;
use crate::wall;

/// A hybrid clock for more than one thread.
#[derive(Default)]
struct SharedHybrid(Mutex<HybridClock>);

impl SharedHybrid {
    fn tick_at(&self, wall_ms: u64) -> Result<HybridTimestamp, HybridError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).tick_at(wall_ms)
    }

    fn observe_at(&self, remote: HybridTimestamp, wall_ms: u64) -> Result<HybridTimestamp, HybridError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).observe_at(remote, wall_ms)
    }
}

pub(crate) fn add(cases: &mut Cases) {
    add_lamport(cases);
    add_hybrid(cases);
}

fn add_lamport(cases: &mut Cases) {
    // Above all that they will observe.
    let clock = || keep(LamportClock::starting_at(1 << 32));
    add_both(cases, Op::LamportTick, "tick", clock(), LamportClock::tick);
    add_both(cases, Op::LamportObserve, "observe", clock(), |clock| clock.observe(black_box(7)));
}

fn add_hybrid(cases: &mut Cases) {
    let clock = || keep(SharedHybrid::default());
    add_both(cases, Op::HybridTick, "tick_at", clock(), |clock| number(clock.tick_at(wall::now_ms())));
    add_both(cases, Op::HybridTickCached, "tick_at", clock(), |clock| {
        number(clock.tick_at(wall::cached_ms()))
    });
    let far_future = HybridTimestamp::from_packed(u64::MAX / 2);
    assert!(clock().observe_at(far_future, wall::cached_ms()).is_err());
    let reject = move |clock: &SharedHybrid| number(clock.observe_at(far_future, wall::cached_ms()));
    add_both(cases, Op::HybridReject, "observe_at", clock(), reject);
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
