//! Our vector clocks by criterion: how the times of an operation are spread, and whether they changed since the last
//! run. The table of all contestants is `figures`.

use std::hint::black_box;

use clock_core::{EventStamp, VectorClock, VectorTimestamp};
use criterion::{BatchSize, BenchmarkId, Criterion};

const SIZES: [usize; 5] = [4, 16, 64, 256, 1024];

/// A clock over a shared table, in an allocation of its own.
fn clock(base: &VectorTimestamp) -> VectorClock {
    let mut clock = VectorClock::resuming("service-0001", base.clone());
    clock.tick();
    clock
}

fn base(entries: usize) -> VectorTimestamp {
    let names: Vec<String> = (1..=entries).map(|number| format!("service-{number:04}")).collect();
    let entries = names.iter().map(|name| (name.as_str(), 1_000));
    VectorTimestamp::from_entries(entries).expect("counters in range")
}

fn vector_clocks(criterion: &mut Criterion) {
    for entries in SIZES {
        let base = base(entries);
        let mut group = criterion.benchmark_group("vector clock");
        let id = |name| BenchmarkId::new(name, entries);

        let mut ticking = clock(&base);
        group.bench_function(id("tick"), |bencher| bencher.iter(|| black_box(&mut ticking).tick()));

        let (left, right) = (clock(&base), clock(&base));
        let compare = || black_box(&left).compare(black_box(&right));
        group.bench_function(id("compare equal"), |bencher| bencher.iter(compare));

        let merge = |clock: &mut VectorClock| clock.merge(black_box(&right));
        group.bench_function(id("merge"), |bencher| {
            bencher.iter_batched_ref(|| clock(&base), merge, BatchSize::SmallInput);
        });

        let snapshot = || black_box(&left).timestamp().clone();
        group.bench_function(id("snapshot"), |bencher| bencher.iter(snapshot));

        let event = EventStamp::of("service-0001", left.timestamp().clone()).expect("it has ticked");
        let happened_before = || black_box(&event).happened_before(black_box(&event));
        group.bench_function(id("happened before"), |bencher| bencher.iter(happened_before));
        group.finish();
    }
}

fn main() {
    let mut criterion = Criterion::default().without_plots().configure_from_args();
    vector_clocks(&mut criterion);
    criterion.final_summary();
}
