//! Version vectors against the definition, against a plain map, and against an implementation that is not ours.
//!
//! How a vector is held depends on its history: in the value up to eight members and shared beyond, over its own table
//! of members or another's. So each case is built in several ways, and none may show in an answer.

use clock_core::{
    MAX_COUNTER, Membership, Ordering, ReplicaId, SlotExhausted, VersionVector, compare_entries,
};
use crdts::{CmRDT, CvRDT, VClock};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

type Model = BTreeMap<u16, u64>;

fn replica(number: u16) -> ReplicaId {
    format!("node-{number:04}.00000001").parse().expect("a legal replica")
}

/// How a vector came to be.
#[derive(Clone, Copy, Debug)]
enum Made {
    /// Collected from its entries, so over a table of its own in ascending order.
    Collected,
    /// Merged from single entries in this order of insertion, forwards.
    Forwards,
    /// The same backwards: the slots are other ones.
    Backwards,
    /// Over a given table of all members, by merging into the empty vector.
    OverTable,
}

const WAYS: [Made; 4] = [Made::Collected, Made::Forwards, Made::Backwards, Made::OverTable];

fn entry(number: u16, counter: u64) -> VersionVector {
    [(replica(number), counter)].into_iter().collect()
}

fn make(model: &Model, way: Made, table: &Membership) -> VersionVector {
    let merge = |mut vector: VersionVector, (number, counter): (&u16, &u64)| {
        vector.merge(&entry(*number, *counter));
        vector
    };
    match way {
        Made::Collected => model.iter().map(|(number, counter)| (replica(*number), *counter)).collect(),
        Made::Forwards => model.iter().fold(VersionVector::new(), merge),
        Made::Backwards => model.iter().rev().fold(VersionVector::new(), merge),
        Made::OverTable => model.iter().fold(VersionVector::over(table), merge),
    }
}

fn table(count: u16) -> Membership {
    Membership::of((0..count).rev().map(replica)).expect("all different")
}

/// The definition, entry by entry.
fn relation(a: &Model, b: &Model) -> Ordering {
    let is_le = |a: &Model, b: &Model| a.iter().all(|(key, count)| b.get(key).unwrap_or(&0) >= count);
    match (is_le(a, b), is_le(b, a)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Before,
        (false, true) => Ordering::After,
        (false, false) => Ordering::Concurrent,
    }
}

fn join(a: &Model, b: &Model) -> Model {
    let mut both = a.clone();
    for (number, counter) in b {
        let own = both.entry(*number).or_default();
        *own = (*own).max(*counter);
    }
    both
}

fn peer(model: &Model) -> VClock<u16> {
    let mut clock = VClock::new();
    for (number, counter) in model {
        clock.apply(crdts::Dot::new(*number, *counter));
    }
    clock
}

fn peer_relation(a: &VClock<u16>, b: &VClock<u16>) -> Ordering {
    match a.partial_cmp(b) {
        Some(std::cmp::Ordering::Equal) => Ordering::Equal,
        Some(std::cmp::Ordering::Less) => Ordering::Before,
        Some(std::cmp::Ordering::Greater) => Ordering::After,
        None => Ordering::Concurrent,
    }
}

fn merged(a: &VersionVector, b: &VersionVector) -> VersionVector {
    let mut result = a.clone();
    result.merge(b);
    result
}

fn hash_of(vector: &VersionVector) -> u64 {
    let mut hasher = DefaultHasher::new();
    vector.hash(&mut hasher);
    hasher.finish()
}

fn entries(vector: &VersionVector) -> Vec<(ReplicaId, u64)> {
    vector.iter().map(|(id, counter)| (id.clone(), counter)).collect()
}

fn entries_of(model: &Model) -> Vec<(ReplicaId, u64)> {
    model.iter().map(|(number, counter)| (replica(*number), *counter)).collect()
}

/// Up to 20 members, so on both sides of what is held in the value; small counters, so that all relations are common.
fn models() -> impl Strategy<Value = Model> {
    prop_oneof![
        prop::collection::btree_map(0u16..4, 1u64..4, 0..4),
        prop::collection::btree_map(0u16..20, 1u64..4, 0..20),
        prop::collection::btree_map(6u16..11, prop_oneof![1u64..4, Just(MAX_COUNTER)], 0..5),
    ]
}

/// A pair of which the second often is close to the first, so that before and equal occur with many members too.
fn pairs() -> impl Strategy<Value = (Model, Model)> {
    let close = (models(), prop::collection::vec((0u16..20, 1u64..4), 0..3)).prop_map(|(a, more)| {
        let mut b = a.clone();
        for (number, counter) in more {
            let own = b.entry(number).or_default();
            *own = (*own).max(counter);
        }
        (a, b)
    });
    prop_oneof![close, (models(), models()), models().prop_map(|a| (a.clone(), a))]
}

fn ways() -> impl Strategy<Value = Made> {
    prop::sample::select(WAYS.as_slice())
}

