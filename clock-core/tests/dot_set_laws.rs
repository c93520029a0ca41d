//! A dot set is a set: every operation against a plain set of pairs, and one form for one set.

use clock_core::{
    DOT_RANGES_MAX, Dot, DotRange, DotRangeRefused, DotSet, MAX_COUNTER, MAX_JUMP, Ordering, ReplicaId,
    VECTOR_ENTRIES_MAX, VersionVector,
};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

type Model = BTreeSet<(u8, u64)>;

fn replica(number: u8) -> ReplicaId {
    format!("node-{number:03}.00000001").parse().expect("a legal replica")
}

fn dot(&(number, seq): &(u8, u64)) -> Dot {
    Dot { replica: replica(number), seq }
}

fn range(number: u8, first: u64, upto: u64) -> DotRange {
    DotRange::new(replica(number), first, upto).expect("a legal range")
}

fn set_of<'a>(dots: impl IntoIterator<Item = &'a (u8, u64)>) -> DotSet {
    dots.into_iter().map(dot).collect()
}

fn model_of(set: &DotSet) -> Model {
    let number = |dot: &Dot| (0..=u8::MAX).find(|number| replica(*number) == dot.replica).expect("made here");
    set.dots().map(|dot| (number(&dot), dot.seq)).collect()
}

fn merged(a: &DotSet, b: &DotSet) -> DotSet {
    let mut result = a.clone();
    result.merge(b);
    result
}

fn hash_of(set: &DotSet) -> u64 {
    let mut hasher = DefaultHasher::new();
    set.hash(&mut hasher);
    hasher.finish()
}

/// The relation of two sets by its definition.
fn relation(a: &Model, b: &Model) -> Ordering {
    match (a.is_subset(b), b.is_subset(a)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Before,
        (false, true) => Ordering::After,
        (false, false) => Ordering::Concurrent,
    }
}

/// Up to which number nothing of the replica is missing.
fn prefix(model: &Model, number: u8) -> u64 {
    (1..).find(|seq| !model.contains(&(number, *seq))).expect("a finite set") - 1
}

/// Few replicas and few numbers, so that gaps open and close all the time.
fn dots() -> impl Strategy<Value = Vec<(u8, u64)>> {
    prop::collection::vec((0u8..3, 1u64..9), 0..24)
}

