//! Stability against what really happened before what, and retirement: nothing is forgotten that anyone may still ask
//! for.

use clock_core::{
    AckRefused, Dot, MAX_JUMP, Membership, MembershipRefused, Ordering, ReplicaId, RetireRefused, Stability,
    TranslateRefused, Translation, VersionVector,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const MEMBERS: usize = 4;

fn replica(number: usize) -> ReplicaId {
    format!("node-{number}.00000001").parse().expect("a legal replica")
}

fn dot(number: usize, seq: u64) -> Dot {
    Dot { replica: replica(number), seq }
}

/// Counters by number of the replica.
fn vector(counters: &[u64]) -> VersionVector {
    counters.iter().enumerate().map(|(number, counter)| (replica(number), *counter)).collect()
}

fn members(count: usize) -> Membership {
    Membership::of((0..count).map(replica)).expect("all different")
}

fn stability(rows: &[&[u64]]) -> Stability {
    let mut stability = Stability::new(members(rows.len()));
    for (number, row) in rows.iter().enumerate() {
        stability.acknowledge(&replica(number), &vector(row)).expect("a member");
    }
    stability
}

fn names(members: &[&ReplicaId]) -> Vec<String> {
    members.iter().map(|member| member.node.to_string()).collect()
}

/// The definition: column by column, the least that any row says.
fn least_of_columns(rows: &[Vec<u64>]) -> Vec<u64> {
    (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column]).min().unwrap_or(0)).collect()
}

fn acks() -> impl Strategy<Value = Vec<(usize, Vec<u64>)>> {
    prop::collection::vec((0..MEMBERS, prop::collection::vec(0u64..5, MEMBERS)), 0..30)
}

