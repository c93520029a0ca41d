//! The order and the time in which a lane's frames may go out: delay, then reorder.
//!
//! Frames wait in one line, in the order they came. The head leaves when it is due, and everything behind it
//! waits for it, so jitter spreads the times but keeps the order. Due times are worked out at the head, from
//! the arrival and the rule in force *now*: a rule that ends sets free what it held, and nothing has to be
//! re-sorted. A frame chosen for reordering steps aside until `gap` later frames have come, or its time is up; that
//! too is worked out from the rule in force now. So only the head of the line and the first of those aside are ever
//! looked at, and each frame costs the same however many wait.
//!
//! While a flow is cut nobody calls [`Schedule::advance`], which is all that holding is. No I/O, no clock.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::Instant;

use crate::lane::{End, Outbox};
use crate::rule::decision::{LaneKey, Question};
use crate::rule::{Policy, Reorder};

/// What a waiting item is charged on top of its bytes, so that a flood of empty frames is bounded too:
/// an [`Item`] and its share of a queue's spare room.
const ITEM_OVERHEAD_BYTES: usize = 128;

/// Most items that one [`Schedule::advance`] handles: under a millisecond even in a debug build, so that a lane
/// with a hundred thousand frames to move does not keep its connection from a new rule, nor its worker from the
/// rest. More than fill the 64 slices of a write, so a tenth of it would still do.
pub(crate) const ADVANCE_ITEMS_MAX: usize = 1024;

/// Something on its way through a lane.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) arrived: Instant,
    /// Number of the frame in its lane, from 0.
    pub(crate) index: u64,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Frame(Bytes),
    /// Bytes without a frame. Nothing may overtake them.
    Raw(Bytes),
    /// The last thing the source said. Nothing may overtake it.
    End(End),
}

impl Body {
    fn bytes(&self) -> usize {
        match self {
            Body::Frame(bytes) | Body::Raw(bytes) => bytes.len(),
            Body::End(_) => 0,
        }
    }

    fn frames(&self) -> u64 {
        match self {
            Body::Frame(_) | Body::Raw(_) => 1,
            Body::End(_) => 0,
        }
    }
}

/// The rules as they stand for one lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) seed: u64,
    pub(crate) policy: &'a Policy,
    /// Whether the far end of the lane exists yet.
    pub(crate) is_connected: bool,
}

/// A frame that stepped aside for later ones.
#[derive(Debug)]
struct Parked {
    index: u64,
    body: Body,
    since: Instant,
}

impl Parked {
    fn deadline(&self, reorder: Reorder) -> Instant {
        self.since + reorder.max
    }
}

/// What [`Schedule::advance`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Advanced {
    pub(crate) delayed: u64,
    pub(crate) reordered: u64,
    /// Items handled. [`ADVANCE_ITEMS_MAX`] of them means that there may be more to do at once.
    pub(crate) items: usize,
}

/// What the lane can do next.
enum Step {
    /// The first frame that stepped aside goes out.
    Release,
    /// The head of the line goes out, or steps aside.
    Head,
}

/// The frames of one lane that may not go out yet.
#[derive(Debug)]
pub(crate) struct Schedule {
    lane: LaneKey,
    line: VecDeque<Item>,
    /// In the order of their index, and hence also of `since`. Both bounds of a reorder are counted from these
    /// two, with the rule in force *now*, so the first one is always the first to be set free and nobody else
    /// has to be looked at.
    parked: VecDeque<Parked>,
    /// The last frame that left the line.
    last_index: u64,
    bytes: usize,
    frames: u64,
}

impl Schedule {
    pub(crate) fn new(lane: LaneKey) -> Self {
        let (line, parked) = (VecDeque::new(), VecDeque::new());
        Self { lane, line, parked, last_index: 0, bytes: 0, frames: 0 }
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.bytes += item.body.bytes();
        self.frames += item.body.frames();
        self.line.push_back(item);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty() && self.parked.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes, with what the bookkeeping takes.
    pub(crate) fn cost(&self) -> usize {
        self.bytes + (self.line.len() + self.parked.len()) * ITEM_OVERHEAD_BYTES
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.lane);
    }

    /// Moves to `out` what may go out now, as long as `out` has room, and at most [`ADVANCE_ITEMS_MAX`] items.
    pub(crate) fn advance(&mut self, now: Instant, terms: Terms<'_>, out: &mut Outbox) -> Advanced {
        let mut advanced = Advanced::default();
        while advanced.items < ADVANCE_ITEMS_MAX && out.has_room() {
            match self.next_step(now, terms) {
                Some(Step::Release) => self.release(out),
                Some(Step::Head) => self.move_head(now, terms, out, &mut advanced),
                None => break,
            }
            advanced.items += 1;
        }
        advanced
    }

