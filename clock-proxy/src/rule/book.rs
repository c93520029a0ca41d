//! The rules in force, as the user gave them, and how a change alters them.
//!
//! A rule is a fault on a set of flows. A new one may take its flows out of earlier rules, see [`Place`]; a rule
//! whose set is empty disappears. A change never fails, since the parser has already resolved everything it names.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Change, ChangeKind, Fault, Guard, Kind, NewRule, Owner, Place, RuleId, Trigger, TriggerId, Which,
};
use crate::directory::{Directory, FlowId};
use crate::fault::Pools;

/// One rule in force.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) flows: BTreeSet<FlowId>,
    pub(crate) fault: Fault,
    pub(crate) guard: Guard,
    pub(crate) owner: Owner,
    /// The command it came from.
    pub(crate) text: String,
    /// Whether it is the one partition there can be.
    pub(crate) is_partition: bool,
    /// The epoch it came into force with.
    pub(crate) since_epoch: u64,
    /// How often it was changed since it was made: each time it is drawn anew which connections it is for.
    pub(crate) updates: u64,
    /// When that was.
    pub(crate) since: Instant,
    /// What its connections share, if it limits a rate.
    pub(crate) pools: Arc<Pools>,
}

impl Rule {
    fn is_meant(&self, which: Which) -> bool {
        match which {
            Which::All => true,
            Which::Cuts => self.fault.kind() == Kind::Cut,
            Which::Kind(kind) => self.fault.kind() == kind,
        }
    }

    fn is_replaced_by(&self, new: &NewRule) -> bool {
        new.place == Place::SameKind
            && self.owner == Owner::Command
            && self.fault.kind() == new.fault.kind()
            && self.guard.conns == new.guard.conns
            && self.guard.filter == new.guard.filter
    }
}

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Verdict {
    /// The rule it made, if it made one.
    pub(crate) rule: Option<RuleId>,
    /// How many flows it put under the rule, or freed from one.
    pub(crate) flows: usize,
}

/// All rules in force, the seed, and the names they use.
#[derive(Debug, Clone)]
pub(crate) struct RuleBook {
    pub(crate) seed: u64,
    pub(crate) rules: Vec<Arc<Rule>>,
    pub(crate) directory: Arc<Directory>,
    /// Changes that wait for a frame.
    pub(crate) triggers: Vec<Trigger>,
    /// The time of the change that is being made, told by whoever makes it.
    pub(crate) now: Instant,
    last_id: u32,
    last_trigger: u64,
}

impl RuleBook {
    pub(crate) fn new(seed: u64, directory: Arc<Directory>) -> Self {
        let (rules, triggers) = (Vec::new(), Vec::new());
        Self { seed, rules, directory, triggers, now: Instant::now(), last_id: 0, last_trigger: 0 }
    }

    /// Carries out one change; `epoch` is the one it comes into force with.
    pub(crate) fn apply(&mut self, change: &Change, epoch: u64) -> Verdict {
        let now = self.now;
        match &change.kind {
            ChangeKind::Add(new) => self.add(new, &change.text, epoch),
            ChangeKind::Update { rule, fault, guard, owner } => self.update(*rule, |known| {
                (known.fault, known.guard, known.owner) = (fault.clone(), guard.clone(), owner.clone());
                (known.since_epoch, known.since, known.pools) = (epoch, now, Arc::default());
                known.updates += 1;
            }),
            ChangeKind::Lift { which, flows } => {
                if *which == Which::All {
                    self.triggers.retain(|known| flows.as_ref().is_some_and(|f| !f.contains(&known.flow)));
                }
                self.lift(flows.as_deref(), |rule| rule.is_meant(*which))
            }
            ChangeKind::Remove(ids) => self.lift(None, |rule| ids.contains(&rule.id)),
            ChangeKind::Node { node, upstream } => {
                Arc::make_mut(&mut self.directory).set_upstream(*node, Some(upstream.clone()));
                Verdict::default()
            }
            ChangeKind::Seed(seed) => {
                self.seed = *seed;
                Verdict::default()
            }
            // Done by the connections, see `Config::actions`.
            ChangeKind::Act(action) => Verdict { rule: None, flows: action.flows().len() },
            ChangeKind::OnFrame { flow, connection, frame, changes } => {
                self.last_trigger += 1;
                let id = TriggerId(self.last_trigger);
                let (flow, connection, frame) = (*flow, *connection, *frame);
                self.triggers.push(Trigger { id, flow, connection, frame, changes: changes.clone().into() });
                Verdict { rule: None, flows: 1 }
            }
        }
    }

    /// The changes of a trigger that a lane has met. None the second time.
    pub(crate) fn take_trigger(&mut self, id: TriggerId) -> Option<Trigger> {
        let at = self.triggers.iter().position(|known| known.id == id)?;
        Some(self.triggers.remove(at))
    }

    /// Forgets flows that no longer exist.
    pub(crate) fn forget(&mut self, flows: &[FlowId]) {
        self.triggers.retain(|known| !flows.contains(&known.flow));
        self.lift(Some(flows), |_| true);
    }