proptest! {
    #[test]
    fn inserting_says_what_is_new_and_holds_exactly_that(dots in dots()) {
        let (mut set, mut model) = (DotSet::new(), Model::new());
        for pair in &dots {
            prop_assert_eq!(set.insert(&dot(pair)), model.insert(*pair));
            prop_assert!(!set.insert(&dot(pair)));
            for probe in (0..3).flat_map(|number| (1..10).map(move |seq| (number, seq))) {
                prop_assert_eq!(set.contains(&dot(&probe)), model.contains(&probe));
            }
        }
        prop_assert_eq!(set.count(), model.len() as u64);
        prop_assert_eq!(set.is_empty(), model.is_empty());
        prop_assert!(set.dots().map(|dot| (dot.replica, dot.seq)).is_sorted());
        prop_assert_eq!(model_of(&set), model);
    }

    #[test]
    fn the_base_is_the_longest_prefix_of_each_replica(dots in dots()) {
        let (set, model) = (set_of(&dots), dots.iter().copied().collect());
        for number in 0..3 {
            prop_assert_eq!(set.base().upto(&replica(number)), prefix(&model, number));
        }
        let in_prefixes: u64 = (0..3).map(|number| prefix(&model, number)).sum();
        prop_assert_eq!(set.is_contiguous(), in_prefixes == set.count());
    }

    /// Would fail for a run that touches another, or the prefix.
    #[test]
    fn one_set_has_one_form(dots in dots(), others in dots()) {
        let (a, b) = (set_of(&dots), set_of(dots.iter().rev()));
        prop_assert_eq!(&a, &b);
        prop_assert_eq!(hash_of(&a), hash_of(&b));
        prop_assert_eq!(a.to_string(), b.to_string());
        let ranges: Vec<DotRange> = a.ranges().collect();
        prop_assert_eq!(ranges.len(), a.range_count());
        for pair in ranges.windows(2) {
            prop_assert!(pair[0].replica() < pair[1].replica() || pair[0].upto() + 1 < pair[1].first());
        }
        let (c, model_c): (_, Model) = (set_of(&others), others.iter().copied().collect());
        prop_assert_eq!(a == c, model_of(&a) == model_c);
        prop_assert!(a != c || hash_of(&a) == hash_of(&c));
    }

    #[test]
    fn sets_compare_by_inclusion(a in dots(), b in dots()) {
        let (left, right) = (a.iter().copied().collect(), b.iter().copied().collect());
        let (a, b) = (set_of(&a), set_of(&b));
        prop_assert_eq!(a.compare(&b), relation(&left, &right));
        prop_assert_eq!(b.compare(&a), a.compare(&b).reverse());
        prop_assert_eq!(a.contains_all(&b), right.is_subset(&left));
        prop_assert_eq!(a == b, a.compare(&b) == Ordering::Equal);
        let whole = merged(&a, &b);
        prop_assert!(matches!(a.compare(&whole), Ordering::Before | Ordering::Equal));
        prop_assert!(whole.contains_all(&a) && whole.contains_all(&b));
    }

    #[test]
    fn merge_is_the_union_and_a_join_semilattice(a in dots(), b in dots(), c in dots()) {
        let union: Model = a.iter().chain(&b).copied().collect();
        let (a, b, c) = (set_of(&a), set_of(&b), set_of(&c));
        prop_assert_eq!(merged(&a, &b), set_of(&union));
        let (mut checked, mut one_by_one) = (a.clone(), a.clone());
        prop_assert_eq!(checked.try_merge(&b), Ok(()));
        prop_assert_eq!(&checked, &merged(&a, &b));
        prop_assert!(b.ranges().all(|range| one_by_one.try_insert_range(&range).is_ok()));
        prop_assert_eq!(one_by_one, checked);
        prop_assert_eq!(model_of(&merged(&a, &b)), union);
        prop_assert_eq!(&merged(&a, &a), &a);
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
    }

    /// What anti-entropy needs: exactly what is missing travels, and closes the difference.
    #[test]
    fn the_difference_is_exactly_what_is_missing(a in dots(), b in dots()) {
        let (left, right): (Model, Model) = (a.iter().copied().collect(), b.iter().copied().collect());
        let (a, b) = (set_of(&a), set_of(&b));
        let missing = a.difference(&b);
        let sent = DotSet::from_ranges(missing.iter().cloned(), missing.len()).expect("within the limit");
        prop_assert_eq!(model_of(&sent), left.difference(&right).copied().collect());
        prop_assert_eq!(missing.is_empty(), b.contains_all(&a));
        prop_assert_eq!(merged(&b, &sent), merged(&a, &b));
        prop_assert!(missing.is_sorted() && missing.iter().map(DotRange::count).sum::<u64>() == sent.count());
        prop_assert_eq!(missing.iter().flat_map(DotRange::dots).count() as u64, sent.count());
    }

    #[test]
    fn a_set_rebuilds_from_its_ranges_in_any_order(dots in dots()) {
        let set = set_of(&dots);
        let mut ranges: Vec<DotRange> = set.ranges().collect();
        ranges.reverse();
        prop_assert_eq!(DotSet::from_ranges(ranges.clone(), ranges.len()), Ok(set));
        if let Some(limit) = ranges.len().checked_sub(1) {
            prop_assert_eq!(DotSet::from_ranges(ranges, limit), Err(DotRangeRefused::TooMany { limit }));
        }
    }

    #[test]
    fn a_set_of_prefixes_is_its_vector(dots in dots(), other in dots()) {
        let vector = set_of(&dots).base().clone();
        let set = DotSet::from(vector.clone());
        prop_assert!(set.is_contiguous());
        let other: VersionVector = set_of(&other).base().clone();
        prop_assert_eq!(set.compare(&DotSet::from(other.clone())), vector.compare(&other));
        let mut both = vector;
        both.merge(&other);
        prop_assert_eq!(merged(&set, &other.into()), both.into());
    }
}

#[test]
fn the_last_event_of_a_replica_is_held_without_overflow() {
    let mut set = DotSet::new();
    assert!(set.insert(&dot(&(0, MAX_COUNTER))));
    assert!(set.insert(&dot(&(0, MAX_COUNTER - 1))));
    assert_eq!(set.range_count(), 1);
    set.insert_range(&range(0, 1, MAX_COUNTER - 2));
    assert_eq!((set.base().upto(&replica(0)), set.is_contiguous()), (MAX_COUNTER, true));
    assert!(!set.insert(&dot(&(0, MAX_COUNTER))) && set.contains(&dot(&(0, MAX_COUNTER))));
    assert_eq!(set.difference(&set_of(&[(0, MAX_COUNTER)])), [range(0, 1, MAX_COUNTER - 1)]);
    set.insert_range(&range(1, 1, MAX_COUNTER));
    set.insert_range(&range(2, 1, MAX_COUNTER));
    assert_eq!(set.count(), u64::MAX, "three times 2^63 - 1 does not fit, and says so by staying at the end");
}