proptest! {
    #[test]
    fn the_frontier_is_the_least_of_each_column_and_never_goes_back(acks in acks()) {
        let mut stability = Stability::new(members(MEMBERS));
        let mut rows = vec![vec![0; MEMBERS]; MEMBERS];
        for (member, held) in acks {
            let before = stability.frontier().clone();
            let has_moved = stability.acknowledge(&replica(member), &vector(&held)).expect("a member");
            rows[member] = rows[member].iter().zip(&held).map(|(row, held)| *row.max(held)).collect();
            prop_assert_eq!(stability.frontier(), &vector(&least_of_columns(&rows)));
            prop_assert_eq!(stability.row(&replica(member)), Some(vector(&rows[member])));
            prop_assert!(stability.frontier().contains(&before));
            prop_assert_eq!(has_moved, *stability.frontier() != before);
            for (number, seq) in (0..MEMBERS).flat_map(|number| (1..6).map(move |seq| (number, seq))) {
                let lacking: Vec<ReplicaId> =
                    (0..MEMBERS).filter(|member| rows[*member][number] < seq).map(replica).collect();
                let held_back: Vec<_> = stability.held_back_by(&dot(number, seq)).into_iter().cloned().collect();
                prop_assert_eq!(stability.is_held_by_all(&dot(number, seq)), lacking.is_empty());
                prop_assert_eq!(held_back, lacking);
            }
        }
    }

    /// Late, repeated, overtaken: the end is the same.
    #[test]
    fn the_order_of_acknowledgements_makes_no_difference(acks in acks(), other in any::<prop::sample::Index>()) {
        let after = |acks: &[(usize, Vec<u64>)]| {
            let mut stability = Stability::new(members(MEMBERS));
            for (member, held) in acks {
                stability.acknowledge(&replica(*member), &vector(held)).expect("a member");
            }
            (stability.frontier().clone(), (0..MEMBERS).map(|n| stability.row(&replica(n))).collect::<Vec<_>>())
        };
        let mut disturbed: Vec<_> = acks.iter().rev().cloned().collect();
        if !acks.is_empty() {
            disturbed.push(acks[other.index(acks.len())].clone());
        }
        prop_assert_eq!(after(&acks), after(&disturbed));
    }

    /// By slots or by ids, the same acknowledgement means the same.
    #[test]
    fn an_acknowledgement_over_the_same_table_counts_the_same(acks in acks()) {
        let (mut by_id, mut by_slot) = (Stability::new(members(MEMBERS)), Stability::new(members(MEMBERS)));
        for (member, held) in acks {
            let mut over_table = VersionVector::over(by_slot.members());
            for (slot, _) in by_slot.members().iter() {
                (0..held[slot.index()]).for_each(|_| _ = over_table.tick(slot).expect("far from the end"));
            }
            let moved = by_id.acknowledge(&replica(member), &vector(&held));
            prop_assert_eq!(by_slot.acknowledge(&replica(member), &over_table), moved);
            prop_assert_eq!(by_slot.frontier(), by_id.frontier());
        }
    }

    /// Would be disproved by a retirement after which two vectors relate otherwise than before.
    #[test]
    fn translated_vectors_relate_as_they_did(
        a in prop::collection::vec(0u64..4, MEMBERS),
        b in prop::collection::vec(0u64..4, MEMBERS),
        gone in 0..MEMBERS,
        last in 0u64..4,
    ) {
        let translation = retired(gone, last);
        let carried = |counters: &[u64]| translation.translate(&vector(counters));
        for (counters, result) in [(&a, carried(&a)), (&b, carried(&b))] {
            let (replica, has) = (replica(gone), counters[gone]);
            let expected = match has.cmp(&last) {
                std::cmp::Ordering::Less => Some(TranslateRefused::BelowFrontier { replica, has, needs: last }),
                std::cmp::Ordering::Equal => None,
                std::cmp::Ordering::Greater => Some(TranslateRefused::AfterRetirement { replica, has, last }),
            };
            prop_assert_eq!(result.err(), expected);
        }
        let with_all = |counters: &[u64]| {
            let mut counters = counters.to_vec();
            counters[gone] = last;
            counters
        };
        let (a, b) = (with_all(&a), with_all(&b));
        let (old_a, old_b) = (vector(&a), vector(&b));
        let (new_a, new_b) = (carried(&a).expect("has all"), carried(&b).expect("has all"));
        prop_assert_eq!(new_a.compare(&new_b), old_a.compare(&old_b));
        prop_assert_eq!(new_a == new_b, old_a == old_b);
        prop_assert_eq!(new_a.contains(&new_b), old_a.contains(&old_b));
        prop_assert_eq!(new_a.upto(&replica(gone)), 0);
        let (mut old_join, mut new_join) = (old_a, new_a);
        old_join.merge(&old_b);
        new_join.merge(&new_b);
        prop_assert_eq!(translation.translate(&old_join), Ok(new_join));
    }

    #[test]
    fn only_who_is_known_by_all_retires_and_the_frontier_stays(
        rows in prop::collection::vec(prop::collection::vec(0u64..3, MEMBERS), MEMBERS),
        gone in 0..MEMBERS,
    ) {
        let borrowed: Vec<&[u64]> = rows.iter().map(Vec::as_slice).collect();
        let mut stability = stability(&borrowed);
        let before = stability.frontier().clone();
        let needs = rows.iter().map(|row| row[gone]).max().unwrap_or(0);
        let lacking: Vec<_> = (0..MEMBERS)
            .filter(|member| *member != gone && rows[*member][gone] < needs)
            .map(|member| (replica(member), rows[member][gone]))
            .collect();
        match stability.retire(&replica(gone)) {
            Err(refused) => {
                prop_assert!(!lacking.is_empty());
                prop_assert_eq!(refused, RetireRefused::StillLacking { replica: replica(gone), needs, lacking });
                prop_assert_eq!(stability.frontier(), &before);
            }
            Ok(retirement) => {
                prop_assert!(lacking.is_empty());
                prop_assert_eq!(retirement.last(), needs);
                prop_assert_eq!(retirement.members().epoch(), MEMBERS as u64 + 1);
                prop_assert_eq!(retirement.members(), stability.members());
                let mut rest = rows.clone();
                rest.remove(gone);
                let mut least = least_of_columns(&rest);
                least[gone] = 0;
                prop_assert_eq!(stability.frontier(), &vector(&least));
                prop_assert!(needs == 0 || stability.is_held_by_all(&dot(gone, needs)));
                prop_assert!(!stability.is_held_by_all(&dot(gone, needs + 1)));
            }
        }
    }
}

/// An event as the number of its replica and its own.
type Event = (usize, u64);