    fn add(&mut self, new: &NewRule, text: &str, epoch: u64) -> Verdict {
        if new.place == Place::Partition {
            self.rules.retain(|rule| !rule.is_partition);
        }
        self.lift(Some(&new.flows), |rule| rule.is_replaced_by(new));
        self.last_id = self.last_id.saturating_add(1);
        let flows: BTreeSet<FlowId> =
            new.flows.iter().copied().filter(|flow| self.directory.has_flow(*flow)).collect();
        let (id, count) = (RuleId(self.last_id), flows.len());
        if count == 0 {
            return Verdict::default();
        }
        self.rules.push(Arc::new(Rule {
            id,
            flows,
            fault: new.fault.clone(),
            guard: new.guard.clone(),
            owner: new.owner.clone(),
            text: text.to_owned(),
            is_partition: new.place == Place::Partition,
            since_epoch: epoch,
            updates: 0,
            since: self.now,
            pools: Arc::default(),
        }));
        Verdict { rule: Some(id), flows: count }
    }

    fn update(&mut self, id: RuleId, change: impl FnOnce(&mut Rule)) -> Verdict {
        let Some(known) = self.rules.iter_mut().find(|rule| rule.id == id) else { return Verdict::default() };
        let mut rule = Rule::clone(known);
        change(&mut rule);
        let flows = rule.flows.len();
        *known = Arc::new(rule);
        Verdict { rule: Some(id), flows }
    }

    /// Takes flows (or all) out of the rules `which` picks, and counts the flows that were under one.
    fn lift(&mut self, flows: Option<&[FlowId]>, which: impl Fn(&Rule) -> bool) -> Verdict {
        let mut freed = BTreeSet::new();
        for rule in self.rules.iter_mut().filter(|rule| which(rule)) {
            let out: Vec<FlowId> = match flows {
                Some(flows) => flows.iter().copied().filter(|flow| rule.flows.contains(flow)).collect(),
                None => rule.flows.iter().copied().collect(),
            };
            if out.is_empty() {
                continue;
            }
            let rule = Arc::make_mut(rule);
            rule.flows.retain(|flow| !out.contains(flow));
            freed.extend(out);
        }
        self.rules.retain(|rule| !rule.flows.is_empty());
        Verdict { rule: None, flows: freed.len() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rule::Policy;

    fn book() -> RuleBook {
        let mut directory = Directory::default();
        for name in ["a", "b", "c", "d"] {
            directory.add_station(name, None);
        }
        RuleBook::new(1, Arc::new(directory))
    }

    fn apply(line: &str, book: &mut RuleBook) -> Verdict {
        let parsed = crate::command::parse(line, 1, &book.directory).unwrap().unwrap();
        let mut verdict = None;
        for command in &parsed.commands {
            let crate::command::Command::Change(change) = command else { panic!("{line} is no change") };
            verdict = Some(book.apply(change, 1));
        }
        verdict.unwrap()
    }

    fn policy(book: &RuleBook, flow: FlowId) -> Policy {
        Policy::of(flow, &book.rules)
    }

    fn closed(book: &RuleBook) -> Vec<String> {
        let is_closed = |flow: &FlowId| policy(book, *flow).cut.is_some();
        let directory = &book.directory;
        let mut names: Vec<String> =
            directory.flows().filter(is_closed).map(|flow| directory.flow_name(flow)).collect();
        names.sort();
        names
    }

    #[test]
    fn unnamed_nodes_form_one_group_of_their_own() {
        let mut book = book();
        assert_eq!(apply("partition a,b", &mut book).flows, 8);
        assert_eq!(
            closed(&book),
            ["a->c", "a->d", "b->c", "b->d", "c->a", "c->b", "d->a", "d->b"].map(String::from)
        );
    }

    #[test]
    fn the_rest_stays_connected_when_asked() {
        let mut book = book();
        apply("partition a | b rest=connected", &mut book);
        assert_eq!(closed(&book), ["a->b", "b->a"].map(String::from));
    }

    #[test]
    fn a_new_partition_replaces_the_old_one_and_leaves_cuts() {
        let mut book = book();
        apply("partition a | b,c,d; cut c->d", &mut book);
        apply("partition a,b,c,d", &mut book);
        assert_eq!(closed(&book), ["c->d"].map(String::from));
    }

    #[test]
    fn heal_of_one_flow_opens_it_under_every_cut() {
        let mut book = book();
        apply("isolate a; cut a->b; partition a | b rest=connected", &mut book);
        assert_eq!(apply("heal a<->b", &mut book).flows, 2);
        assert_eq!(closed(&book), ["a->c", "a->d", "c->a", "d->a"].map(String::from));
    }

    #[test]
    fn heal_keeps_delays_and_clear_does_not() {
        let mut book = book();
        apply("delay a->b 5ms; reorder a->b p=0.5; cut a->b", &mut book);
        apply("heal", &mut book);
        assert_eq!(book.rules.len(), 2);
        apply("clear", &mut book);
        assert!(book.rules.is_empty());
    }

    #[test]
    fn a_later_delay_replaces_the_earlier_one_on_its_flows_only() {
        let mut book = book();
        apply("delay * 5ms", &mut book);
        apply("delay a->b 1s", &mut book);
        let (a, b) = (book.directory.node("a").unwrap(), book.directory.node("b").unwrap());
        let (there, back) = (book.directory.flow(a, b).unwrap(), book.directory.flow(b, a).unwrap());
        let base = |book: &RuleBook, flow| {
            policy(book, flow).rules.iter().find_map(|rule| match &rule.fault {
                Fault::Delay(delay) => Some(delay.base),
                _ => None,
            })
        };
        assert_eq!(base(&book, there), Some(Duration::from_secs(1)));
        assert_eq!(base(&book, back), Some(Duration::from_millis(5)));
        assert_eq!(apply("delay a->b off", &mut book).flows, 1);
        assert_eq!(base(&book, there), None);
    }
}
