//! The order and the time in which a lane's frames may go out: aside, copies, delay, reorder.
//!
//! Frames wait in one line, in the order they came. The head leaves when it is due, and everything behind it
//! waits for it, so jitter spreads the times but keeps the order. Due times are worked out at the head, from
//! the arrival and the rules in force *now*: a rule that ends sets free what it held, and nothing has to be
//! re-sorted. Only when a rule lets frames overtake do they leave the line for a heap, where each is due by itself.
//! A frame chosen for reordering steps aside until `gap` later frames have come, or its time is up; that too is worked
//! out from the rule in force now. A copy that comes later, and a frame that a cut has chosen, wait beside the line and
//! join it. So only the first of each kind is ever looked at, and each frame costs the same however many wait.
//!
//! The end of the connection waits until nothing else does. While a flow is cut nobody calls [`Schedule::advance`],
//! which is all that holding is. No I/O, no clock.

mod free;
mod item;

pub(crate) use item::Item;

use std::collections::{BTreeMap, VecDeque};

use tokio::time::Instant;

use crate::fault::Decider;
use crate::lane::{End, Outbox};
use crate::rule::{Policy, Reorder, RuleId};
use free::Free;
use item::{Ending, ITEM_OVERHEAD_BYTES, Parked};

/// Most items that one [`Schedule::advance`] handles: under a millisecond even in a debug build, so that a lane
/// with a hundred thousand frames to move does not keep its connection from a new rule, nor its worker from the
/// rest. More than fill the 64 slices of a write, so a tenth of it would still do.
pub(crate) const ADVANCE_ITEMS_MAX: usize = 1024;

/// The rules as they stand for one lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) seed: u64,
    pub(crate) policy: &'a Policy,
    /// Whether the far end of the lane exists yet.
    pub(crate) is_connected: bool,
}

/// What was read: a frame, or bytes without one.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Frame(bytes::Bytes),
    Raw(bytes::Bytes),
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
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The last frame that could overtake goes back to the line.
    TakeBack,
    /// The last frame that a cut chose, which is over, goes back to the line.
    ComeBack(RuleId),
    /// A copy joins the line.
    Echo,
    /// The first frame that stepped aside goes out.
    Release,
    /// The head of the line goes out, or steps aside.
    Head,
    /// The head of the line goes where it may overtake.
    Loosen,
    /// The first one that is due there goes out, or steps aside.
    Free,
    End,
}

/// The frames of one lane that may not go out yet.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    line: VecDeque<Item>,
    free: Free,
    /// Copies that come later, by when, and by their number so that none is lost.
    echoes: BTreeMap<(Instant, u64), Item>,
    next_echo: u64,
    /// Frames that wait for the end of a cut that chose them.
    aside: BTreeMap<RuleId, VecDeque<Item>>,
    aside_len: usize,
    /// In the order in which they stepped aside. Both bounds of a reorder are counted from there, with the rule in
    /// force *now*, so the first one is always the first to be set free and nobody else has to be looked at.
    parked: VecDeque<Parked>,
    ends: VecDeque<Ending>,
    /// How many have left the line.
    left: u64,
    /// The epoch of the rules that were asked last.
    epoch: u64,
    bytes: usize,
    frames: u64,
}

impl Schedule {
    pub(crate) fn push(&mut self, item: Item) {
        self.count(&item);
        self.line.push_back(item);
    }

    /// A copy that sets out when it arrives, which is later.
    pub(crate) fn push_echo(&mut self, item: Item) {
        self.count(&item);
        self.echoes.insert((item.arrived, self.next_echo), item);
        self.next_echo += 1;
    }

    /// A frame that waits for the end of a rule.
    pub(crate) fn push_aside(&mut self, item: Item, rule: RuleId) {
        self.count(&item);
        self.aside_len += 1;
        self.aside.entry(rule).or_default().push_back(item);
    }

    pub(crate) fn push_end(&mut self, end: End, arrived: Instant) {
        self.ends.push_back(Ending { arrived, end });
    }

