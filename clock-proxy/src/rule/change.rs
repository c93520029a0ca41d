//! One change of the rules, as parsed: names are resolved, flows are expanded.

use std::sync::Arc;

use bytes::Bytes;

use super::{Fault, Guard, Kind, RuleId, Toxic};
use crate::directory::{FlowId, NodeId};
use crate::topology::Upstream;

/// A change and the words it came from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    /// The command as it was written, shown by `show rules`.
    pub(crate) text: String,
}

/// What a new rule takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Of the last partition: there is one at a time.
    Partition,
    /// Of nothing: cuts add up, and so do Toxiproxy's toxics.
    Beside,
    /// Of rules of the same kind with the same connections and the same filter, on these flows.
    SameKind,
}

/// Who keeps a rule's name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Owner {
    #[default]
    Command,
    /// A toxic of the HTTP API, with what that API shows of it.
    Toxic(Arc<Toxic>),
}

/// A rule to be made.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewRule {
    pub(crate) flows: Vec<FlowId>,
    pub(crate) fault: Fault,
    pub(crate) guard: Guard,
    pub(crate) place: Place,
    pub(crate) owner: Owner,
}

/// Which rules are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Cuts,
    Kind(Kind),
    All,
}

/// Something done once, to the connections that exist when the change comes into force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Aborts connections that carry one of these flows.
    Reset { flows: Vec<FlowId>, connection: Option<u64> },
    /// Sends these bytes on these flows, at the next frame boundary.
    Inject { flows: Vec<FlowId>, connection: Option<u64>, bytes: Bytes },
}

impl Action {
    /// The flows whose connections do it.
    pub(crate) fn flows(&self) -> &[FlowId] {
        match self {
            Action::Reset { flows, .. } | Action::Inject { flows, .. } => flows,
        }
    }
}

/// All changes there are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ChangeKind {
    Add(NewRule),
    /// Replaces fault, guard and owner of a rule, which keeps its number and its flows.
    Update {
        rule: RuleId,
        fault: Fault,
        guard: Guard,
        owner: Owner,
    },
    /// Takes these flows, or all, out of the rules that are meant. A rule without flows disappears.
    Lift {
        which: Which,
        flows: Option<Vec<FlowId>>,
    },
    /// Ends these rules.
    Remove(Vec<RuleId>),
    /// Sets where a node is dialled from now on; connections that exist stay.
    Node {
        node: NodeId,
        upstream: Upstream,
    },
    /// Replaces the seed of all decisions to come.
    Seed(u64),
    Act(Action),
    /// Changes that come into force when a lane of this flow has `frame` frames behind it, which stops there until
    /// they are. Happens once.
    OnFrame {
        flow: FlowId,
        /// The ordinal of the connection on its link; any if absent.
        connection: Option<u64>,
        frame: u64,
        changes: Vec<Change>,
    },
}