/// Replicas that mint, deliver and acknowledge over channels that lose, repeat and reorder acknowledgements. What
/// happened before what is kept as whole sets of events, apart from anything that is tested.
struct World {
    /// Of each event, all that happened before it.
    pasts: BTreeMap<Event, BTreeSet<Event>>,
    /// At each replica: of whom it holds how many events. Held in order of each replica, in no causal order.
    held: [[u64; MEMBERS]; MEMBERS],
    /// At each replica: all that its next event will have in its past.
    seen: [BTreeSet<Event>; MEMBERS],
    acks: Vec<(usize, VersionVector)>,
    tables: Vec<Stability>,
    /// What was once said to be causally stable.
    stable: [BTreeSet<Event>; MEMBERS],
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Mint { at: usize },
    Deliver { at: usize, of: usize },
    Acknowledge { at: usize },
    Learn { at: usize, ack: prop::sample::Index },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => (0..MEMBERS).prop_map(|at| Step::Mint { at }),
        4 => (0..MEMBERS, 0..MEMBERS).prop_map(|(at, of)| Step::Deliver { at, of }),
        3 => (0..MEMBERS).prop_map(|at| Step::Acknowledge { at }),
        8 => (0..MEMBERS, any::<prop::sample::Index>()).prop_map(|(at, ack)| Step::Learn { at, ack }),
    ];
    prop::collection::vec(step, 0..120)
}

