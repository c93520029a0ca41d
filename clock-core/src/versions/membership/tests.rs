//! Slots, epochs, and the memory of who was retired.

use super::*;
use alloc::string::String;

fn members(ids: &[&'static str]) -> Membership<&'static str> {
    Membership::of(ids.iter().copied()).unwrap()
}

#[test]
fn slots_are_in_order_of_admission_and_found_by_id() {
    let table = members(&["c", "a", "b"]);
    assert_eq!(
        table.iter().map(|(slot, id)| (slot.index(), *id)).collect::<Vec<_>>(),
        [(0, "c"), (1, "a"), (2, "b")]
    );
    assert_eq!(
        table.ascending().map(|(slot, id)| (slot.index(), *id)).collect::<Vec<_>>(),
        [(1, "a"), (2, "b"), (0, "c")]
    );
    for (slot, id) in table.iter() {
        assert_eq!((table.slot(id), table.id(slot)), (Some(slot), Some(id)));
    }
    assert_eq!((table.slot("d"), table.id(Slot::at(3))), (None, None));
    assert_eq!((table.epoch(), table.len(), table.is_empty()), (3, 3, false));
}

#[test]
fn a_stored_table_comes_back_with_its_memory() {
    let table = members(&["c", "a", "b"]);
    let table = table.without(table.slot("a").unwrap());
    let ids = || table.iter().map(|(_, id)| *id);
    let back = Membership::restored(table.epoch(), ids(), table.retired().copied()).unwrap();
    assert_eq!((&back, back.epoch()), (&table, table.epoch()));
    assert!(back.with("a").is_err(), "who was retired stays so over a restart");
    assert_ne!(table, members(&["c", "b"]), "memory is part of what a table is");
    assert!(Membership::restored(1, ["a"], ["a"]).is_err());
}

#[test]
fn of_two_tables_both_sides_choose_the_same() {
    let tables =
        [members(&["a", "b"]), members(&["a", "b"]), members(&["b", "a"]), members(&["a", "b", "c"])];
    for (left, right) in tables.iter().flat_map(|left| tables.iter().map(move |right| (left, right))) {
        let both_move = left.yields_to(right) && right.yields_to(left);
        let both_stay = !left.yields_to(right) && !right.yields_to(left);
        assert!(!both_move && (!both_stay || left.is_same(right)), "{left:?} and {right:?}");
    }
}

#[test]
fn no_table_yields_to_one_that_forgot_who_was_retired() {
    let all = members(&["a", "b", "c"]);
    let rest = all.without(all.slot("c").unwrap());
    assert!(!rest.yields_to(&all) && !rest.yields_to(&members(&["a", "b", "d", "e", "f"])));
    assert!(!all.yields_to(&rest), "that would lose a member");
    assert!(rest.yields_to(&rest.clone().with("d").unwrap()));
}

#[test]
fn a_new_table_leaves_the_old_one_as_it_was() {
    let old = members(&["c", "a"]);
    let new = old.clone().with("b").unwrap();
    assert_eq!((old.len(), old.epoch(), new.len(), new.epoch()), (2, 2, 3, 3));
    assert!(!new.is_same(&old) && old.is_same(&old.clone()));
    for (slot, id) in old.iter() {
        assert_eq!(new.slot(id), Some(slot), "slots are never moved");
    }
}

#[test]
fn a_member_twice_is_refused() {
    let refused = MembershipRefused::AlreadyMember { id: String::from("a") };
    assert_eq!(members(&["a"]).with("a"), Err(refused.clone()));
    assert_eq!(Membership::of(["a", "b", "a"]), Err(refused));
}

#[test]
fn without_a_member_the_others_move_up_in_a_new_epoch() {
    let old = members(&["d", "a", "c", "b"]);
    let new = old.without(Slot::at(1));
    assert_eq!((new.ids(), new.epoch()), (["d", "c", "b"].as_slice(), 5));
    assert_eq!(new.ascending().map(|(_, id)| *id).collect::<Vec<_>>(), ["b", "c", "d"]);
    assert!(new.iter().all(|(slot, id)| new.slot(id) == Some(slot)));
    assert_eq!(old.len(), 4);
}

#[test]
fn who_was_retired_is_remembered_by_all_later_tables() {
    let table = members(&["c", "a", "b"]).without(Slot::at(0)).with("d").unwrap().without(Slot::at(0));
    assert_eq!(table.retired().collect::<Vec<_>>(), [&"a", &"c"]);
    for id in ["a", "c"] {
        assert!(table.is_retired(id));
        assert_eq!(table.clone().with(id), Err(MembershipRefused::Retired { id: String::from(id) }));
    }
    assert!(!table.is_retired("b") && !table.is_retired("d"));
    let empty = members(&["a"]).without(Slot::at(0));
    assert_eq!((empty.len(), empty.epoch(), empty.with("a").is_err()), (0, 2, true));
}

#[test]
fn past_members_count_towards_the_limit() {
    let ids: Vec<u32> = (0..u32::try_from(MEMBERS_MAX).unwrap()).collect();
    let full = Membership::of_ascending(ids, 1);
    let refused = MembershipRefused::Full { limit: MEMBERS_MAX };
    assert_eq!(full.clone().with(u32::MAX), Err(refused.clone()));
    assert_eq!(full.without(Slot::at(7)).with(u32::MAX), Err(refused));
}
