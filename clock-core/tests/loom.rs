//! The clocks that threads share, in every order their accesses can take (loom's model of the C11 memory
//! model).
//!
//! Compiled under `cfg(loom)` only:
//! `RUSTFLAGS="--cfg loom" cargo test -p clock-core --no-default-features --features std --test loom --release`.

#![cfg(loom)]

use clock_core::{HybridClock, HybridError, HybridTimestamp, LamportClock, LeasedHybridClock, MAX_COUNTER};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Runs the closures on a thread each and collects what they return, in their order.
fn together<C, T, F>(clock: &Arc<C>, threads: Vec<F>) -> Vec<T>
where
    C: Send + Sync + 'static,
    T: 'static,
    F: FnOnce(&C) -> T + 'static,
{
    let spawn = |run: F| {
        let clock = Arc::clone(clock);
        thread::spawn(move || run(&clock))
    };
    let handles: Vec<_> = threads.into_iter().map(spawn).collect();
    handles.into_iter().map(|handle| handle.join().expect("a thread of the model failed")).collect()
}

fn assert_unique_and_increasing<T: Ord + Copy + Debug>(threads: &[Vec<T>]) {
    for values in threads {
        assert!(values.is_sorted_by(|a, b| a < b), "a thread saw its clock step back: {values:?}");
    }
    let all: Vec<T> = threads.concat();
    let unique: BTreeSet<T> = all.iter().copied().collect();
    assert_eq!(unique.len(), all.len(), "two events share a value: {threads:?}");
}

type LamportThread = fn(&LamportClock) -> Vec<u64>;

#[test]
fn lamport_events_of_three_threads_never_share_a_value() {
    loom::model(|| {
        let clock = Arc::new(LamportClock::new());
        let threads: Vec<LamportThread> = vec![
            |clock| vec![clock.tick()],
            |clock| {
                let received = clock.observe(2);
                assert!(received > 2);
                vec![received]
            },
            |clock| vec![clock.try_tick().unwrap()],
        ];
        assert_unique_and_increasing(&together(&clock, threads));
    });
}

#[test]
fn lamport_receipts_of_the_same_value_never_share_a_value() {
    loom::model(|| {
        let clock = Arc::new(LamportClock::new());
        let receive: LamportThread = |clock| {
            let received = clock.try_observe(1).unwrap();
            assert!(received > 1);
            vec![received, clock.observe(received + 1)]
        };
        assert_unique_and_increasing(&together(&clock, vec![receive, receive]));
    });
}

#[test]
fn lamport_events_are_above_what_their_thread_witnessed() {
    loom::model(|| {
        let clock = Arc::new(LamportClock::new());
        let threads: Vec<LamportThread> = vec![
            |clock| {
                clock.witness(2);
                let after = clock.tick();
                assert!(after > 2);
                vec![after]
            },
            |clock| {
                clock.try_witness(1).unwrap();
                vec![clock.tick(), clock.tick()]
            },
        ];
        assert_unique_and_increasing(&together(&clock, threads));
    });
}

#[test]
fn lamport_issues_its_last_value_once_and_never_wraps() {
    loom::model(|| {
        let clock = Arc::new(LamportClock::starting_at(MAX_COUNTER - 1));
        let tick: LamportThread = |clock| clock.try_tick().into_iter().collect();
        let issued = together(&clock, vec![tick, tick, tick]).concat();
        assert_eq!(issued, [MAX_COUNTER]);
        assert!(clock.try_tick().is_err());
        assert!((MAX_COUNTER..=MAX_COUNTER + 2).contains(&clock.current()));
    });
}

/// Disproved by a receipt that is given a value beyond the range, or one that another thread was given.
#[test]
fn lamport_receipts_share_what_is_left_with_events() {
    loom::model(|| {
        let clock = Arc::new(LamportClock::starting_at(MAX_COUNTER - 2));
        let threads: Vec<LamportThread> = vec![
            |clock| clock.try_observe(MAX_COUNTER - 1).into_iter().collect(),
            |clock| clock.try_observe(1).into_iter().collect(),
            |clock| clock.try_tick().into_iter().collect(),
        ];
        let issued = together(&clock, threads);
        assert_unique_and_increasing(&issued);
        assert!(issued.concat().iter().all(|value| *value <= MAX_COUNTER));
    });
}

type HybridThread = fn(&HybridClock) -> Vec<HybridTimestamp>;

/// A timestamp of the millisecond `wall_ms` since the epoch; tests count from 0.
fn stamp(wall_ms: u64, counter: u64) -> HybridTimestamp {
    HybridTimestamp::from_packed((wall_ms << 20) + counter)
}

#[test]
fn hybrid_events_never_share_a_timestamp_while_the_wall_moves() {
    loom::model(|| {
        let clock = Arc::new(HybridClock::new());
        let threads: Vec<HybridThread> =
            vec![|clock| vec![clock.tick_at(1).unwrap(), clock.tick_at(2).unwrap()], |clock| {
                vec![clock.tick_at(2).unwrap(), clock.tick_at(1).unwrap()]
            }];
        let issued = together(&clock, threads);
        assert_unique_and_increasing(&issued);
        assert!(issued[0][0] >= stamp(1, 0) && issued[0][1] >= stamp(2, 0) && issued[1][0] >= stamp(2, 0));
    });
}

