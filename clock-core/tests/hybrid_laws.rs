//! The laws of the hybrid clock over generated histories of nodes whose wall clocks are wrong (Kulkarni et
//! al. 2014).

use clock_core::{DEFAULT_MAX_WALL_JUMP_MS, HybridClock, HybridError, HybridTimestamp, MAX_WALL_MS};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

const NODES: usize = 4;
const NOW_MS: u64 = 1_760_000_000_000;

/// One step of an execution. Walls are offsets from the true time, which moves on by a millisecond each step.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A node has an event of its own.
    Tick(usize),
    /// A node receives the latest event of another, as an event or in passing.
    Receive { by: usize, from: usize, as_event: bool },
    /// A node's wall clock is set.
    SetWall { node: usize, offset_ms: i64 },
}

fn steps(offset_ms_max: i64) -> impl Strategy<Value = Vec<Step>> {
    let node = 0..NODES;
    let receive = (node.clone(), node.clone(), any::<bool>());
    let set_wall = (node.clone(), -offset_ms_max..=offset_ms_max);
    let step = prop_oneof![
        3 => node.prop_map(Step::Tick),
        3 => receive.prop_map(|(by, from, as_event)| Step::Receive { by, from, as_event }),
        1 => set_wall.prop_map(|(node, offset_ms)| Step::SetWall { node, offset_ms }),
    ];
    prop::collection::vec(step, 1..80)
}

/// An event: what it was stamped with, its true time and its node's, and the events before it.
struct Event {
    stamp: HybridTimestamp,
    true_ms: u64,
    wall_ms: u64,
    past: BTreeSet<usize>,
}

/// Runs the steps on clocks that accept remote timestamps up to the bound; what a clock refuses is not
/// received.
fn run(steps: &[Step], max_drift_ms: u64) -> Vec<Event> {
    let clocks: Vec<_> = (0..NODES).map(|_| HybridClock::new().with_max_drift_ms(max_drift_ms)).collect();
    let mut offsets_ms = [0i64; NODES];
    let mut pasts: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); NODES];
    let mut latest: [Option<usize>; NODES] = [None; NODES];
    let mut events: Vec<Event> = Vec::new();
    for (true_ms, step) in (NOW_MS..).zip(steps) {
        let wall_ms = |node: usize| true_ms.saturating_add_signed(offsets_ms[node]);
        let (node, stamp) = match *step {
            Step::SetWall { node, offset_ms } => {
                offsets_ms[node] = offset_ms;
                continue;
            }
            Step::Tick(node) => (node, clocks[node].tick_at(wall_ms(node)).expect("in range")),
            Step::Receive { by, from, as_event } => {
                let Some(sent) = latest[from] else { continue };
                let remote = events[sent].stamp;
                if clocks[by].witness_at(remote, wall_ms(by)).is_err() {
                    continue;
                }
                pasts[by].extend(events[sent].past.iter().copied().chain([sent]));
                if !as_event {
                    continue;
                }
                (by, clocks[by].observe_at(remote, wall_ms(by)).expect("witnessed"))
            }
        };
        latest[node] = Some(events.len());
        let event = Event { stamp, true_ms, wall_ms: wall_ms(node), past: pasts[node].clone() };
        pasts[node].insert(events.len());
        events.push(event);
    }
    events
}

proptest! {
    /// Theorem 1. Disproved by a pair of events whose timestamps run against happened-before.
    #[test]
    fn a_cause_has_the_smaller_timestamp_whatever_the_walls_show(steps in steps(100_000)) {
        let events = run(&steps, 50_000);
        for event in &events {
            for cause in &event.past {
                prop_assert!(events[*cause].stamp < event.stamp);
            }
        }
    }

    /// Theorem 2: never behind the wall.
    #[test]
    fn a_timestamp_is_never_behind_its_nodes_wall(steps in steps(100_000)) {
        for event in run(&steps, 50_000) {
            prop_assert!(event.stamp.wall_ms() >= event.wall_ms);
        }
    }

    /// Corollary 1: with walls within 500 ms of the true time, timestamps are too, and nothing is refused by
    /// a bound of twice that. So few steps overflow no counter.
    #[test]
    fn a_timestamp_is_as_close_to_the_time_as_the_walls_are(steps in steps(500)) {
        for event in run(&steps, 1_000) {
            prop_assert!(event.stamp.wall_ms() <= event.true_ms + 500);
        }
    }

    /// Disproved by one clock far ahead that drags another beyond its bound.
    #[test]
    fn a_clock_is_ahead_of_a_steady_wall_by_the_drift_bound_at_most(steps in steps(100_000)) {
        let clock = HybridClock::new().with_max_drift_ms(50);
        for (wall_ms, event) in (NOW_MS..).zip(run(&steps, 50_000)) {
            let is_credible = event.stamp.wall_ms() <= wall_ms + 50;
            prop_assert_eq!(clock.observe_at(event.stamp, wall_ms).is_ok(), is_credible);
            prop_assert!(clock.ahead_of_ms(wall_ms) <= 50);
        }
    }
}