/// All answers about a pair, against the definition and the peer.
fn check_pair(a: &Model, b: &Model, left: &VersionVector, right: &VersionVector) {
    let expected = relation(a, b);
    assert_eq!(left.compare(right), expected, "{a:?} to {b:?}");
    assert_eq!(right.compare(left), expected.reverse(), "{b:?} to {a:?}");
    assert_eq!(compare_entries(left.iter(), right.iter()), expected);
    assert_eq!(peer_relation(&peer(a), &peer(b)), expected, "the peer on {a:?} to {b:?}");
    assert_eq!(left == right, a == b);
    assert_eq!(left.contains(right), matches!(expected, Ordering::After | Ordering::Equal));
    assert_eq!(right.contains(left), matches!(expected, Ordering::Before | Ordering::Equal));
    assert!(a != b || hash_of(left) == hash_of(right), "equal, and hashed differently: {a:?}");
    let (both, mut peers) = (merged(left, right), peer(a));
    peers.merge(peer(b));
    assert_eq!(entries(&both), entries_of(&join(a, b)), "{a:?} with {b:?}");
    assert_eq!(entries(&both), entries_of(&peers.dots), "the peer on {a:?} with {b:?}");
    let beyond: u64 = a
        .iter()
        .map(|(number, counter)| counter - counter.min(b.get(number).unwrap_or(&0)))
        .fold(0, u64::saturating_add);
    assert_eq!(left.events_beyond(right), beyond);
}

proptest! {

    #[test]
    fn answers_are_those_of_the_definition_and_of_a_peer((a, b) in pairs(), one in ways(), other in ways()) {
        let table = table(20);
        let (left, right) = (make(&a, one, &table), make(&b, other, &table));
        prop_assert_eq!(entries(&left), entries_of(&a));
        prop_assert_eq!((left.len(), left.is_empty()), (a.len(), a.is_empty()));
        for number in 0..20 {
            prop_assert_eq!(left.upto(&replica(number)), a.get(&number).copied().unwrap_or(0));
        }
        check_pair(&a, &b, &left, &right);
    }

    #[test]
    fn compare_is_a_partial_order(a in models(), b in models(), c in models(), ways in [ways(), ways(), ways()]) {
        let table = table(20);
        let [a, b, c] = [(&a, ways[0]), (&b, ways[1]), (&c, ways[2])].map(|(model, way)| make(model, way, &table));
        let is_le = |a: &VersionVector, b: &VersionVector| b.contains(a);
        prop_assert_eq!(a.compare(&a), Ordering::Equal);
        prop_assert!(!(is_le(&a, &b) && is_le(&b, &a)) || a == b);
        prop_assert!(!(is_le(&a, &b) && is_le(&b, &c)) || is_le(&a, &c));
        let bound = merged(&merged(&a, &b), &c);
        prop_assert!(is_le(&a, &bound) && is_le(&b, &bound) && is_le(&c, &bound));
    }

    #[test]
    fn merge_is_a_join_semilattice(a in models(), b in models(), c in models(), ways in [ways(), ways(), ways()]) {
        let table = table(20);
        let [a, b, c] = [(&a, ways[0]), (&b, ways[1]), (&c, ways[2])].map(|(model, way)| make(model, way, &table));
        prop_assert_eq!(&merged(&a, &a), &a);
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        // The least one: whatever contains both contains the join.
        let join = merged(&a, &b);
        prop_assert!(!(c.contains(&a) && c.contains(&b)) || c.contains(&join));
    }

    /// Copies share what they hold until one of them changes, and only that one changes.
    #[test]
    fn a_snapshot_never_changes((a, b) in pairs(), one in ways(), other in ways(), ticks in 0usize..3) {
        let table = table(20);
        let (mut vector, added) = (make(&a, one, &table), make(&b, other, &table));
        let snapshot = vector.clone();
        let snapshot_of_snapshot = snapshot.clone();
        vector.merge(&added);
        let slots: Vec<_> = vector.members().iter().map(|(slot, _)| slot).take(ticks).collect();
        for slot in slots {
            let before = vector.clone();
            if vector.tick(slot).is_ok() {
                prop_assert_eq!(before.compare(&vector), Ordering::Before);
            }
        }
        prop_assert_eq!(entries(&snapshot), entries_of(&a));
        prop_assert_eq!(entries(&snapshot_of_snapshot), entries_of(&a));
        prop_assert_eq!(entries(&added), entries_of(&b));
        // And the other way round: who changes the copy leaves the original.
        let (mut copy, now) = (vector.clone(), entries(&vector));
        copy.merge(&make(&(0..20).map(|number| (number, MAX_COUNTER)).collect(), other, &table));
        prop_assert_eq!(entries(&vector), now);
    }

    #[test]
    fn a_delta_rebuilds_the_vector_on_its_base((a, b) in pairs(), one in ways(), other in ways()) {
        let table = table(20);
        let (base, full) = (make(&a, one, &table), make(&join(&a, &b), other, &table));
        let delta = full.delta_from(&base);
        prop_assert!(delta.iter().all(|(replica, counter)| base.upto(replica) < *counter));
        let mut rebuilt = base;
        rebuilt.merge(&delta.into_iter().collect());
        prop_assert_eq!(rebuilt, full);
    }
}

