//! A schedule without a lane: what goes in, what comes out, when.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::fault::Place;
use crate::fault::tests::{course, rule};
use crate::journal::{LaneName, Scribe};
use crate::rule::{CutMode, Delay, Fault, Guard, Rule, Spread};

const MS: Duration = Duration::from_millis(1);

fn item(index: u64, start: Instant) -> Item {
    let arrived = start + MS * u32::try_from(index).unwrap();
    Item::new(arrived, Place::Frame(index), 0, index.to_be_bytes().to_vec().into(), true)
}

fn schedule_of(count: u64, start: Instant) -> Schedule {
    let mut schedule = Schedule::default();
    (0..count).for_each(|index| schedule.push(item(index, start)));
    schedule
}

fn decider() -> Decider {
    let name = Arc::new(LaneName::new("a->b", "a->b", 0));
    Decider::new(course().lane, 0, Scribe::new(name), None)
}

/// Puts these rules in force, instead of those before.
fn obey(decider: &mut Decider, rules: Vec<Arc<Rule>>, seed: u64, now: Instant) {
    let policy = Policy { epoch: decider.epoch() + 1, rules, ..Policy::default() };
    assert!(decider.sync(&policy, seed, now));
}

fn under(fault: Fault, seed: u64, now: Instant) -> Decider {
    let mut decider = decider();
    obey(&mut decider, vec![rule(1, fault, Guard::default())], seed, now);
    decider
}

/// Advances until nothing more is due, which takes several calls when there is much to do.
fn settle(schedule: &mut Schedule, now: Instant, decider: &mut Decider, out: &mut Outbox) -> usize {
    let mut items = 0;
    loop {
        let advanced = schedule.advance(now, decider, out);
        decider.scribe.take();
        assert!(advanced.items <= ADVANCE_ITEMS_MAX);
        if advanced.items == 0 {
            return items;
        }
        items += advanced.items;
    }
}

fn order(out: &Outbox) -> Vec<u64> {
    out.chunks().map(|bytes| u64::from_be_bytes(bytes.as_ref().try_into().unwrap())).collect()
}

#[test]
fn jitter_spreads_the_times_and_keeps_the_order() {
    let start = Instant::now();
    let mut decider = under(Fault::Delay(Delay::of(MS * 50, MS * 40)), 7, start);
    let mut schedule = schedule_of(40, start);
    let (mut out, mut steps) = (Outbox::default(), 0);
    schedule.advance(start, &mut decider, &mut out);
    while let Some(due) = schedule.next_deadline(&decider) {
        assert!(due >= start + MS * 10, "nothing is due before its delay");
        schedule.advance(due, &mut decider, &mut out);
        steps += 1;
    }
    assert_eq!(order(&out), (0..40).collect::<Vec<_>>());
    assert!(steps > 3, "jitter made only {steps} different times");
}

/// Disproved by a frame that leaves at another time than its own delay says, or by one that is lost.
#[test]
fn free_frames_overtake_each_other_and_a_new_rule_brings_them_back_in_order() {
    let start = Instant::now();
    let delay = Delay { may_overtake: true, ..Delay::of(MS * 50, MS * 40) };
    let mut decider = under(Fault::Delay(delay), 7, start);
    let mut schedule = schedule_of(0, start);
    (0..40).for_each(|index| schedule.push(Item { arrived: start, ..item(index, start) }));
    let mut out = Outbox::default();
    let mut times = Vec::new();
    schedule.advance(start, &mut decider, &mut out);
    while times.len() < 20 {
        let due = schedule.next_deadline(&decider).unwrap();
        schedule.advance(due, &mut decider, &mut out);
        times.push(due);
    }
    assert!(times.is_sorted() && !order(&out).is_sorted());
    let gone = order(&out);
    obey(&mut decider, Vec::new(), 7, start);
    settle(&mut schedule, start, &mut decider, &mut out);
    let rest = order(&out)[gone.len()..].to_vec();
    assert!(rest.is_sorted(), "{rest:?}");
    let mut all = order(&out);
    all.sort_unstable();
    assert_eq!((all, schedule.cost()), ((0..40).collect::<Vec<_>>(), 0));
}