#[test]
fn what_names_no_event_is_never_held() {
    let mut set = set_of(&[(0, 1)]);
    for seq in [0, MAX_COUNTER + 1, u64::MAX] {
        let odd = Dot { replica: replica(0), seq };
        assert!(!set.insert(&odd) && !set.contains(&odd), "{seq}");
    }
    assert_eq!(set.count(), 1);
    for (first, upto) in [(0, 3), (4, 3), (1, MAX_COUNTER + 1)] {
        let refused = DotRangeRefused::NotARange { replica: replica(0), first, upto };
        assert_eq!(DotRange::new(replica(0), first, upto), Err(refused));
    }
}

#[test]
fn what_a_peer_sent_leaps_over_no_events() {
    let mut set = set_of(&[(0, 1), (0, 5)]);
    let before = set.clone();
    let (claimed, limit) = (MAX_JUMP + 6, MAX_JUMP + 5);
    let refused = DotRangeRefused::Jump { replica: replica(0), claimed, limit };
    assert_eq!(
        refused.to_string(),
        "event 1099511627782 of node-000.00000001: at most 1099511627781 is accepted"
    );
    assert_eq!(set.try_insert_range(&range(0, 1, claimed)), Err(refused.clone()));
    assert_eq!(set.try_insert(&dot(&(0, claimed))), Err(refused.clone()));
    assert_eq!(set.try_merge(&set_of(&[(0, claimed), (1, 1)])), Err(refused.clone()));
    let prefix = DotSet::from_ranges([range(0, 1, claimed)], 1).expect("a claim of a peer");
    assert_eq!(set.try_merge(&prefix), Err(refused));
    let refused = DotRangeRefused::Jump { replica: replica(1), claimed: MAX_COUNTER, limit: MAX_JUMP };
    assert_eq!(set.try_merge(&DotSet::from_ranges([range(1, 1, MAX_COUNTER)], 1).unwrap()), Err(refused));
    let refused = DotRangeRefused::NotARange { replica: replica(0), first: 0, upto: 0 };
    assert_eq!(set.try_insert(&dot(&(0, 0))), Err(refused));
    assert_eq!(set, before);
    assert_eq!(set.try_insert(&dot(&(0, limit))), Ok(true));
    assert_eq!(set.try_insert(&dot(&(0, limit))), Ok(false));
    assert_eq!(set.try_insert_range(&range(1, 1, MAX_JUMP)), Ok(()));
}

#[test]
fn what_a_peer_sent_makes_no_set_that_cannot_be_stored() {
    let mut set: DotSet = (1..=DOT_RANGES_MAX as u64).map(|run| dot(&(0, run * 2))).collect();
    let refused = DotRangeRefused::TooMany { limit: DOT_RANGES_MAX };
    let before = set.clone();
    assert_eq!(set.try_insert(&dot(&(1, 1))), Err(refused.clone()));
    assert_eq!(set.try_merge(&set_of(&[(1, 1)])), Err(refused));
    assert_eq!(set, before);
    assert_eq!(set.try_insert(&dot(&(0, 3))), Ok(true), "what closes a gap is welcome");
    assert_eq!((set.range_count(), set.try_merge(&set_of(&[(1, 1)]))), (DOT_RANGES_MAX - 1, Ok(())));
    let name = |number: usize| format!("n{number}.00000001").parse::<ReplicaId>().expect("a legal replica");
    let seq = |number: usize| 1 + number as u64 % 2;
    let mut set: DotSet =
        (0..VECTOR_ENTRIES_MAX).map(|number| Dot { replica: name(number), seq: seq(number) }).collect();
    let refused = DotRangeRefused::TooManyReplicas { limit: VECTOR_ENTRIES_MAX };
    assert_eq!(set.try_insert(&dot(&(0, 1))), Err(refused));
    assert_eq!(set.try_insert(&Dot { replica: name(7), seq: 9 }), Ok(true));
}

#[test]
fn a_set_prints_as_its_ranges() {
    let set = set_of(&[(0, 1), (0, 2), (0, 4), (1, 3)]);
    assert_eq!(set.to_string(), "{node-000.00000001:1-2, node-000.00000001:4, node-001.00000001:3}");
}

#[cfg(feature = "serde")]
mod wire {
    use super::*;
    use serde_json::{Value, json};