/// Every vector over three members with counters 0 to 2, and every pair of them, over every pair of tables.
#[test]
fn all_small_pairs_over_all_orders_of_members_agree_with_the_definition() {
    const ORDERS: [[u16; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let models: Vec<Model> = (0..27u64)
        .map(|code| [code % 3, code / 3 % 3, code / 9])
        .map(|counters| (0..).zip(counters).filter(|(_, counter)| *counter != 0).collect())
        .collect();
    let tables = ORDERS.map(|order| Membership::of(order.map(replica)).expect("all different"));
    let over = |table: &Membership| -> Vec<VersionVector> {
        models.iter().map(|model| make(model, Made::OverTable, table)).collect()
    };
    let (vectors, copies) = (
        tables.each_ref().map(over),
        tables.each_ref().map(|table| {
            // The same order in a table of its own: the ids decide, not the slots.
            over(&Membership::of(table.iter().map(|(_, id)| id.clone())).expect("all different"))
        }),
    );
    for (lefts, rights) in
        vectors.iter().flat_map(|lefts| vectors.iter().chain(&copies).map(move |rights| (lefts, rights)))
    {
        for (a, left) in models.iter().zip(lefts) {
            for (b, right) in models.iter().zip(rights) {
                let expected = relation(a, b);
                assert_eq!(left.compare(right), expected, "{a:?} to {b:?}");
                assert_eq!(left.contains(right), matches!(expected, Ordering::After | Ordering::Equal));
                assert_eq!(
                    (left == right, merged(left, right)),
                    (a == b, make(&join(a, b), Made::Collected, &tables[0]))
                );
            }
        }
    }
}

/// Sizes at which wide loops, their tails and shared lanes are all in play.
#[test]
fn large_vectors_agree_with_the_definition_and_a_peer() {
    for count in [8, 9, 63, 64, 65, 70, 1024] {
        let table = table(count);
        let all: Model = (0..count).map(|number| (number, 1 + u64::from(number % 7))).collect();
        let with = |number: u16, counter: u64| {
            let mut model = all.clone();
            model.insert(number, counter);
            model
        };
        let half: Model = all.iter().filter(|(number, _)| *number % 2 == 0).map(|(n, c)| (*n, *c)).collect();
        let others =
            [all.clone(), half, Model::new(), with(0, 99), with(count - 1, 99), with(count - 1, MAX_COUNTER)];
        let first_behind = {
            let mut model = with(count - 1, 99);
            model.remove(&0);
            model
        };
        for b in others.iter().chain([&first_behind]) {
            for (one, other) in [(Made::OverTable, Made::OverTable), (Made::OverTable, Made::Collected)] {
                check_pair(&all, b, &make(&all, one, &table), &make(b, other, &table));
            }
        }
    }
}

#[test]
fn a_used_up_counter_stays_where_it_is() {
    for members in [3, 20] {
        let table = table(members);
        let mut vector = make(&Model::from([(1, MAX_COUNTER - 1)]), Made::OverTable, &table);
        let slot = table.slot(&replica(1)).unwrap();
        assert_eq!(vector.tick(slot), Ok(MAX_COUNTER));
        let last = vector.clone();
        assert_eq!(vector.tick(slot), Err(SlotExhausted { slot }));
        assert_eq!((vector.at(slot), vector), (MAX_COUNTER, last));
    }
}

/// Growth in place must keep each counter with its member, when a table is shared and when it is not.
#[test]
fn a_vector_keeps_its_entries_while_members_are_added() {
    let (mut vector, mut model, mut snapshots) = (VersionVector::new(), Model::new(), Vec::new());
    for step in 0u16..40 {
        let number = step * 7 % 40;
        vector.merge(&entry(number, 1 + u64::from(step)));
        model.insert(number, 1 + u64::from(step));
        assert_eq!(entries(&vector), entries_of(&model));
        if step % 3 == 0 {
            snapshots.push((vector.clone(), model.clone()));
        }
    }
    for (snapshot, model) in snapshots {
        assert_eq!(entries(&snapshot), entries_of(&model));
    }
}

/// A table of the next epoch has the slots of the one before; a vector over the first has fewer lanes, and means the same.
#[test]
fn vectors_over_two_epochs_compare_and_merge() {
    for count in [2u16, 7, 8, 9, 30] {
        let old = table(count);
        let new = old.clone().with(replica(count)).unwrap();
        let a: Model = (0..count).map(|number| (number, 2)).collect();
        let mut b = a.clone();
        b.insert(count, 1);
        let (left, right) = (make(&a, Made::OverTable, &old), make(&b, Made::OverTable, &new));
        check_pair(&a, &b, &left, &right);
        check_pair(&b, &a, &right, &left);
        check_pair(&a, &a, &left, &make(&a, Made::OverTable, &new));
    }
}