    fn count(&mut self, item: &Item) {
        self.bytes += item.bytes.len();
        self.frames += 1;
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.is_waited_for() && self.parked.is_empty() && self.ends.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes, with what the bookkeeping takes.
    pub(crate) fn cost(&self) -> usize {
        let items =
            self.line.len() + self.free.len() + self.echoes.len() + self.aside_len + self.parked.len();
        self.bytes + items * ITEM_OVERHEAD_BYTES
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Moves to `out` what may go out now, as long as `out` has room, and at most [`ADVANCE_ITEMS_MAX`] items.
    pub(crate) fn advance(&mut self, now: Instant, decider: &mut Decider, out: &mut Outbox) -> Advanced {
        let mut advanced = Advanced::default();
        if self.epoch != decider.epoch() {
            self.epoch = decider.epoch();
            self.free.unwind();
            // The first one may have been asked under the old rules.
            self.line.front_mut().into_iter().for_each(|head| head.due = None);
        }
        while advanced.items < ADVANCE_ITEMS_MAX && out.has_room() && !decider.scribe.is_full() {
            let Some(step) = self.next_step(now, decider, &mut advanced) else { break };
            self.carry_out(step, now, decider, out, &mut advanced);
            advanced.items += 1;
        }
        advanced
    }

    /// When [`Schedule::advance`] has something to do again, if time alone can bring that. Only right behind it.
    pub(crate) fn next_deadline(&self, decider: &Decider) -> Option<Instant> {
        let head = self.line.front().filter(|head| !self.must_wait(head));
        let head = head.map(|head| head.due.unwrap_or(head.arrived));
        let echo = self.echoes.first_key_value().map(|((due, _), _)| *due);
        let parked = self.parked.front().map(|parked| match decider.reorder() {
            Some(reorder) => parked.since + reorder.max,
            None => parked.since,
        });
        [head, self.free.next_due(), echo, parked, self.end_due(decider)].into_iter().flatten().min()
    }

    /// Whether there are frames that the end may not overtake, not counting those that stepped aside.
    fn is_waited_for(&self) -> bool {
        let is_beside = self.free.len() > 0 || !self.echoes.is_empty() || !self.aside.is_empty();
        is_beside || !self.line.is_empty()
    }

    fn next_step(&mut self, now: Instant, decider: &mut Decider, advanced: &mut Advanced) -> Option<Step> {
        if self.free.is_unwinding() {
            return Some(Step::TakeBack);
        }
        if let Some(rule) = self.aside.keys().find(|rule| !decider.is_in_force(**rule)) {
            return Some(Step::ComeBack(*rule));
        }
        let first_echo = self.echoes.first_key_value();
        if first_echo.is_some_and(|((due, _), _)| *due <= now || !decider.duplicates()) {
            return Some(Step::Echo);
        }
        let reorder = decider.reorder();
        if self.is_overtaken(reorder) {
            return Some(Step::Release);
        }
        if self.free.next_due().is_some_and(|due| due <= now) {
            return Some(Step::Free);
        }
        if let Some(step) = self.head_step(now, decider, advanced) {
            return Some(step);
        }
        // After the line: whether a frame was overtaken must not depend on how long the lane was cut.
        let is_end_due = self.end_due(decider).is_some_and(|due| due <= now);
        match self.parked.front().zip(reorder) {
            // Nothing will come that could overtake them.
            Some(_) if is_end_due => Some(Step::Release),
            Some((parked, reorder)) => (parked.since + reorder.max <= now).then_some(Step::Release),
            None => is_end_due.then_some(Step::End),
        }
    }

    /// When the end may go, if all that it may not overtake has gone, or has stepped aside for what will not come.
    fn end_due(&self, decider: &Decider) -> Option<Instant> {
        let ending = self.ends.front().filter(|_| !self.is_waited_for())?;
        Some(ending.arrived + decider.end_delay(ending.arrived))
    }

    fn is_overtaken(&self, reorder: Option<Reorder>) -> bool {
        self.parked.front().is_some_and(|parked| {
            reorder.is_none_or(|reorder| parked.at.saturating_add(reorder.gap) <= self.left)
        })
    }

    fn head_step(&mut self, now: Instant, decider: &mut Decider, advanced: &mut Advanced) -> Option<Step> {
        let may_overtake = decider.standing().may_overtake;
        let head = self.line.front_mut()?;
        let due = match head.due {
            Some(due) => due,
            None => {
                let mut delays = std::mem::take(&mut head.delays);
                let is_new = delays.is_empty();
                let by = decider.delay(head.spot(), &mut delays, now);
                advanced.delayed += u64::from(is_new && !by.is_zero());
                head.delays = delays;
                let due = head.arrived + by;
                head.due = Some(due);
                due
            }
        };
        if head.is_frame && may_overtake {
            return Some(Step::Loosen);
        }
        if due > now {
            return None;
        }
        // Nothing may overtake bytes without a frame, nor may they overtake anything.
        let head = self.line.front()?;
        if !head.is_frame && !self.parked.is_empty() {
            return Some(Step::Release);
        }
        (!self.must_wait(head)).then_some(Step::Head)
    }

    /// Whether an item waits for frames that are not in the line.
    fn must_wait(&self, item: &Item) -> bool {
        let is_beside = self.free.len() > 0 || !self.echoes.is_empty() || !self.aside.is_empty();
        !item.is_frame && is_beside
    }

    fn carry_out(
        &mut self,
        step: Step,
        now: Instant,
        decider: &mut Decider,
        out: &mut Outbox,
        advanced: &mut Advanced,
    ) {
        match step {
            Step::TakeBack => {
                if let Some(item) = self.free.take_back() {
                    self.return_to_line(item);
                }
            }
            Step::ComeBack(rule) => self.come_back(rule),
            Step::Echo => {
                if let Some((_, item)) = self.echoes.pop_first() {
                    // One that comes before its time sets out now.
                    self.line.push_back(Item { arrived: item.arrived.min(now), ..item });
                }
            }
            Step::Release => {
                if let Some(parked) = self.parked.pop_front() {
                    self.leave(parked.bytes, out);
                }
            }
            Step::Loosen => {
                if let Some(item) = self.line.pop_front() {
                    let due = item.due.unwrap_or(item.arrived);
                    self.free.push(item, due);
                }
            }
            Step::Head => {
                let item = self.line.pop_front();
                self.pass(item, now, decider, out, advanced);
            }
            Step::Free => {
                let item = self.free.pop();
                self.pass(item, now, decider, out, advanced);
            }
            Step::End => {
                if let Some(ending) = self.ends.pop_front() {
                    out.end(ending.end);
                }
            }
        }
    }

    /// Both it and what was at the head are asked again in their turn, by the rules of that time.
    fn return_to_line(&mut self, item: Item) {
        self.line.front_mut().into_iter().for_each(|head| head.due = None);
        self.line.push_front(Item { due: None, ..item });
    }

    fn come_back(&mut self, rule: RuleId) {
        let Some(queue) = self.aside.get_mut(&rule) else { return };
        let last = queue.pop_back();
        if queue.is_empty() {
            self.aside.remove(&rule);
        }
        if let Some(item) = last {
            self.aside_len -= 1;
            self.return_to_line(item);
        }
    }

    /// Sends a frame on, or aside.
    fn pass(
        &mut self,
        item: Option<Item>,
        now: Instant,
        decider: &mut Decider,
        out: &mut Outbox,
        advanced: &mut Advanced,
    ) {
        let Some(item) = item else { return };
        self.left += 1;
        if item.is_frame && decider.reorders(item.spot(), now) {
            advanced.reordered += 1;
            self.parked.push_back(Parked { bytes: item.bytes, since: now, at: self.left });
        } else {
            self.leave(item.bytes, out);
        }
    }

    fn leave(&mut self, bytes: bytes::Bytes, out: &mut Outbox) {
        self.bytes -= bytes.len();
        self.frames -= 1;
        out.push(bytes, 1);
    }
}

#[cfg(test)]
mod tests;