#[test]
fn a_delay_counts_from_arrival_and_ending_it_sets_everything_free() {
    let start = Instant::now();
    let mut decider = under(Fault::Delay(Delay::of(MS * 50, Duration::ZERO)), 7, start);
    let mut schedule = schedule_of(3, start);
    let mut out = Outbox::default();
    assert_eq!(schedule.advance(start + MS * 51, &mut decider, &mut out).delayed, 3);
    assert_eq!(order(&out), [0, 1]);
    obey(&mut decider, Vec::new(), 7, start);
    schedule.advance(start + MS * 51, &mut decider, &mut out);
    assert_eq!(order(&out), [0, 1, 2]);
    assert_eq!((schedule.bytes(), schedule.frames(), schedule.cost()), (0, 0, 0));
}

#[test]
fn delays_add_up_and_each_frame_is_asked_once_per_rule() {
    let start = Instant::now();
    let (one, two) = (Delay::of(MS * 20, Duration::ZERO), Delay::of(MS * 30, Duration::ZERO));
    let guard = Guard { count: Some(1), ..Guard::default() };
    let rules = vec![rule(1, Fault::Delay(one), guard), rule(2, Fault::Delay(two), Guard::default())];
    let mut decider = decider();
    obey(&mut decider, rules.clone(), 7, start);
    let mut schedule = schedule_of(0, start);
    schedule.push(item(0, start));
    let mut out = Outbox::default();
    schedule.advance(start, &mut decider, &mut out);
    assert_eq!(schedule.next_deadline(&decider), Some(start + MS * 50));
    // Another epoch asks again, and the rule that counts does not count again.
    obey(&mut decider, rules, 7, start);
    schedule.advance(start, &mut decider, &mut out);
    assert_eq!(schedule.next_deadline(&decider), Some(start + MS * 50));
    assert_eq!(decider.scribe.take().len(), 2);
}

#[test]
fn a_wave_delays_by_when_a_frame_arrives() {
    let start = Instant::now();
    let spread = Spread::Sine(MS * 4000);
    let wave = rule(1, Fault::Delay(Delay { spread, ..Delay::of(MS * 20, MS * 20) }), Guard::default());
    let (mut decider, start) = (decider(), wave.since.max(start));
    obey(&mut decider, vec![wave], 7, start);
    let mut schedule = Schedule::default();
    schedule.push(item(1000, start));
    schedule.advance(start, &mut decider, &mut Outbox::default());
    let due = schedule.next_deadline(&decider).unwrap();
    assert!((start + MS * 1039..=start + MS * 1040).contains(&due));
}

fn reordered(seed: u64, chunk: usize) -> (Vec<u64>, u64) {
    let start = Instant::now();
    let reorder = Reorder { gap: 3, max: Duration::from_secs(60) };
    let guard = Guard { probability: 0.3, ..Guard::default() };
    let mut decider = decider();
    obey(&mut decider, vec![rule(1, Fault::Reorder(reorder), guard)], seed, start);
    let mut all: VecDeque<u64> = (0..200).collect();
    let mut schedule = Schedule::default();
    let (mut out, mut count) = (Outbox::default(), 0);
    while !all.is_empty() {
        for index in all.drain(..chunk.min(all.len())).collect::<Vec<_>>() {
            schedule.push(item(index, start));
        }
        count += schedule.advance(start + MS * 1000, &mut decider, &mut out).reordered;
    }
    schedule.push_end(End::Fin, start);
    schedule.advance(start + MS * 61_000, &mut decider, &mut out);
    (order(&out), count)
}

#[test]
fn reordering_permutes_the_same_way_however_the_frames_come_in() {
    let (order, count) = reordered(7, 1);
    for chunk in [2, 7, 200] {
        assert_eq!(reordered(7, chunk), (order.clone(), count));
    }
    assert_ne!(reordered(8, 1).0, order);
    assert_ne!(order, (0..200).collect::<Vec<_>>());
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..200).collect::<Vec<_>>(), "nothing is lost");
    for (place, index) in order.iter().enumerate() {
        let place = u64::try_from(place).unwrap();
        assert!(place <= index + 3, "frame {index} waited for more than three later ones");
    }
}