    fn id(number: u8) -> Value {
        serde_json::to_value(replica(number)).expect("a replica has a form")
    }

    proptest! {
        #[test]
        fn a_set_reads_back_from_the_wire(dots in dots()) {
            let set = set_of(&dots);
            let text = serde_json::to_string(&set).expect("a set has a form");
            prop_assert_eq!(serde_json::from_str::<DotSet>(&text).expect("its own form"), set);
        }
    }

    #[test]
    fn the_form_is_replicas_with_their_runs() {
        let set = set_of(&[(0, 1), (0, 2), (0, 4), (1, 3)]);
        let form = json!([[id(0), [[1, 2], [4, 4]]], [id(1), [[3, 3]]]]);
        assert_eq!(serde_json::to_value(&set).unwrap(), form);
    }

    #[test]
    fn a_second_spelling_of_a_set_is_refused() {
        let spellings = [
            ("a replica twice", json!([[id(0), [[1, 1]]], [id(0), [[3, 3]]]])),
            ("replicas descend", json!([[id(1), [[1, 1]]], [id(0), [[1, 1]]]])),
            ("a replica without events", json!([[id(0), []]])),
            ("runs touch", json!([[id(0), [[1, 2], [3, 4]]]])),
            ("runs overlap", json!([[id(0), [[1, 3], [2, 4]]]])),
            ("runs descend", json!([[id(0), [[5, 6], [1, 2]]]])),
            ("an empty run", json!([[id(0), [[3, 2]]]])),
            ("an event 0", json!([[id(0), [[0, 2]]]])),
            ("beyond the last event", json!([[id(0), [[1, MAX_COUNTER + 1]]]])),
        ];
        for (case, form) in spellings {
            assert!(serde_json::from_value::<DotSet>(form).is_err(), "{case}");
        }
    }

    #[test]
    fn a_dot_set_of_too_many_gaps_is_not_written() {
        let mut set: DotSet = (1..=DOT_RANGES_MAX as u64).map(|run| dot(&(0, run * 2))).collect();
        let text = serde_json::to_string(&set).expect("just within the limit");
        assert_eq!(serde_json::from_str::<DotSet>(&text).expect("what was written"), set);
        set.insert(&dot(&(1, 1)));
        let error = serde_json::to_string(&set).unwrap_err().to_string();
        assert_eq!(error, "a dot set is accepted with at most 4096 ranges");
        let names = 0..=VECTOR_ENTRIES_MAX;
        let replica = |number| format!("n{number}.00000001").parse().expect("a legal replica");
        let set: DotSet = names.map(|number| Dot { replica: replica(number), seq: 1 }).collect();
        assert!(serde_json::to_string(&set).is_err());
    }

    #[test]
    fn a_range_reads_back_from_the_wire() {
        let form = json!([id(0), 3, 7]);
        assert_eq!(serde_json::to_value(range(0, 3, 7)).unwrap(), form);
        assert_eq!(serde_json::from_value::<DotRange>(form).unwrap(), range(0, 3, 7));
        for (first, upto) in [(0, 1), (2, 1), (1, MAX_COUNTER + 1)] {
            assert!(
                serde_json::from_value::<DotRange>(json!([id(0), first, upto])).is_err(),
                "{first} {upto}"
            );
        }
    }

    #[test]
    fn more_ranges_than_the_limit_are_refused() {
        let of = |count: usize| -> Vec<_> { (1..=count).map(|run| [run * 2, run * 2]).collect() };
        let read = |form: Value| serde_json::from_value::<DotSet>(form);
        assert!(read(json!([[id(0), of(DOT_RANGES_MAX)]])).is_ok());
        assert!(read(json!([[id(0), of(DOT_RANGES_MAX + 1)]])).is_err());
        assert!(read(json!([[id(0), of(DOT_RANGES_MAX)], [id(1), of(1)]])).is_err());
    }
}

#[test]
fn a_late_copy_of_a_retired_replicas_event_is_not_new() {
    let id = |name: &str| format!("{name}.00000001").parse::<ReplicaId>().expect("a legal replica");
    let members = clock_core::Membership::restored(2, [id("a")], [id("gone")]).expect("distinct ids");
    let mut held = DotSet::from(VersionVector::over(&members));
    for seq in [1, 3] {
        let late = Dot { replica: id("gone"), seq };
        assert!(held.contains(&late) && !held.insert(&late), "event {seq}");
        assert_eq!(held.try_insert(&late), Ok(false), "event {seq}");
    }
    assert!(held.is_empty() && held.insert(&Dot { replica: id("a"), seq: 1 }));
}