#[test]
fn hybrid_events_are_above_what_their_thread_observed_or_witnessed() {
    loom::model(|| {
        let clock = Arc::new(HybridClock::new());
        let threads: Vec<HybridThread> = vec![
            |clock| {
                let received = clock.observe_at(stamp(1, 1), 1).unwrap();
                assert!(received > stamp(1, 1));
                vec![received]
            },
            |clock| {
                clock.witness_at(stamp(1, 2), 1).unwrap();
                let after = clock.tick_at(1).unwrap();
                assert!(after > stamp(1, 2));
                vec![after]
            },
        ];
        assert_unique_and_increasing(&together(&clock, threads));
    });
}

/// Disproved by a timestamp that is not above one which another thread had told of before.
#[test]
fn hybrid_timestamps_increase_along_happened_before() {
    loom::model(|| {
        let clock = Arc::new(HybridClock::new());
        let told = Arc::new(AtomicU64::new(0));
        let (their_clock, their_told) = (Arc::clone(&clock), Arc::clone(&told));
        let teller = thread::spawn(move || {
            let issued = their_clock.tick_at(2).unwrap();
            their_told.store(issued.as_packed(), Ordering::Release);
        });
        let heard = told.load(Ordering::Acquire);
        assert!(clock.tick_at(1).unwrap().as_packed() > heard);
        teller.join().unwrap();
    });
}

#[test]
fn hybrid_issues_its_last_timestamp_once_and_never_wraps() {
    loom::model(|| {
        let end = HybridTimestamp::LAST;
        let clock = Arc::new(HybridClock::restored(HybridTimestamp::from_packed(end.as_packed() - 1)));
        let tick: HybridThread = |clock| clock.tick_at(1).into_iter().collect();
        let to_the_end: HybridThread =
            |clock| clock.tick_at(HybridTimestamp::LAST.wall_ms()).into_iter().collect();
        assert_eq!(together(&clock, vec![tick, to_the_end, tick]).concat(), [end]);
        assert_eq!((clock.last(), clock.tick_at(1)), (end, Err(HybridError::Exhausted { last: end })));
    });
}

const NOW_MS: u64 = 1_760_000_000_000;

/// Disproved by an absurd wall that moves the clock, on whichever thread, or keeps an honest thread from an
/// event.
#[test]
fn an_absurd_wall_of_one_thread_keeps_no_other_from_its_events() {
    loom::model(|| {
        let clock = Arc::new(HybridClock::restored(stamp(NOW_MS, 0)));
        let honest: HybridThread =
            |clock| vec![clock.tick_at(NOW_MS).unwrap(), clock.tick_at(NOW_MS + 1).unwrap()];
        let absurd: HybridThread = |clock| {
            assert!(clock.tick_at(HybridTimestamp::LAST.wall_ms()).is_err());
            clock.witness_at(stamp(NOW_MS + 1, 1), NOW_MS + 1).unwrap();
            vec![]
        };
        assert_unique_and_increasing(&together(&clock, vec![honest, absurd]));
        assert_eq!(clock.last().wall_ms(), NOW_MS + 1);
        assert!(clock.tick_at(NOW_MS).unwrap() > stamp(NOW_MS + 1, 1));
    });
}

/// Disproved by one of two first events that is refused because the other thread had begun with its own.
#[test]
fn the_first_events_of_two_threads_accept_any_wall() {
    loom::model(|| {
        let clock = Arc::new(HybridClock::new());
        let first: HybridThread = |clock| vec![clock.tick_at(NOW_MS).unwrap()];
        assert_unique_and_increasing(&together(&clock, vec![first, first]));
    });
}

/// Disproved by a wall beyond the bound that moves the clock while other threads use and renew the lease.
#[test]
fn a_distrusted_wall_of_one_thread_leaves_a_leased_clock_alone() {
    loom::model(|| {
        let clock = Arc::new(LeasedHybridClock::resumed(stamp(NOW_MS, 0)));
        clock.lease_persisted(stamp(NOW_MS + 10, 0));
        let threads: Vec<fn(&LeasedHybridClock)> = vec![
            |clock| assert!(clock.tick_at(NOW_MS + 1).is_ok()),
            |clock| assert!(clock.tick_at(NOW_MS + 100).is_err()),
            |clock| clock.lease_persisted(stamp(NOW_MS + 20, 0)),
        ];
        together(&clock, threads);
        assert_eq!(clock.last().wall_ms(), NOW_MS + 1);
    });
}

/// Disproved by a timestamp above the old bound whose thread does not see that the new one was made durable.
#[test]
fn a_lease_is_used_after_it_is_durable_only() {
    loom::model(|| {
        let clock = Arc::new(LeasedHybridClock::resumed(stamp(1, 0)));
        let disk = Arc::new(AtomicU64::new(0));
        let (their_clock, their_disk) = (Arc::clone(&clock), Arc::clone(&disk));
        let writer = thread::spawn(move || {
            their_disk.store(1, Ordering::Relaxed);
            their_clock.lease_persisted(stamp(2, 0));
        });
        if clock.tick_at(1).is_ok() {
            assert_eq!(disk.load(Ordering::Relaxed), 1);
        }
        writer.join().unwrap();
        assert!(clock.tick_at(1).is_ok());
    });
}