#[test]
fn a_lone_frame_is_set_free_by_time_or_by_the_end_and_ends_overtake_nothing() {
    let start = Instant::now();
    let reorder = Fault::Reorder(Reorder { gap: 5, max: MS * 100 });
    let mut decider = under(reorder, 1, start);
    let mut schedule = schedule_of(1, start);
    let mut out = Outbox::default();
    schedule.advance(start, &mut decider, &mut out);
    assert_eq!(order(&out), [0; 0]);
    assert_eq!(schedule.next_deadline(&decider), Some(start + MS * 100));
    schedule.advance(start + MS * 100, &mut decider, &mut out);
    assert_eq!(order(&out), [0]);

    let mut schedule = schedule_of(2, start);
    schedule.push_end(End::Fin, start);
    let mut out = Outbox::default();
    schedule.advance(start + MS * 10, &mut decider, &mut out);
    assert_eq!((order(&out), out.due_end()), (vec![0, 1], None));
    assert!(schedule.is_empty());
}

/// Disproved by an end that comes before a copy or a frame aside.
#[test]
fn copies_and_frames_aside_hold_the_end_back() {
    let start = Instant::now();
    let dup = Fault::Duplicate(crate::rule::Duplicate { copies: 1, gap: MS * 30 });
    let mut decider = under(Fault::Cut(CutMode::Hold), 1, start);
    let cut = rule(1, Fault::Cut(CutMode::Hold), Guard::default());
    obey(&mut decider, vec![cut, rule(2, dup, Guard::default())], 1, start);
    let mut schedule = schedule_of(2, start);
    schedule.push_echo(Item { arrived: start + MS * 30, ..item(7, start) });
    schedule.push_aside(item(8, start), RuleId(1));
    schedule.push_aside(item(9, start), RuleId(1));
    schedule.push_end(End::Fin, start);
    let mut out = Outbox::default();
    schedule.advance(start + MS * 20, &mut decider, &mut out);
    assert_eq!((order(&out), schedule.next_deadline(&decider)), (vec![0, 1], Some(start + MS * 30)));
    settle(&mut schedule, start + MS * 40, &mut decider, &mut out);
    assert_eq!((order(&out), schedule.is_empty()), (vec![0, 1, 7], false));
    obey(&mut decider, Vec::new(), 1, start);
    settle(&mut schedule, start + MS * 40, &mut decider, &mut out);
    assert_eq!((order(&out), schedule.is_empty()), (vec![0, 1, 7, 8, 9], true));
}

/// Disproved by more than two handlings of a frame (aside, and out), or by one call that handles them all.
#[test]
fn each_of_many_frames_aside_is_handled_twice_and_in_small_portions() {
    const COUNT: u64 = 30_000;
    let start = Instant::now();
    let far = |gap| Fault::Reorder(Reorder { gap, max: Duration::from_secs(3600) });
    let mut decider = under(far(100_000), 1, start);
    let mut schedule = schedule_of(COUNT, start);
    let (mut out, now, count) = (Outbox::default(), start + MS * 100_000, usize::try_from(COUNT).unwrap());
    assert_eq!(schedule.advance(now, &mut decider, &mut out).items, ADVANCE_ITEMS_MAX);
    decider.scribe.take();
    let rest = settle(&mut schedule, now, &mut decider, &mut out);
    assert_eq!((rest + ADVANCE_ITEMS_MAX, order(&out)), (count, vec![]));
    assert_eq!(schedule.next_deadline(&decider), Some(now + Duration::from_secs(3600)));
    // A smaller gap counts for those that wait already; the last one has not been overtaken by anything.
    obey(&mut decider, vec![rule(2, far(1), Guard::default())], 1, now);
    assert_eq!(settle(&mut schedule, now, &mut decider, &mut out), count - 1);
    obey(&mut decider, Vec::new(), 1, now);
    assert_eq!(settle(&mut schedule, now, &mut decider, &mut out), 1);
    assert_eq!(order(&out), (0..COUNT).collect::<Vec<_>>());
}