impl World {
    fn new() -> Self {
        Self {
            pasts: BTreeMap::new(),
            held: Default::default(),
            seen: Default::default(),
            acks: Vec::new(),
            tables: vec![Stability::new(members(MEMBERS)); MEMBERS],
            stable: Default::default(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Mint { at } => {
                let event = (at, self.held[at][at] + 1);
                self.pasts.insert(event, self.seen[at].clone());
                self.take(at, event);
            }
            Step::Deliver { at, of } => {
                let event = (of, self.held[at][of] + 1);
                if self.pasts.contains_key(&event) {
                    self.take(at, event);
                }
            }
            Step::Acknowledge { at } => self.acks.push((at, vector(&self.held[at]))),
            Step::Learn { at, ack } if !self.acks.is_empty() => {
                let (of, held) = &self.acks[ack.index(self.acks.len())];
                self.tables[at].acknowledge(&replica(*of), held).expect("a member");
            }
            Step::Learn { .. } => {}
        }
    }

    /// Delivers an event. What was stable must be in its past, as the definition says of all that is delivered later.
    fn take(&mut self, at: usize, event: Event) {
        let past = &self.pasts[&event];
        let stable = &self.stable[at];
        assert!(stable.is_subset(past), "{event:?} came to {at} and is not after all of {stable:?}");
        self.held[at][event.0] = event.1;
        self.seen[at].extend(past.iter().copied().chain([event]));
    }

    /// Asks each replica about each event. All that is already minted and still to come must be after what is stable.
    fn ask(&mut self) {
        let events: Vec<Event> = self.pasts.keys().copied().collect();
        for at in 0..MEMBERS {
            let to_come: Vec<Event> =
                events.iter().copied().filter(|(of, seq)| *seq > self.held[at][*of]).collect();
            for event in &events {
                if !self.is_causally_stable(at, *event) {
                    continue;
                }
                assert!(self.tables[at].is_held_by_all(&dot(event.0, event.1)));
                let beside = to_come.iter().find(|other| !self.pasts[other].contains(event));
                assert_eq!(beside, None, "still to come to {at}, and not after {event:?}");
                self.stable[at].insert(*event);
            }
        }
    }

    fn is_causally_stable(&self, at: usize, event: Event) -> bool {
        self.tables[at].is_causally_stable(&dot(event.0, event.1), &vector(&self.held[at]))
    }

    /// Everything gets everywhere, and all acknowledge it.
    fn settle(&mut self) {
        let minted: [u64; MEMBERS] = std::array::from_fn(|of| self.held[of][of]);
        for (at, of) in (0..MEMBERS).flat_map(|at| (0..MEMBERS).map(move |of| (at, of))) {
            (self.held[at][of]..minted[of]).for_each(|_| self.step(Step::Deliver { at, of }));
        }
        for table in &mut self.tables {
            for (of, held) in self.held.iter().enumerate() {
                table.acknowledge(&replica(of), &vector(held)).expect("a member");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// Would be disproved by one event that arrives, in a run or after it, and is concurrent to what was said to be
    /// stable; and by an event that all hold, all acknowledged and nothing is missing beside, and that is not stable.
    #[test]
    fn nothing_concurrent_to_a_causally_stable_event_arrives(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
            world.ask();
        }
        world.settle();
        world.ask();
        for (at, event) in (0..MEMBERS).flat_map(|at| world.pasts.keys().map(move |event| (at, *event))) {
            prop_assert!(world.stable[at].contains(&event), "{event:?} at {at}");
        }
    }
}

/// b minted before it received, and acknowledged honestly.
#[test]
fn what_all_hold_is_not_stable_while_something_concurrent_is_under_way() {
    let stability = stability(&[&[1, 0, 0], &[1, 1, 0], &[1, 0, 0]]);
    let event = dot(0, 1);
    assert!(stability.is_held_by_all(&event));
    let (without, with) = (vector(&[1, 0, 0]), vector(&[1, 1, 0]));
    assert_eq!(vector(&[1]).compare(&vector(&[0, 1])), Ordering::Concurrent);
    assert!(
        !stability.is_causally_stable(&event, &without),
        "node-1's event has still to come, beside this one"
    );
    assert!(stability.is_causally_stable(&event, &with));
    assert!(!stability.is_causally_stable(&dot(1, 1), &with), "not all hold it");
}

#[test]
fn a_new_member_is_asked_before_anything_is_causally_stable() {
    let mut stability = stability(&[&[2, 2], &[2, 2]]);
    let (event, held) = (dot(0, 2), vector(&[2, 2]));
    assert!(stability.is_causally_stable(&event, &held));
    stability.admit(replica(2)).unwrap();
    assert!(stability.is_held_by_all(&event) && !stability.is_causally_stable(&event, &held));
    stability.acknowledge(&replica(2), &vector(&[2, 2, 1])).unwrap();
    assert!(!stability.is_causally_stable(&event, &held), "an event of the new member has still to come");
    assert!(stability.is_causally_stable(&event, &vector(&[2, 2, 1])));
}

#[test]
fn of_a_retired_replica_all_is_stable_once_nothing_else_is_under_way() {
    let mut stability = stability(&[&[0, 0, 2], &[0, 1, 2], &[0, 0, 2]]);
    stability.retire(&replica(2)).unwrap();
    assert!(
        !stability.is_causally_stable(&dot(2, 2), &vector(&[0, 0, 2])),
        "node-1 may have minted before it"
    );
    assert!(stability.is_causally_stable(&dot(2, 2), &vector(&[0, 1])));
    assert!(!stability.is_causally_stable(&dot(2, 3), &vector(&[0, 1])), "no such event");
}

/// A translation by which `gone` left after `last` events.
fn retired(gone: usize, last: u64) -> Translation {
    let mut stability = Stability::new(members(MEMBERS));
    for member in 0..MEMBERS {
        let held: VersionVector = [(replica(gone), last)].into_iter().collect();
        stability.acknowledge(&replica(member), &held).expect("a member");
    }
    stability.retire(&replica(gone)).expect("all hold all of its events").translation().clone()
}

#[test]
fn who_holds_the_frontier_back_is_named() {
    let stability = stability(&[&[5, 0, 0], &[3, 0, 0], &[4, 0, 0]]);
    assert_eq!(stability.frontier(), &vector(&[3]));
    assert_eq!(names(&stability.held_back_by(&dot(0, 5))), ["node-1", "node-2"]);
    assert_eq!(names(&stability.holding_back(&replica(0))), ["node-1"]);
    assert!(stability.held_back_by(&dot(0, 3)).is_empty());
    assert!(stability.holding_back(&replica(1)).is_empty(), "nobody has an event of it");
}

#[test]
fn there_is_no_event_0() {
    let mut stability = stability(&[&[1, 1, 1], &[1, 1, 1], &[1, 1, 1]]);
    stability.retire(&replica(2)).unwrap();
    for number in [0, 2, 9] {
        let nothing = dot(number, 0);
        assert!(!stability.is_held_by_all(&nothing), "{nothing}");
        assert!(!stability.is_causally_stable(&nothing, &vector(&[1, 1, 1])), "{nothing}");
        assert_eq!(names(&stability.held_back_by(&nothing)), ["node-0", "node-1"], "{nothing}");
    }
}

#[test]
fn a_claim_about_anothers_future_moves_nothing() {
    let mut stability = stability(&[&[2, 0], &[2, 0]]);
    assert_eq!(stability.acknowledge(&replica(1), &vector(&[9, 0])), Ok(false));
    assert_eq!(stability.frontier(), &vector(&[2]));
    assert_eq!(names(&stability.holding_back(&replica(0))), ["node-0"], "the replica itself has not said so");
}

#[test]
fn who_is_no_member_has_no_say() {
    let mut stability = stability(&[&[1, 1], &[1, 1]]);
    let stranger = replica(9);
    let refused = AckRefused::NotAMember { replica: stranger.clone() };
    assert_eq!(stability.acknowledge(&stranger, &vector(&[7, 7])), Err(refused));
    let about_strangers: VersionVector = [(stranger.clone(), 7)].into_iter().collect();
    assert_eq!(stability.acknowledge(&replica(0), &about_strangers), Ok(false));
    assert_eq!(stability.row(&replica(0)), Some(vector(&[1, 1])));
    assert_eq!((stability.row(&stranger), stability.frontier()), (None, &vector(&[1, 1])));
}

#[test]
fn a_new_member_holds_the_frontier_and_does_not_turn_it_back() {
    let mut stability = stability(&[&[2, 2], &[2, 2]]);
    let frontier = stability.frontier().clone();
    stability.admit(replica(2)).unwrap();
    assert_eq!(stability.frontier(), &frontier);
    assert_eq!(stability.members().epoch(), 3);
    for member in [0, 1] {
        assert_eq!(stability.acknowledge(&replica(member), &vector(&[5, 2])), Ok(false));
    }
    assert_eq!(names(&stability.holding_back(&replica(0))), ["node-2"]);
    assert!(stability.is_held_by_all(&dot(0, 2)) && stability.held_back_by(&dot(0, 2)).is_empty());
    assert_eq!(stability.acknowledge(&replica(2), &vector(&[1, 1])), Ok(false), "still behind the frontier");
    assert_eq!(stability.frontier(), &frontier);
    assert_eq!(stability.acknowledge(&replica(2), &vector(&[4, 2])), Ok(true));
    assert_eq!(stability.frontier(), &vector(&[4, 2]));
}

#[test]
fn a_member_whose_events_someone_lacks_does_not_retire() {
    let mut stability = stability(&[&[0, 0, 3], &[0, 0, 1], &[0, 0, 2]]);
    let lacking = vec![(replica(1), 1)];
    let refused = RetireRefused::StillLacking { replica: replica(2), needs: 3, lacking };
    assert_eq!(stability.retire(&replica(2)).unwrap_err(), refused, "what node-0 has, node-1 needs");
    assert_eq!(
        refused.to_string(),
        "node-2.00000001 cannot retire before all members hold its 3 events: node-1.00000001 has 1"
    );
    stability.acknowledge(&replica(1), &vector(&[0, 0, 3])).unwrap();
    let refused = stability.clone().retire_upto(&replica(2), 4).unwrap_err();
    let lacking = vec![(replica(0), 3), (replica(1), 3)];
    assert_eq!(refused, RetireRefused::StillLacking { replica: replica(2), needs: 4, lacking });
    assert_eq!(stability.retire(&replica(2)).unwrap().last(), 3);
}

#[test]
fn a_false_claim_cannot_keep_in_whose_last_event_is_known() {
    let mut stability = stability(&[&[0, 0, 3], &[0, 0, 3], &[0, 0, MAX_JUMP]]);
    let refused = stability.clone().retire(&replica(2)).unwrap_err();
    assert!(matches!(refused, RetireRefused::StillLacking { needs: MAX_JUMP, .. }), "{refused}");
    let refused = RetireRefused::HeldByAll { replica: replica(2), last: 2, held_by_all: 3 };
    assert_eq!(stability.retire_upto(&replica(2), 2).unwrap_err(), refused);
    assert_eq!(refused.to_string(), "node-2.00000001 cannot retire with 2 events: all members hold 3");
    assert_eq!(stability.retire_upto(&replica(2), 3).unwrap().last(), 3);
}

#[test]
fn one_acknowledgement_cannot_claim_what_no_system_mints() {
    let mut stability = stability(&[&[5, 0], &[0, 7]]);
    let (limit, before) = (MAX_JUMP + 7, stability.row(&replica(0)));
    let refused = AckRefused::Jump { replica: replica(1), claimed: limit + 1, limit };
    assert_eq!(stability.acknowledge(&replica(0), &vector(&[6, limit + 1])), Err(refused.clone()));
    assert_eq!(
        refused.to_string(),
        "event 1099511627784 of node-1.00000001 is acknowledged: at most 1099511627783 is accepted"
    );
    assert_eq!(stability.row(&replica(0)), before, "nor was the rest taken");
    assert_eq!(stability.acknowledge(&replica(0), &vector(&[6, limit])), Ok(true));
}

#[test]
fn the_table_of_an_old_system_starts_from_what_its_owner_holds() {
    let old = vector(&[3 * MAX_JUMP, 1]);
    let mut empty = Stability::new(members(2));
    assert!(matches!(empty.acknowledge(&replica(1), &old), Err(AckRefused::Jump { .. })));
    let mut resumed = Stability::resuming(members(2), &replica(0), &old).unwrap();
    assert_eq!(resumed.row(&replica(0)), Some(old.clone()));
    assert_eq!(resumed.acknowledge(&replica(1), &old), Ok(true));
    assert_eq!(resumed.frontier(), &old);
    let refused = AckRefused::NotAMember { replica: replica(9) };
    assert_eq!(Stability::resuming(members(2), &replica(9), &old).unwrap_err(), refused);
}

#[test]
fn who_retired_never_comes_back_but_under_a_new_incarnation() {
    let mut stability = stability(&[&[1, 1], &[1, 1]]);
    let retirement = stability.retire(&replica(1)).unwrap();
    let refused = MembershipRefused::Retired { id: replica(1).to_string() };
    assert_eq!(stability.admit(replica(1)), Err(refused.clone()));
    assert_eq!(retirement.members().clone().with(replica(1)), Err(refused.clone()));
    assert_eq!(retirement.members().retired().collect::<Vec<_>>(), [&replica(1)]);
    let ack = AckRefused::Retired { replica: replica(1) };
    assert_eq!(stability.acknowledge(&replica(1), &vector(&[9, 9])), Err(ack));
    let reborn: ReplicaId = "node-1.00000002".parse().unwrap();
    stability.admit(reborn.clone()).unwrap();
    assert_eq!(stability.members().clone().with(replica(1)), Err(refused), "later tables remember it too");
    assert!(stability.members().slot(&reborn).is_some());
    assert_eq!(stability.retire(&replica(1)).unwrap_err(), RetireRefused::NotAMember { replica: replica(1) });
}

#[test]
fn the_last_member_stays() {
    let mut stability = stability(&[&[0]]);
    assert_eq!(stability.retire(&replica(0)).unwrap_err(), RetireRefused::LastMember { replica: replica(0) });
}

#[test]
fn without_its_slowest_member_the_frontier_moves() {
    let mut stability = stability(&[&[4, 3, 0], &[4, 3, 0], &[1, 1, 0]]);
    assert_eq!(stability.frontier(), &vector(&[1, 1]));
    stability.retire(&replica(2)).unwrap();
    assert_eq!(stability.frontier(), &vector(&[4, 3]));
    // Slots moved up, rows and columns with them.
    assert_eq!(stability.acknowledge(&replica(0), &vector(&[5, 5])), Ok(false));
    assert_eq!(stability.acknowledge(&replica(1), &vector(&[5, 4])), Ok(true));
    assert_eq!(stability.frontier(), &vector(&[5, 4]));
}

#[test]
fn a_retirement_does_not_turn_the_frontier_back_to_a_new_member() {
    let mut stability = stability(&[&[2, 2, 0], &[2, 2, 0], &[2, 2, 0]]);
    stability.admit(replica(3)).unwrap();
    stability.retire(&replica(2)).unwrap();
    assert_eq!(stability.frontier(), &vector(&[2, 2]));
    assert_eq!(stability.row(&replica(3)), Some(VersionVector::new()));
    assert_eq!(stability.acknowledge(&replica(3), &vector(&[2, 2])), Ok(false));
}

/// The reason for all this: dropped too early, an entry makes an old vector appear concurrent to a newer one.
#[test]
fn an_entry_dropped_below_the_frontier_would_change_an_answer() {
    let (old, new) = (vector(&[1, 0, 0, 0]), vector(&[1, 2, 0, 0]));
    assert_eq!(old.compare(&new), Ordering::Before);
    let translation = retired(1, 2);
    let refused = TranslateRefused::BelowFrontier { replica: replica(1), has: 0, needs: 2 };
    assert_eq!(translation.translate(&old), Err(refused));
    assert!(translation.translate(&new).is_ok());
}
