//! What the rules mean for a lane as a whole, worked out when they change.

use std::time::Duration;

use super::watch::Watch;
use crate::rule::{CutMode, Fault, ResetAfter, RuleId};

/// How a lane stands. Everything a lane has to know before it looks at a frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The newest cut of the whole lane.
    pub(crate) cut: Option<(RuleId, CutMode)>,
    /// Everything that is read is thrown away.
    pub(crate) swallows: bool,
    /// Some rule looks at every frame, so frames cannot pass in one run.
    pub(crate) looks_at_frames: bool,
    /// Frames may wait here, so there is room for them.
    pub(crate) keeps_frames: bool,
    /// Frames need not leave in the order in which they came.
    pub(crate) may_overtake: bool,
    /// So many bytes are damaged that a large read would be more events than may wait at once.
    pub(crate) damages_often: bool,
    /// How many frames a rule reaches back to.
    pub(crate) reaches_back: usize,
    /// The end of the connection is passed on this much later.
    pub(crate) slow_close: Duration,
}

impl Standing {
    /// What these rules come to. They are in the order in which a frame meets them.
    pub(super) fn of(watches: &[Watch]) -> Self {
        let mut standing = Standing::default();
        for watch in watches.iter().filter(|watch| watch.is_meant) {
            standing.add(watch);
        }
        standing
    }

    fn add(&mut self, watch: &Watch) {
        let rule = &watch.rule;
        match &rule.fault {
            Fault::Cut(mode) if rule.fault.acts_on_connections(&rule.guard) => {
                self.cut = Some((rule.id, *mode));
                self.looks_at_frames = true;
            }
            Fault::BlackHole { .. } => (self.swallows, self.looks_at_frames) = (true, true),
            Fault::Reset(ResetAfter::Time { loses_bytes, .. }) => {
                self.swallows |= loses_bytes;
                self.looks_at_frames |= loses_bytes;
            }
            Fault::Reset(ResetAfter::Frames(_)) | Fault::Drop(_) => self.looks_at_frames = true,
            Fault::Corrupt(corrupt) => {
                self.looks_at_frames = true;
                self.damages_often |= corrupt.damages_often();
            }
            Fault::Replay { back } => {
                self.looks_at_frames = true;
                self.reaches_back = self.reaches_back.max(*back);
            }
            Fault::Delay(delay) => {
                (self.looks_at_frames, self.keeps_frames) = (true, true);
                self.may_overtake |= delay.may_overtake;
            }
            Fault::Cut(_) | Fault::Duplicate(_) | Fault::Reorder(_) => {
                (self.looks_at_frames, self.keeps_frames) = (true, true);
            }
            Fault::SlowClose { delay } => self.slow_close = self.slow_close.saturating_add(*delay),
            Fault::Rate(_) | Fault::Slice(_) | Fault::Limit { .. } | Fault::Noop => {}
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;
    use crate::directory::Directory;
    use crate::fault::gate::Course;
    use crate::rule::decision::LaneKey;
    use crate::rule::{Guard, Owner, Rule};

    pub(crate) fn rule(id: u32, fault: Fault, guard: Guard) -> Arc<Rule> {
        Arc::new(Rule {
            id: RuleId(id),
            flows: std::collections::BTreeSet::new(),
            fault,
            guard,
            owner: Owner::Command,
            text: String::new(),
            is_partition: false,
            since_epoch: 1,
            updates: 0,
            since: Instant::now(),
            pools: Arc::default(),
        })
    }

    /// These faults as rules 1, 2, ... and a lane for them.
    pub(crate) fn rules(faults: &[Fault]) -> (Vec<Arc<Rule>>, Course) {
        let rules = (1..).zip(faults).map(|(id, fault)| rule(id, fault.clone(), Guard::default())).collect();
        (rules, course())
    }

    pub(crate) fn course() -> Course {
        let mut directory = Directory::default();
        let (a, b) = (directory.add_station("a", None), directory.add_station("b", None));
        let flow = directory.flow(a, b).expect("both stations exist");
        Course { lane: LaneKey::new("a->b", 0, true), flow, from: a }
    }
}
