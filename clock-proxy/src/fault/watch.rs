//! One rule as one lane sees it: whether it is meant, what it has counted, what it remembers.

use std::sync::Arc;

use tokio::time::Instant;

use super::Place;
use super::loss::{LossMemory, is_lost};
use crate::rule::decision::{LaneKey, Purpose, Question};
use crate::rule::{Conns, Fault, FrameView, Rule};

/// Which frame of which lane is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) seed: u64,
    pub(crate) lane: LaneKey,
    pub(crate) place: Place,
    /// 0 for the frame itself.
    pub(crate) copy: u32,
}

impl Asked {
    pub(crate) fn of(self, rule: &Rule) -> Question {
        Question { seed: self.seed, rule: rule.id, lane: self.lane, index: self.place.index(self.copy) }
    }
}

/// A connection, as far as a rule may ask for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) lane: LaneKey,
    pub(crate) ordinal: u64,
    /// The epoch at which it was accepted.
    pub(crate) born: u64,
}

/// A rule on a lane. It counts from when it came into force here.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) rule: Arc<Rule>,
    /// Whether this connection is under the rule, decided once.
    pub(crate) is_meant: bool,
    /// When the rule met the lane.
    pub(crate) met: Instant,
    /// Frames that matched.
    pub(crate) seen: u64,
    chosen: u64,
    losses: LossMemory,
    /// The draw of the last delay.
    pub(crate) draw: Option<f64>,
    /// The offset of the next byte to damage.
    pub(crate) next_damage: Option<u64>,
}

impl Watch {
    pub(crate) fn new(rule: Arc<Rule>, subject: Subject, seed: u64, met: Instant) -> Self {
        let is_meant = is_meant(&rule, subject, seed);
        let (losses, draw, next_damage) = (LossMemory::default(), None, None);
        Self { rule, is_meant, met, seen: 0, chosen: 0, losses, draw, next_damage }
    }

    /// The same rule, perhaps on other flows.
    pub(crate) fn with(self, rule: &Arc<Rule>) -> Self {
        Self { rule: Arc::clone(rule), ..self }
    }

    pub(crate) fn is_of(&self, rule: &Rule) -> bool {
        (self.rule.id, self.rule.since_epoch) == (rule.id, rule.since_epoch)
    }

    /// Whether the rule happens to this frame. To be asked once for each, since it counts.
    pub(crate) fn chooses(&mut self, asked: Asked, view: FrameView<'_>) -> bool {
        if !self.matches(view) {
            return false;
        }
        let guard = &self.rule.guard;
        let is_due = self.seen.checked_sub(guard.after.saturating_add(1));
        if is_due.is_none_or(|number| number % guard.every.max(1) != 0) {
            return false;
        }
        let question = asked.of(&self.rule);
        let happens = if let Fault::Drop(loss) = self.rule.fault {
            is_lost(loss, guard.probability, question, &mut self.losses)
        } else {
            question.happens(guard.probability, Purpose::Choice)
        };
        let is_left = guard.count.is_none_or(|count| self.chosen < count);
        self.chosen += u64::from(happens && is_left);
        happens && is_left
    }

    /// Whether the filter holds; counts the frame if so.
    pub(crate) fn matches(&mut self, view: FrameView<'_>) -> bool {
        let does = self.is_meant && view.meets(&self.rule.guard.filter);
        self.seen += u64::from(does);
        does
    }
}

fn is_meant(rule: &Rule, subject: Subject, seed: u64) -> bool {
    let guard = &rule.guard;
    let is_one = match guard.conns {
        Conns::All => true,
        Conns::New => rule.since_epoch <= subject.born,
        Conns::One(ordinal) => ordinal == subject.ordinal,
    };
    // No frame has this number.
    let index = u64::MAX - rule.updates;
    let question = Question { seed, rule: rule.id, lane: subject.lane, index };
    let probability = if rule.fault.acts_on_connections(guard) { guard.probability } else { 1.0 };
    is_one
        && question.happens(guard.connection_probability, Purpose::Connection)
        && question.happens(probability, Purpose::Choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::standing::tests::rule;
    use crate::rule::{Comparison, Condition, Guard, Loss};

    const LANE: fn(u64) -> LaneKey = |ordinal| LaneKey::new("a->b", ordinal, true);

    fn watch(guard: Guard, ordinal: u64, born: u64) -> Watch {
        let subject = Subject { lane: LANE(ordinal), ordinal, born };
        Watch::new(
            rule(1, Fault::Drop(Loss::Independent { correlation: 0.0 }), guard),
            subject,
            9,
            Instant::now(),
        )
    }

    /// The numbers of the frames it chooses; frame n has the payload [n].
    fn chosen(guard: Guard, frames: u8) -> Vec<u8> {
        let mut watch = watch(guard, 0, 0);
        let choose = |number: &u8| {
            let bytes = [0, 0, 0, 1, *number];
            let place = Place::Frame(u64::from(*number));
            let asked = Asked { seed: 9, lane: LANE(0), place, copy: 0 };
            watch.chooses(asked, FrameView { bytes: &bytes, payload_offset: 4 })
        };
        (0..frames).filter(choose).collect()
    }

    #[test]
    fn a_guard_is_asked_in_its_order() {
        let base = Guard::default;
        assert_eq!(chosen(Guard { after: 3, ..base() }, 6), [3, 4, 5]);
        assert_eq!(chosen(Guard { every: 3, ..base() }, 10), [0, 3, 6, 9]);
        assert_eq!(chosen(Guard { after: 2, every: 3, count: Some(2), ..base() }, 20), [2, 5]);
        let filter = vec![Condition::Byte { offset: 0, comparison: Comparison::AtLeast, value: 10 }];
        assert_eq!(chosen(Guard { filter, after: 1, every: 2, ..base() }, 16), [11, 13, 15]);
        let half = chosen(Guard { probability: 0.5, ..base() }, 200);
        assert_eq!(
            chosen(Guard { probability: 0.5, count: Some(3), ..base() }, 200),
            half[..3],
            "p before count"
        );
        assert_eq!(chosen(Guard { probability: 0.0, ..base() }, 200), [0; 0]);
    }

    #[test]
    fn a_connection_is_under_a_rule_or_not_once_and_for_all() {
        let of = |conns| Guard { conns, ..Guard::default() };
        assert!(watch(of(Conns::One(3)), 3, 0).is_meant && !watch(of(Conns::One(3)), 2, 0).is_meant);
        assert!(watch(of(Conns::New), 0, 1).is_meant && !watch(of(Conns::New), 0, 0).is_meant);
        let some = Guard { connection_probability: 0.3, ..Guard::default() };
        let meant = (0..10_000).filter(|ordinal| watch(some.clone(), *ordinal, 0).is_meant).count() as f64;
        assert!((meant - 3000.0).abs() < 4.0 * (10_000.0_f64 * 0.3 * 0.7).sqrt(), "{meant}");
    }
}
