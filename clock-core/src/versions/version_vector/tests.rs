//! Vectors inline and shared, over one table and over several.

use super::*;

type Named = VersionVector<&'static str>;

fn table(ids: &[&'static str]) -> Membership<&'static str> {
    Membership::of(ids.iter().copied()).unwrap()
}

fn over(members: &Membership<&'static str>, entries: &[(&'static str, u64)]) -> Named {
    let mut vector = Named::over(members);
    entries.iter().for_each(|(id, counter)| vector.raise_with(id, *counter, |id| *id));
    vector
}

#[test]
fn merging_moves_a_vector_over_to_the_others_table_if_all_of_its_members_are_there() {
    let (own, others) = (table(&["b", "a"]), table(&["a", "b", "c"]));
    let mut vector = over(&own, &[("a", 1), ("b", 2)]);
    let theirs = over(&others, &[("a", 3), ("c", 4)]);
    vector.merge(&theirs);
    assert!(vector.shares_slots(&theirs));
    assert_eq!(vector.iter().collect::<Vec<_>>(), [(&"a", 3), (&"b", 2), (&"c", 4)]);
}

#[test]
fn merging_keeps_the_own_table_if_the_other_lacks_a_member() {
    let (own, others) = (table(&["d", "a"]), table(&["a", "b"]));
    let mut vector = over(&own, &[("a", 1)]);
    let theirs = over(&others, &[("a", 3), ("b", 4)]);
    vector.merge(&theirs);
    assert!(!vector.shares_slots(&theirs) && vector.members().slot("d").is_some());
    assert_eq!(vector.iter().collect::<Vec<_>>(), [(&"a", 3), (&"b", 4)]);
    assert_eq!(own.len(), 2, "the table that is shared is copied, not extended");
}

#[test]
fn moving_over_to_a_larger_table_crosses_the_inline_limit() {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let large = table(&ids);
    let mut vector = over(&table(&["j", "a"]), &[("j", 7), ("a", 1)]);
    let snapshot = vector.clone();
    vector.merge(&over(&large, &[("i", 5)]));
    assert_eq!(vector.iter().collect::<Vec<_>>(), [(&"a", 1), (&"i", 5), (&"j", 7)]);
    assert_eq!(snapshot.iter().collect::<Vec<_>>(), [(&"a", 1), (&"j", 7)]);
}

#[test]
fn a_slot_of_members_without_a_counter_yet_counts_as_zero() {
    let members = table(&["a", "b"]);
    let mut vector = Named::over(&members);
    let slot = members.slot("b").unwrap();
    assert_eq!((vector.at(slot), vector.is_empty(), vector.len()), (0, true, 0));
    assert_eq!(vector.tick(slot), Ok(1));
    assert_eq!(vector.iter().collect::<Vec<_>>(), [(&"b", 1)]);
}

#[test]
#[should_panic(expected = "another membership")]
fn a_slot_of_another_membership_does_not_tick() {
    let mut vector = Named::over(&table(&["a"]));
    let _ = vector.tick(Slot::at(1));
}

#[test]
fn zeros_and_smaller_entries_of_a_duplicate_vanish() {
    let vector: Named = [("a", 3), ("b", 0), ("a", 2)].into_iter().collect();
    assert_eq!(vector.iter().collect::<Vec<_>>(), [(&"a", 3)]);
}

#[test]
fn a_snapshot_of_shared_lanes_is_the_same_allocation_until_it_is_written() {
    let ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let mut vector = over(&table(&ids), &[("i", 1)]);
    let snapshot = vector.clone();
    assert!(vector.repr.is_same(&snapshot.repr));
    vector.merge(&snapshot);
    assert!(vector.repr.is_same(&snapshot.repr), "nothing new is nothing copied");
    vector.raise_with(&"i", 2, |id| *id);
    assert_eq!((vector.upto("i"), snapshot.upto("i")), (2, 1));
}
