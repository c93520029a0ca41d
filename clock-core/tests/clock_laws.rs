//! The laws of the clocks, over generated histories, and against models that are too simple to be wrong.

#![cfg(feature = "std")]

use clock_core::{LamportClock, Ordering, VectorClock};
use proptest::prelude::*;
use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

const NODES: [&str; 4] = ["antarctic", "atlantic", "indian_ocean", "pacific"];

fn clocks() -> impl Strategy<Value = VectorClock> {
    let entries = prop::collection::vec((prop::sample::select(NODES.as_slice()), 0u64..4), 0..5);
    (prop::sample::select(NODES.as_slice()), entries)
        .prop_map(|(node, entries)| VectorClock::restored(node, entries).expect("the counters are small"))
}

fn merged(a: &VectorClock, b: &VectorClock) -> VectorClock {
    let mut result = a.clone();
    result.merge(b);
    result
}

fn hash_of(clock: &VectorClock) -> u64 {
    let mut hasher = DefaultHasher::new();
    clock.hash(&mut hasher);
    hasher.finish()
}

fn is_le(a: &VectorClock, b: &VectorClock) -> bool {
    matches!(a.compare(b), Ordering::Before | Ordering::Equal)
}

proptest! {
    #[test]
    fn merge_is_a_join_semilattice(a in clocks(), b in clocks(), c in clocks()) {
        prop_assert_eq!(&merged(&a, &a), &a);
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
    }

    /// Not merely an upper bound: nothing smaller is above both.
    #[test]
    fn merge_is_the_least_upper_bound(a in clocks(), b in clocks(), c in clocks()) {
        let join = merged(&a, &b);
        prop_assert!(is_le(&a, &join) && is_le(&b, &join));
        prop_assert!(!(is_le(&a, &c) && is_le(&b, &c)) || is_le(&join, &c));
    }

    #[test]
    fn equality_hash_and_compare_agree(a in clocks(), b in clocks()) {
        prop_assert_eq!(a == b, a.compare(&b) == Ordering::Equal);
        prop_assert_eq!(a == b, a.snapshot() == b.snapshot());
        prop_assert!(a != b || hash_of(&a) == hash_of(&b));
    }

    #[test]
    fn a_tick_is_strictly_after_and_a_snapshot_does_not_move(a in clocks()) {
        let mut ticked = a.clone();
        let snapshot = ticked.snapshot();
        ticked.tick();
        prop_assert_eq!(a.compare(&ticked), Ordering::Before);
        prop_assert_eq!(snapshot, a.snapshot());
        prop_assert!(ticked.snapshot().values().all(|counter| *counter > 0));
    }

    #[test]
    fn a_merge_from_a_peer_never_raises_the_own_entry(a in clocks(), b in clocks()) {
        let mut local = a.clone();
        let is_ahead = b.get(a.node_id()) > a.get(a.node_id());
        prop_assert_eq!(local.try_merge(&b).is_err(), is_ahead);
        prop_assert_eq!(local, if is_ahead { a } else { merged(&a, &b) });
    }
}

/// One step of an execution: a node ticks, or receives the latest state of another.
#[derive(Clone, Copy, Debug)]
enum Step {
    Tick(usize),
    Receive { by: usize, from: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let node = 0..NODES.len();
    let step = prop_oneof![
        node.clone().prop_map(Step::Tick),
        (node.clone(), node).prop_map(|(by, from)| Step::Receive { by, from }),
    ];
    prop::collection::vec(step, 1..60)
}

/// A node of the model: its past is the set of events itself, so happened-before is set membership.
#[derive(Clone, Default)]
struct Model {
    past: BTreeSet<usize>,
}

fn relation_of(a: &BTreeSet<usize>, b: &BTreeSet<usize>) -> Ordering {
    match (a.is_subset(b), b.is_subset(a)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Before,
        (false, true) => Ordering::After,
        (false, false) => Ordering::Concurrent,
    }
}

proptest! {
    /// Disproved by any pair of events whose vectors relate otherwise than their pasts (Mattern 1989,
    /// theorem 10), or whose Lamport values run against happens-before (Lamport 1978, clock condition).
    #[test]
    fn vectors_relate_exactly_as_the_pasts_do(steps in steps()) {
        let mut vectors: Vec<_> = NODES.iter().map(|node| VectorClock::new(node)).collect();
        let mut models = vec![Model::default(); NODES.len()];
        let lamports: Vec<_> = NODES.iter().map(|_| LamportClock::new()).collect();
        let mut events = Vec::new();
        for step in steps {
            match step {
                Step::Tick(node) => {
                    vectors[node].tick();
                    models[node].past.insert(events.len());
                    events.push((vectors[node].clone(), models[node].past.clone(), lamports[node].tick()));
                }
                Step::Receive { by, from } => {
                    let (sent, past) = (vectors[from].clone(), models[from].past.clone());
                    vectors[by].try_merge(&sent).unwrap();
                    models[by].past.extend(past);
                    lamports[by].try_observe(lamports[from].current()).unwrap();
                }
            }
        }
        for (a, past_of_a, lamport_of_a) in &events {
            for (b, past_of_b, lamport_of_b) in &events {
                let relation = relation_of(past_of_a, past_of_b);
                prop_assert_eq!(a.compare(b), relation);
                prop_assert!(relation != Ordering::Before || lamport_of_a < lamport_of_b);
            }
        }
    }

    /// The model keeps the entries in a plain map and maximises them one by one.
    #[test]
    fn merge_agrees_with_a_plain_map(a in clocks(), b in clocks()) {
        let mut model: HashMap<String, u64> = a.snapshot();
        for (node, counter) in b.snapshot() {
            let entry = model.entry(node).or_insert(0);
            *entry = counter.max(*entry);
        }
        prop_assert_eq!(merged(&a, &b).snapshot(), model);
    }
}
