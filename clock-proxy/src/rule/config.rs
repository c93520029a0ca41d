//! What every flow has to obey, from one epoch to the next.
//!
//! A change makes a new [`Config`]; the old one is never altered. Everybody who acts on a configuration
//! holds it in an [`Arc`], so "the change is in force everywhere" is the same as "nobody holds the old one
//! any more": each configuration carries a sender that is dropped with it, and the receiver that came with
//! it tells when. No lane has to send an acknowledgement, and none can forget to.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::book::Rule;
use super::{CutMode, Delay, Reorder, RuleBook, RuleId};
use crate::directory::{Directory, FlowId, NodeId};
use crate::topology::Upstream;

/// What one flow has to obey. The order of the faults is fixed: cut, delay, reorder, write.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Policy {
    /// Set while the flow is cut.
    pub(crate) cut: Option<CutMode>,
    pub(crate) delay: Option<(RuleId, Delay)>,
    pub(crate) reorder: Option<(RuleId, Reorder)>,
    /// All rules on this flow, for `show`.
    pub(crate) rules: Vec<RuleId>,
}

impl Policy {
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
    pub(crate) rules: Vec<Rule>,
    policies: Vec<Policy>,
    upstreams: Vec<Option<Upstream>>,
    _in_force: mpsc::Sender<Infallible>,
}

/// Ends (with `None`) when the configuration it came with is held by nobody.
pub(crate) type Retirement = mpsc::Receiver<Infallible>;

impl Config {
    pub(crate) fn new(epoch: u64, book: &RuleBook, directory: &Directory) -> (Arc<Self>, Retirement) {
        // Nothing is ever sent; the channel's closing is the message.
        let (in_force, retirement) = mpsc::channel(1);
        let config = Self {
            epoch,
            seed: book.seed,
            rules: book.rules.clone(),
            policies: directory.flows().map(|flow| book.policy(flow)).collect(),
            upstreams: book.upstreams.clone(),
            _in_force: in_force,
        };
        (Arc::new(config), retirement)
    }

    pub(crate) fn policy(&self, flow: FlowId) -> &Policy {
        &self.policies[flow.index()]
    }

    pub(crate) fn upstream(&self, node: NodeId) -> Option<&Upstream> {
        self.upstreams[node.index()].as_ref()
    }
}