    /// When [`Schedule::advance`] has something to do again, if time alone can bring that.
    pub(crate) fn next_deadline(&self, terms: Terms<'_>) -> Option<Instant> {
        let parked = self.parked.front().map(|parked| match terms.policy.reorder {
            Some((_, _, reorder)) => parked.deadline(reorder),
            None => parked.since,
        });
        [self.head_due(terms), parked].into_iter().flatten().min()
    }

    fn next_step(&self, now: Instant, terms: Terms<'_>) -> Option<Step> {
        let reorder = terms.policy.reorder.map(|(_, _, reorder)| reorder);
        let parked = self.parked.front();
        let is_overtaken = |parked: &Parked| {
            reorder.is_none_or(|reorder| parked.index.saturating_add(reorder.gap) <= self.last_index)
        };
        if parked.is_some_and(is_overtaken) {
            return Some(Step::Release);
        }
        if self.head_due(terms).is_some_and(|due| due <= now) {
            let may_overtake = self.line.front().is_some_and(|head| matches!(head.body, Body::Frame(_)));
            return Some(if parked.is_some() && !may_overtake { Step::Release } else { Step::Head });
        }
        // After the line: whether a frame was overtaken must not depend on how long the lane was cut.
        let (parked, reorder) = parked.zip(reorder)?;
        (parked.deadline(reorder) <= now).then_some(Step::Release)
    }

    fn head_due(&self, terms: Terms<'_>) -> Option<Instant> {
        let head = self.line.front()?;
        let Some((rule, delay)) = &terms.policy.delay else { return Some(head.arrived) };
        Some(head.arrived + self.question(terms, *rule, head.index).delay(delay))
    }

    fn release(&mut self, out: &mut Outbox) {
        if let Some(parked) = self.parked.pop_front() {
            self.leave(parked.body, out);
        }
    }

    /// Sends the head of the line on, or aside.
    fn move_head(&mut self, now: Instant, terms: Terms<'_>, out: &mut Outbox, advanced: &mut Advanced) {
        let Some(Item { index, body, .. }) = self.line.pop_front() else { return };
        self.last_index = index;
        advanced.delayed += if terms.policy.delay.is_some() { body.frames() } else { 0 };
        let steps_aside = matches!(body, Body::Frame(_))
            && terms
                .policy
                .reorder
                .is_some_and(|(rule, probability, _)| self.question(terms, rule, index).happens(probability));
        if steps_aside {
            advanced.reordered += 1;
            self.parked.push_back(Parked { index, body, since: now });
        } else {
            self.leave(body, out);
        }
    }

    fn leave(&mut self, body: Body, out: &mut Outbox) {
        self.bytes -= body.bytes();
        self.frames -= body.frames();
        match body {
            Body::Frame(bytes) | Body::Raw(bytes) => out.push(bytes, 1),
            Body::End(end) => out.end(end),
        }
    }

