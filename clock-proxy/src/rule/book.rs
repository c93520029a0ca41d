//! The rules in force, as the user gave them, and how a change alters them.
//!
//! A rule is an effect on a set of flows. Delays and reorders are one per flow: a new one takes the flow
//! out of the old rule's set. Cuts add up: a flow is open when no rule cuts it. A rule whose set is empty
//! disappears. A change never fails, since the parser has already resolved everything it names.

use std::collections::BTreeSet;

use super::config::Policy;
use super::{Change, ChangeKind, CutMode, Delay, Reorder, Rest, RuleId};
use crate::directory::{Directory, FlowId, NodeId};
use crate::topology::Upstream;

/// What a rule does to its flows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Effect {
    /// The one partition there can be.
    Partition(CutMode),
    /// An isolation or a plain cut.
    Cut(CutMode),
    Delay(Delay),
    Reorder(Reorder),
}

impl Effect {
    pub(crate) fn cut_mode(&self) -> Option<CutMode> {
        match self {
            Effect::Partition(mode) | Effect::Cut(mode) => Some(*mode),
            Effect::Delay(_) | Effect::Reorder(_) => None,
        }
    }
}

/// One rule in force.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) flows: BTreeSet<FlowId>,
    pub(crate) effect: Effect,
    pub(crate) text: String,
}

/// What a change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The rule it made, if it made one.
    pub(crate) rule: Option<RuleId>,
    /// How many flows it put under the rule, or freed from one.
    pub(crate) flows: usize,
}

/// All rules in force, the seed, and where nodes are dialled.
#[derive(Debug, Clone)]
pub(crate) struct RuleBook {
    pub(crate) seed: u64,
    pub(crate) rules: Vec<Rule>,
    pub(crate) upstreams: Vec<Option<Upstream>>,
    last_id: u32,
}

impl RuleBook {
    pub(crate) fn new(seed: u64, upstreams: Vec<Option<Upstream>>) -> Self {
        Self { seed, rules: Vec::new(), upstreams, last_id: 0 }
    }

    /// Carries out one change.
    pub(crate) fn apply(&mut self, change: &Change, directory: &Directory) -> Verdict {
        let text = &change.text;
        match &change.kind {
            ChangeKind::Partition { groups, rest, mode } => {
                self.rules.retain(|rule| !matches!(rule.effect, Effect::Partition(_)));
                self.add(Effect::Partition(*mode), divided_flows(groups, *rest, directory), text)
            }
            ChangeKind::Isolate { nodes, mode } => {
                self.add(Effect::Cut(*mode), flows_touching(nodes, directory), text)
            }
            ChangeKind::Cut { flows, mode } => self.add(Effect::Cut(*mode), set(flows), text),
            ChangeKind::Heal { flows } => self.remove(flows.as_deref(), |effect| effect.cut_mode().is_some()),
            ChangeKind::Clear { flows } => self.remove(flows.as_deref(), |_| true),
            ChangeKind::Delay { flows, delay } => {
                let freed = self.remove(Some(flows), |effect| matches!(effect, Effect::Delay(_)));
                delay.map_or(freed, |delay| self.add(Effect::Delay(delay), set(flows), text))
            }
            ChangeKind::Reorder { flows, reorder } => {
                let freed = self.remove(Some(flows), |effect| matches!(effect, Effect::Reorder(_)));
                reorder.map_or(freed, |reorder| self.add(Effect::Reorder(reorder), set(flows), text))
            }
            ChangeKind::Node { node, upstream } => {
                self.upstreams[node.index()] = Some(upstream.clone());
                Verdict { rule: None, flows: 0 }
            }
            ChangeKind::Seed(seed) => {
                self.seed = *seed;
                Verdict { rule: None, flows: 0 }
            }
        }
    }

    /// What the rules mean for one flow.
    pub(crate) fn policy(&self, flow: FlowId) -> Policy {
        let mut policy = Policy::default();
        for rule in self.rules.iter().filter(|rule| rule.flows.contains(&flow)) {
            policy.rules.push(rule.id);
            match rule.effect {
                // Where several cuts overlap the newest says how.
                Effect::Partition(mode) | Effect::Cut(mode) => policy.cut = Some(mode),
                Effect::Delay(delay) => policy.delay = Some((rule.id, delay)),
                Effect::Reorder(reorder) => policy.reorder = Some((rule.id, reorder)),
            }
        }
        policy
    }

    fn add(&mut self, effect: Effect, flows: BTreeSet<FlowId>, text: &str) -> Verdict {
        self.last_id = self.last_id.saturating_add(1);
        let (id, count) = (RuleId(self.last_id), flows.len());
        if count == 0 {
            return Verdict { rule: None, flows: 0 };
        }
        self.rules.push(Rule { id, flows, effect, text: text.to_owned() });
        Verdict { rule: Some(id), flows: count }
    }

