//! Lamport values respect causality, on one clock and across a cluster, and no peer can spoil them.

use clock_core::{Event, LamportClock, LamportJump, LamportRefused, MAX_COUNTER, MAX_JUMP, Ordering};
use clock_tests::stations::{Stations, vector_clock};

/// Disproved by a value that is not above its predecessor and what was observed.
#[test]
fn values_strictly_increase_over_any_mix_of_ticks_and_observations() {
    for seed in 0..50 {
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let clock = LamportClock::new();
        for _ in 0..500 {
            let before = clock.current();
            let incoming = if random.bool() { random.u64(0..1 << 40) } else { 0 };
            let after = if incoming == 0 { clock.tick() } else { clock.observe(incoming) };
            assert!(after > before && after > incoming, "{before} then {incoming} gave {after}");
        }
    }
}

#[test]
fn a_message_is_received_later_than_it_was_sent() {
    let (sender, receiver) = (LamportClock::starting_at(41), LamportClock::starting_at(7));
    let sent = sender.tick();
    assert_eq!((sent, receiver.observe(sent)), (42, 43));
    assert_eq!(receiver.observe(1), 44, "an old message still counts as an event");
}

#[test]
fn a_hostile_value_is_refused_with_the_facts_and_changes_nothing() {
    let clock = LamportClock::starting_at(7);
    for hostile in [u64::MAX, MAX_COUNTER + 1, MAX_COUNTER, MAX_JUMP + 8] {
        let refusal = LamportJump { incoming: hostile, local: 7, limit: MAX_JUMP + 7 };
        assert_eq!(clock.try_observe(hostile), Err(LamportRefused::Jump(refusal)));
    }
    assert_eq!(clock.observe(u64::MAX), 8, "the infallible form only ticks");
    assert_eq!(clock.tick(), 9);
}

/// Disproved by a pair of events of a running cluster where the cause has the larger value.
#[tokio::test]
async fn across_a_cluster_a_cause_has_the_smaller_value() {
    let mut stations = Stations::with_clocks(vector_clock);
    let mut events: Vec<Event> = Vec::new();
    for (round, id) in ["pacific", "atlantic", "pacific", "antarctic", "indian_ocean"].iter().enumerate() {
        events.push(stations.submit(id, "attitude").await);
        if round % 2 == 1 {
            stations.settle();
        }
    }
    let causes_and_effects: Vec<_> = events
        .iter()
        .flat_map(|a| events.iter().map(move |b| (a, b)))
        .filter(|(a, b)| a.compare(b) == Ordering::Before)
        .collect();
    assert!(!causes_and_effects.is_empty());
    for (cause, effect) in causes_and_effects {
        assert!(cause.lamport < effect.lamport, "{cause} caused {effect}");
    }
}