/// Disproved by an absurd wall that the clock follows, or by one honest reading after it that is refused.
#[test]
fn an_absurd_wall_is_refused_and_then_forgotten() {
    let clock = HybridClock::new();
    let last = clock.tick_at(NOW_MS).unwrap();
    let limit_ms = DEFAULT_MAX_WALL_JUMP_MS;
    for wall_ms in [NOW_MS + limit_ms + 1, u64::from(u32::MAX) * 1_000, MAX_WALL_MS] {
        let skipped = clock.last().as_packed() + 1;
        let refusal =
            HybridError::WallJump { wall_ms, last: HybridTimestamp::from_packed(skipped), limit_ms };
        assert_eq!(clock.tick_at(wall_ms), Err(refusal));
        let remote = HybridTimestamp::from_packed(wall_ms << 20);
        assert!(matches!(clock.witness_at(remote, wall_ms), Err(HybridError::WallJump { .. })));
        assert!(clock.observe_at(remote, wall_ms).is_err());
    }
    let after = clock.tick_at(NOW_MS + 1).unwrap();
    assert_eq!((after > last, after.wall_ms()), (true, NOW_MS + 1));
}

#[test]
fn a_node_that_was_off_for_long_comes_back_by_itself() {
    let issued = HybridTimestamp::from_packed(NOW_MS << 20);
    for off_ms in [3 * 86_400_000, DEFAULT_MAX_WALL_JUMP_MS] {
        let wall_ms = NOW_MS + off_ms;
        assert_eq!(HybridClock::restored(issued).tick_at(wall_ms).unwrap().wall_ms(), wall_ms);
    }
}

#[test]
fn a_wall_that_a_person_accepts_is_followed() {
    let wall_ms = NOW_MS + DEFAULT_MAX_WALL_JUMP_MS + 1;
    let clock = HybridClock::restored(HybridTimestamp::from_packed(NOW_MS << 20));
    assert!(clock.tick_at(wall_ms).is_err());
    clock.accept_wall(wall_ms).unwrap();
    assert_eq!(clock.tick_at(wall_ms).unwrap().wall_ms(), wall_ms);
    assert!(clock.accept_wall(MAX_WALL_MS + 1).is_err());
}

/// Disproved by a device that starts in 1970 and is refused when it learns the time; or by threads of a fresh
/// clock of which one takes the other's first addition for a timestamp of 1970.
#[test]
fn a_clock_that_was_never_set_accepts_any_wall() {
    for first_ms in [NOW_MS, MAX_WALL_MS] {
        assert!(HybridClock::new().tick_at(first_ms).is_ok());
    }
    let booted = HybridClock::new();
    assert!(booted.tick_at(5_000).is_ok() && booted.tick_at(NOW_MS).is_ok());
    assert!(booted.tick_at(MAX_WALL_MS).is_err());
}

/// Disproved by a timestamp that two calls share, by one thread seeing a step back, or by one below its
/// floor.
#[test]
fn threads_never_share_a_timestamp() {
    let clock = HybridClock::new();
    let wall = AtomicU64::new(NOW_MS);
    let record = |thread: u64| -> Vec<HybridTimestamp> {
        let call = |n: u64| {
            // Now and then the wall moves on, and for one thread it is always behind.
            let moved = wall.fetch_add(u64::from(n.is_multiple_of(64)), Ordering::Relaxed);
            let wall_ms = moved - 5 * thread;
            let remote = HybridTimestamp::from_packed((wall_ms << 20) + n);
            let is_receipt = n.is_multiple_of(3);
            let issued = if is_receipt { clock.observe_at(remote, wall_ms) } else { clock.tick_at(wall_ms) };
            let issued = issued.unwrap();
            assert!(issued.wall_ms() >= wall_ms && (!is_receipt || issued > remote));
            issued
        };
        (0..20_000).map(call).collect()
    };
    let record = &record;
    let mut all: Vec<HybridTimestamp> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|id| scope.spawn(move || record(id))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(all.chunks(20_000).all(|thread| thread.is_sorted_by(|a, b| a < b)));
    all.sort_unstable();
    assert!(all.is_sorted_by(|a, b| a < b), "two calls returned the same timestamp");
}

#[test]
fn threads_at_the_end_share_what_is_left() {
    let end = HybridTimestamp::LAST.as_packed();
    let clock = HybridClock::restored(HybridTimestamp::from_packed(end - 100));
    let record = || (0..10_000).filter_map(|_| clock.tick_at(NOW_MS).ok()).collect::<Vec<_>>();
    let mut issued: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(record)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .map(HybridTimestamp::as_packed)
            .collect()
    });
    issued.sort_unstable();
    assert!(issued.into_iter().eq(end - 99..=end));
    assert_eq!(clock.last(), HybridTimestamp::LAST);
}
