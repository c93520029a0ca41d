//! One change of the rules, as parsed: names are resolved, flows are expanded.

use super::{CutMode, Delay, Reorder};
use crate::directory::{FlowId, NodeId};
use crate::topology::Upstream;

/// A change and the words it came from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) kind: ChangeKind,
    /// The command as it was written, shown by `show rules`.
    pub(crate) text: String,
}

/// What to do with the nodes a `partition` does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Rest {
    /// They form one group of their own.
    #[default]
    Grouped,
    /// They stay connected to everybody.
    Connected,
}

/// All changes there are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ChangeKind {
    /// Replaces an earlier partition; cuts and isolations stay.
    Partition { groups: Vec<Vec<NodeId>>, rest: Rest, mode: CutMode },
    /// Cuts each of these nodes from every other node, both ways.
    Isolate { nodes: Vec<NodeId>, mode: CutMode },
    /// Cuts these flows.
    Cut { flows: Vec<FlowId>, mode: CutMode },
    /// Ends partitions, isolations and cuts, of these flows or of all.
    Heal { flows: Option<Vec<FlowId>> },
    /// Ends every fault, of these flows or of all.
    Clear { flows: Option<Vec<FlowId>> },
    /// Replaces the delay of these flows; none ends it.
    Delay { flows: Vec<FlowId>, delay: Option<Delay> },
    /// Replaces the reordering of these flows; none ends it.
    Reorder { flows: Vec<FlowId>, reorder: Option<Reorder> },
    /// Sets where a node is dialled from now on; connections that exist stay.
    Node { node: NodeId, upstream: Upstream },
    /// Replaces the seed of all decisions to come.
    Seed(u64),
}