    fn question(&self, terms: Terms<'_>, rule: crate::rule::RuleId, index: u64) -> Question {
        Question { seed: terms.seed, rule, lane: self.lane, index }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rule::{Delay, RuleId};

    const MS: Duration = Duration::from_millis(1);

    fn schedule_of(count: u64, start: Instant) -> Schedule {
        let mut schedule = Schedule::new(LaneKey::new("a->b", 0, true));
        for index in 0..count {
            let body = Body::Frame(index.to_be_bytes().to_vec().into());
            schedule.push(Item { arrived: start + MS * u32::try_from(index).unwrap(), index, body });
        }
        schedule
    }

    /// Advances until nothing more is due, which takes several calls when there is much to do.
    fn settle(schedule: &mut Schedule, now: Instant, terms: Terms<'_>, out: &mut Outbox) -> usize {
        let mut items = 0;
        loop {
            let advanced = schedule.advance(now, terms, out);
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

    fn terms(policy: &Policy, seed: u64) -> Terms<'_> {
        Terms { seed, policy, is_connected: true }
    }

    #[test]
    fn jitter_spreads_the_times_and_keeps_the_order() {
        let start = Instant::now();
        let delay = Delay::of(MS * 50, MS * 40);
        let policy = Policy { delay: Some((RuleId(1), delay)), ..Policy::default() };
        let mut schedule = schedule_of(40, start);
        let (mut out, mut steps) = (Outbox::default(), 0);
        while let Some(due) = schedule.next_deadline(terms(&policy, 7)) {
            assert!(due >= start + MS * 10, "nothing is due before its delay");
            schedule.advance(due, terms(&policy, 7), &mut out);
            steps += 1;
        }
        assert_eq!(order(&out), (0..40).collect::<Vec<_>>());
        assert!(steps > 5, "jitter made only {steps} different times");
    }

    #[test]
    fn a_delay_counts_from_arrival_and_ending_it_sets_everything_free() {
        let start = Instant::now();
        let delay = Delay::of(MS * 50, Duration::ZERO);
        let policy = Policy { delay: Some((RuleId(1), delay)), ..Policy::default() };
        let mut schedule = schedule_of(3, start);
        let mut out = Outbox::default();
        schedule.advance(start + MS * 51, terms(&policy, 7), &mut out);
        assert_eq!(order(&out), [0, 1]);
        schedule.advance(start + MS * 51, terms(&Policy::default(), 7), &mut out);
        assert_eq!(order(&out), [0, 1, 2]);
        assert_eq!((schedule.bytes(), schedule.frames(), schedule.cost()), (0, 0, 0));
    }

    fn reordered(seed: u64, chunk: usize) -> (Vec<u64>, u64) {
        let start = Instant::now();
        let reorder = Reorder { gap: 3, max: Duration::from_secs(60) };
        let policy = Policy { reorder: Some((RuleId(1), 0.3, reorder)), ..Policy::default() };
        let mut all = schedule_of(200, start);
        let mut schedule = Schedule::new(all.lane);
        let (mut out, mut count) = (Outbox::default(), 0);
        while !all.line.is_empty() {
            for item in all.line.drain(..chunk.min(all.line.len())).collect::<Vec<_>>() {
                schedule.push(item);
            }
            count += schedule.advance(start + MS * 1000, terms(&policy, seed), &mut out).reordered;
        }
        schedule.push(Item { arrived: start, index: 200, body: Body::End(End::Fin) });
        schedule.advance(start + MS * 1000, terms(&policy, seed), &mut out);
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
    fn a_lone_frame_is_set_free_by_time_and_ends_are_never_overtaken() {
        let start = Instant::now();
        let reorder = Reorder { gap: 5, max: MS * 100 };
        let policy = Policy { reorder: Some((RuleId(1), 1.0, reorder)), ..Policy::default() };
        let mut schedule = schedule_of(1, start);
        let mut out = Outbox::default();
        schedule.advance(start, terms(&policy, 1), &mut out);
        assert_eq!(order(&out), [0; 0]);
        assert_eq!(schedule.next_deadline(terms(&policy, 1)), Some(start + MS * 100));
        schedule.advance(start + MS * 100, terms(&policy, 1), &mut out);
        assert_eq!(order(&out), [0]);

        let mut schedule = schedule_of(2, start);
        schedule.push(Item { arrived: start, index: 2, body: Body::End(End::Fin) });
        let mut out = Outbox::default();
        schedule.advance(start + MS * 10, terms(&policy, 1), &mut out);
        assert_eq!(order(&out), [0, 1]);
        assert!(schedule.is_empty());
    }

    /// Disproved by more than two handlings of a frame (aside, and out), or by one call that handles them all.
    #[test]
    fn each_of_many_frames_aside_is_handled_twice_and_in_small_portions() {
        const COUNT: u64 = 30_000;
        let start = Instant::now();
        let of = |gap| {
            let reorder = Reorder { gap, max: Duration::from_secs(3600) };
            Policy { reorder: Some((RuleId(1), 1.0, reorder)), ..Policy::default() }
        };
        let (far, near) = (of(100_000), of(1));
        let mut schedule = schedule_of(COUNT, start);
        let (mut out, now, count) =
            (Outbox::default(), start + MS * 100_000, usize::try_from(COUNT).unwrap());
        assert_eq!(schedule.advance(now, terms(&far, 1), &mut out).items, ADVANCE_ITEMS_MAX);
        let rest = settle(&mut schedule, now, terms(&far, 1), &mut out);
        assert_eq!((rest + ADVANCE_ITEMS_MAX, order(&out)), (count, vec![]));
        assert_eq!(schedule.next_deadline(terms(&far, 1)), Some(now + Duration::from_secs(3600)));
        // A smaller gap counts for those that wait already; the last one has not been overtaken by anything.
        assert_eq!(settle(&mut schedule, now, terms(&near, 1), &mut out), count - 1);
        assert_eq!(settle(&mut schedule, now, terms(&Policy::default(), 1), &mut out), 1);
        assert_eq!(order(&out), (0..COUNT).collect::<Vec<_>>());
    }
}
