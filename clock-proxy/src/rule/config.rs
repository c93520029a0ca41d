//! What every flow has to obey, from one epoch to the next.
//!
//! A change makes a new [`Config`]; the old one is never altered. Everybody who acts on a configuration
//! holds it in an [`Arc`], so "the change is in force everywhere" is the same as "nobody holds the old one
//! any more": each configuration carries a sender that is dropped with it, and the receiver that came with
//! it tells when. No lane has to send an acknowledgement, and none can forget to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::book::Rule;
use super::{Action, CutMode, Fault, RuleBook, Trigger};
use crate::directory::{Directory, FlowId, NodeId};
use crate::topology::Upstream;

/// What one flow has to obey. The order of the faults is fixed, see [`Fault`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// The epoch this is the policy of: a lane that sees a new number looks at the rules again.
    pub(crate) epoch: u64,
    /// Set while the flow is cut for every frame of every connection.
    pub(crate) cut: Option<CutMode>,
    /// All rules on this flow, in the order in which a frame meets them.
    pub(crate) rules: Vec<Arc<Rule>>,
    /// Where lanes of this flow have to stop.
    pub(crate) triggers: Vec<Trigger>,
}

impl Policy {
    /// What these rules mean for one flow.
    pub(crate) fn of(flow: FlowId, rules: &[Arc<Rule>]) -> Self {
        let mut rules: Vec<Arc<Rule>> =
            rules.iter().filter(|rule| rule.flows.contains(&flow)).map(Arc::clone).collect();
        // Where several cuts overlap the newest says how.
        let cut = rules.iter().rev().find_map(|rule| match rule.fault {
            Fault::Cut(mode) if rule.guard.is_total() => Some(mode),
            _ => None,
        });
        rules.sort_by_key(|rule| (rule.fault.kind(), rule.id));
        Self { epoch: 0, cut, rules, triggers: Vec::new() }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.cut.is_none()
    }
}

/// How a link's listener has to treat whoever dials it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Open,
    /// Nobody listens.
    Refuse,
    /// Nobody answers.
    DropSyns,
}

/// The state of all rules at one epoch.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) epoch: u64,
    pub(crate) seed: u64,
    pub(crate) rules: Vec<Arc<Rule>>,
    pub(crate) directory: Arc<Directory>,
    /// What connections have to do once, when they take this configuration.
    pub(crate) actions: Vec<Action>,
    /// Of the flows that something is to happen to. There may be thousands of relays, and few of them have a rule.
    policies: BTreeMap<FlowId, Policy>,
    /// Of all others.
    plain: Policy,
    _in_force: mpsc::Sender<Infallible>,
}

/// Ends (with `None`) when the configuration it came with is held by nobody.
pub(crate) type Retirement = mpsc::Receiver<Infallible>;

impl Config {
    pub(crate) fn new(epoch: u64, book: &RuleBook, actions: Vec<Action>) -> (Arc<Self>, Retirement) {
        // Nothing is ever sent; the channel's closing is the message.
        let (in_force, retirement) = mpsc::channel(1);
        let policy = |(flow, rules): (FlowId, Vec<Arc<Rule>>)| {
            let triggers = book.triggers.iter().filter(|trigger| trigger.flow == flow).cloned().collect();
            (flow, Policy { epoch, triggers, ..Policy::of(flow, &rules) })
        };
        let config = Self {
            epoch,
            seed: book.seed,
            rules: book.rules.clone(),
            directory: Arc::clone(&book.directory),
            actions,
            policies: marked_flows(book).into_iter().map(policy).collect(),
            plain: Policy { epoch, ..Policy::default() },
            _in_force: in_force,
        };
        (Arc::new(config), retirement)
    }

    pub(crate) fn policy(&self, flow: FlowId) -> &Policy {
        self.policies.get(&flow).unwrap_or(&self.plain)
    }

    /// How the listener of the link that is named after this flow has to behave.
    pub(crate) fn door(&self, flow: FlowId) -> Door {
        match self.policy(flow).cut {
            Some(CutMode::Refuse) => Door::Refuse,
            Some(CutMode::SynDrop) => Door::DropSyns,
            Some(CutMode::Hold | CutMode::Stall | CutMode::Drop | CutMode::Reset) | None => Door::Open,
        }
    }

    pub(crate) fn upstream(&self, node: NodeId) -> Option<&Upstream> {
        self.directory.upstream(node)
    }
}

/// The flows with a rule or a trigger, and their rules.
fn marked_flows(book: &RuleBook) -> BTreeMap<FlowId, Vec<Arc<Rule>>> {
    let mut marked: BTreeMap<FlowId, Vec<Arc<Rule>>> = BTreeMap::new();
    for rule in &book.rules {
        for flow in &rule.flows {
            marked.entry(*flow).or_default().push(Arc::clone(rule));
        }
    }
    for trigger in &book.triggers {
        marked.entry(trigger.flow).or_default();
    }
    marked
}
