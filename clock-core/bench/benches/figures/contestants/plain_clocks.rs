//! What one writes without a crate for a counter that threads share: a mutex, or a compare-and-swap loop.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use clock_bench::case::{Cases, Op, Who};
use clock_bench::work::Work;

use crate::vector::keep;
use crate::wall;

pub(crate) fn add(cases: &mut Cases) {
    add_both(cases, Op::LamportTick, "Mutex", |clock| locked(clock, 0));
    add_both(cases, Op::LamportTick, "CAS", |clock| swapped(clock, 0));
    add_both(cases, Op::LamportWitness, "Mutex", |clock| raised_locked(clock, black_box(7)));
    add_both(cases, Op::LamportWitness, "CAS", |clock| raised(clock, black_box(7)));
    add_both(cases, Op::LamportObserve, "Mutex", |clock| locked(clock, black_box(7)));
    add_both(cases, Op::LamportObserve, "CAS", |clock| swapped(clock, black_box(7)));
    add_both(cases, Op::HybridTick, "Mutex", |clock| locked(clock, wall::now_ms() << 20));
    add_both(cases, Op::HybridTick, "CAS", |clock| swapped(clock, wall::now_ms() << 20));
    add_both(cases, Op::HybridTickCached, "Mutex", |clock| locked(clock, wall::cached_ms() << 20));
    add_both(cases, Op::HybridTickCached, "CAS", |clock| swapped(clock, wall::cached_ms() << 20));
    #[cfg(feature = "dispatch")]
    add_both(cases, Op::HybridTickCoarse, "CAS", |clock| swapped(clock, wall::coarse_ms() << 20));
}

#[derive(Default)]
struct Counters {
    locked: Mutex<u64>,
    atomic: AtomicU64,
}

fn locked(clock: &Counters, incoming: u64) -> u64 {
    let mut value = clock.locked.lock().unwrap_or_else(PoisonError::into_inner);
    *value = incoming.max(*value) + 1;
    *value
}

fn swapped(clock: &Counters, incoming: u64) -> u64 {
    let next = |value: u64| value.max(incoming) + 1;
    let step = |value| Some(next(value));
    match clock.atomic.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step) {
        Ok(value) | Err(value) => next(value),
    }
}

fn raised_locked(clock: &Counters, incoming: u64) -> u64 {
    let mut value = clock.locked.lock().unwrap_or_else(PoisonError::into_inner);
    *value = incoming.max(*value);
    *value
}

/// As one writes it who looks first: nothing is swapped while the clock is ahead.
fn raised(clock: &Counters, incoming: u64) -> u64 {
    let step = |value| (value < incoming).then_some(incoming);
    match clock.atomic.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step) {
        Ok(_) => incoming,
        Err(value) => value,
    }
}

fn add_both(
    cases: &mut Cases,
    op: Op,
    variant: &str,
    run: impl Fn(&Counters) -> u64 + Copy + Sync + 'static,
) {
    let clock: &Counters = keep(Counters { locked: Mutex::new(1 << 32), atomic: AtomicU64::new(1 << 32) });
    cases.add(op, 0, Who::Plain, variant, Work::counted(move || run(clock)));
    cases.add(op, 0, Who::Plain, variant, Work::counted_on_two_threads(move || run(clock)));
}
