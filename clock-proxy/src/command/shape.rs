//! From groups of nodes to the flows between them.

use crate::directory::{Directory, FlowId, NodeId};

/// What to do with the nodes a `partition` does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Rest {
    /// They form one group of their own.
    #[default]
    Grouped,
    /// They stay connected to everybody.
    Connected,
}

/// The flows from and to these nodes, and between them.
pub(crate) fn flows_touching(nodes: &[NodeId], directory: &Directory) -> Vec<FlowId> {
    let touches = |flow: &FlowId| {
        directory.ends(*flow).is_some_and(|(from, to)| nodes.contains(&from) || nodes.contains(&to))
    };
    directory.flows().filter(touches).collect()
}

/// The flows between different groups. A node without a group is in the rest: a group of its own, or
/// outside of it all.
pub(crate) fn divided_flows(groups: &[Vec<NodeId>], rest: Rest, directory: &Directory) -> Vec<FlowId> {
    let group = |node: NodeId| groups.iter().position(|group| group.contains(&node));
    let divided = |flow: &FlowId| {
        let Some((from, to)) = directory.ends(*flow) else { return false };
        match (group(from), group(to)) {
            (Some(from), Some(to)) => from != to,
            (None, None) => false,
            (Some(_), None) | (None, Some(_)) => rest == Rest::Grouped,
        }
    };
    directory.flows().filter(divided).collect()
}