    /// Takes flows (or all) out of the rules `which` picks, and counts the flows that were under one.
    fn remove(&mut self, flows: Option<&[FlowId]>, which: impl Fn(&Effect) -> bool) -> Verdict {
        let mut freed = BTreeSet::new();
        for rule in self.rules.iter_mut().filter(|rule| which(&rule.effect)) {
            let out: Vec<FlowId> = match flows {
                Some(flows) => flows.iter().copied().filter(|flow| rule.flows.contains(flow)).collect(),
                None => rule.flows.iter().copied().collect(),
            };
            for flow in out {
                rule.flows.remove(&flow);
                freed.insert(flow);
            }
        }
        self.rules.retain(|rule| !rule.flows.is_empty());
        Verdict { rule: None, flows: freed.len() }
    }
}

fn set(flows: &[FlowId]) -> BTreeSet<FlowId> {
    flows.iter().copied().collect()
}

fn flows_touching(nodes: &[NodeId], directory: &Directory) -> BTreeSet<FlowId> {
    let touches = |flow: &FlowId| {
        let (from, to) = directory.ends(*flow);
        nodes.contains(&from) || nodes.contains(&to)
    };
    directory.flows().filter(touches).collect()
}

/// The flows between different groups. A node without a group is in the rest: a group of its own, or
/// outside of it all.
fn divided_flows(groups: &[Vec<NodeId>], rest: Rest, directory: &Directory) -> BTreeSet<FlowId> {
    let group = |node: NodeId| groups.iter().position(|group| group.contains(&node));
    let divided = |flow: &FlowId| {
        let (from, to) = directory.ends(*flow);
        match (group(from), group(to)) {
            (Some(from), Some(to)) => from != to,
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => rest == Rest::Grouped,
        }
    };
    directory.flows().filter(divided).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn world() -> (Directory, RuleBook) {
        let mut directory = Directory::default();
        for name in ["a", "b", "c", "d"] {
            directory.add_station(name);
        }
        let upstreams = directory.nodes().map(|_| None).collect();
        (directory, RuleBook::new(1, upstreams))
    }

    fn apply(line: &str, world: &mut (Directory, RuleBook)) -> Verdict {
        let parsed = crate::command::parse(line, 1, &world.0).unwrap().unwrap();
        let mut verdict = None;
        for command in &parsed.commands {
            let crate::command::Command::Change(change) = command else { panic!("{line} is no change") };
            verdict = Some(world.1.apply(change, &world.0));
        }
        verdict.unwrap()
    }

    fn closed((directory, book): &(Directory, RuleBook)) -> Vec<String> {
        let is_closed = |flow: &FlowId| book.policy(*flow).cut.is_some();
        let mut names: Vec<String> =
            directory.flows().filter(is_closed).map(|flow| directory.flow_name(flow)).collect();
        names.sort();
        names
    }

    #[test]
    fn unnamed_nodes_form_one_group_of_their_own() {
        let mut world = world();
        assert_eq!(apply("partition a,b", &mut world).flows, 8);
        assert_eq!(
            closed(&world),
            ["a->c", "a->d", "b->c", "b->d", "c->a", "c->b", "d->a", "d->b"].map(String::from)
        );
    }

    #[test]
    fn the_rest_stays_connected_when_asked() {
        let mut world = world();
        apply("partition a | b rest=connected", &mut world);
        assert_eq!(closed(&world), ["a->b", "b->a"].map(String::from));
    }

    #[test]
    fn a_new_partition_replaces_the_old_one_and_leaves_cuts() {
        let mut world = world();
        apply("partition a | b,c,d; cut c->d", &mut world);
        apply("partition a,b,c,d", &mut world);
        assert_eq!(closed(&world), ["c->d"].map(String::from));
    }

    #[test]
    fn heal_of_one_flow_opens_it_under_every_cut() {
        let mut world = world();
        apply("isolate a; cut a->b; partition a | b rest=connected", &mut world);
        assert_eq!(apply("heal a<->b", &mut world).flows, 2);
        assert_eq!(closed(&world), ["a->c", "a->d", "c->a", "d->a"].map(String::from));
    }

    #[test]
    fn heal_keeps_delays_and_clear_does_not() {
        let mut world = world();
        apply("delay a->b 5ms; reorder a->b p=0.5; cut a->b", &mut world);
        apply("heal", &mut world);
        assert_eq!(world.1.rules.len(), 2);
        apply("clear", &mut world);
        assert!(world.1.rules.is_empty());
    }

    #[test]
    fn a_later_delay_replaces_the_earlier_one_on_its_flows_only() {
        let mut world = world();
        apply("delay * 5ms", &mut world);
        apply("delay a->b 1s", &mut world);
        let (a, b) = (world.0.node("a").unwrap(), world.0.node("b").unwrap());
        let (there, back) = (world.0.flow(a, b).unwrap(), world.0.flow(b, a).unwrap());
        assert_eq!(world.1.policy(there).delay.unwrap().1.base, Duration::from_secs(1));
        assert_eq!(world.1.policy(back).delay.unwrap().1.base, Duration::from_millis(5));
        assert_eq!(apply("delay a->b off", &mut world).flows, 1);
        assert_eq!(world.1.policy(there).delay, None);
    }
}
