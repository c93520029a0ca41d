//! What every flow has to obey, from one epoch to the next.
//!
//! A change makes a new [`Config`]; the old one is never altered. Everybody who acts on a configuration
//! holds it in an [`Arc`], so "the change is in force everywhere" is the same as "nobody holds the old one
//! any more": each configuration carries a sender that is dropped with it, and the receiver that came with
//! it tells when. No lane has to send an acknowledgement, and none can forget to.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use tokio::sync::mpsc;

use super::book::Rule;
use super::{Action, CutMode, Delay, Fault, Reorder, RuleBook, RuleId};
use crate::directory::{Directory, FlowId, NodeId};
use crate::topology::Upstream;

/// What one flow has to obey. The order of the faults is fixed, see [`Fault`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// Set while the flow is cut.
    pub(crate) cut: Option<CutMode>,
    pub(crate) delay: Option<(RuleId, Delay)>,
    pub(crate) reorder: Option<(RuleId, f64, Reorder)>,
    /// All rules on this flow, in the order in which a frame meets them.
    pub(crate) rules: Vec<Arc<Rule>>,
}

impl Policy {
    /// What these rules mean for one flow.
    pub(crate) fn of(flow: FlowId, rules: &[Arc<Rule>]) -> Self {
        let mut policy = Policy::default();
        for rule in rules.iter().filter(|rule| rule.flows.contains(&flow)) {
            policy.rules.push(Arc::clone(rule));
            match &rule.fault {
                // Where several cuts overlap the newest says how.
                Fault::Cut(mode) => policy.cut = Some(*mode),
                Fault::Delay(delay) => policy.delay = Some((rule.id, delay.clone())),
                Fault::Reorder(reorder) => {
                    policy.reorder = Some((rule.id, rule.guard.probability, *reorder));
                }
                _ => {}
            }
        }
        policy.rules.sort_by_key(|rule| (rule.fault.kind(), rule.id));
        policy
    }

    pub(crate) fn is_open(&self) -> bool {
        self.cut.is_none()
    }

    /// Whether frames pass untouched.
    pub(crate) fn is_plain(&self) -> bool {
        self.is_open() && !self.is_shaped()
    }

    /// Whether frames wait in a delay or reorder stage while the flow is open.
    pub(crate) fn is_shaped(&self) -> bool {
        self.delay.is_some() || self.reorder.is_some()
    }
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
    policies: BTreeMap<FlowId, Policy>,
    _in_force: mpsc::Sender<Infallible>,
}

/// Ends (with `None`) when the configuration it came with is held by nobody.
pub(crate) type Retirement = mpsc::Receiver<Infallible>;

/// What a flow obeys that no longer exists, for the moment until its connections are closed.
static NOTHING: LazyLock<Policy> = LazyLock::new(Policy::default);

impl Config {
    pub(crate) fn new(epoch: u64, book: &RuleBook, actions: Vec<Action>) -> (Arc<Self>, Retirement) {
        // Nothing is ever sent; the channel's closing is the message.
        let (in_force, retirement) = mpsc::channel(1);
        let config = Self {
            epoch,
            seed: book.seed,
            rules: book.rules.clone(),
            directory: Arc::clone(&book.directory),
            actions,
            policies: book.directory.flows().map(|flow| (flow, Policy::of(flow, &book.rules))).collect(),
            _in_force: in_force,
        };
        (Arc::new(config), retirement)
    }

    pub(crate) fn policy(&self, flow: FlowId) -> &Policy {
        self.policies.get(&flow).unwrap_or(&NOTHING)
    }

    pub(crate) fn upstream(&self, node: NodeId) -> Option<&Upstream> {
        self.directory.upstream(node)
    }
}
