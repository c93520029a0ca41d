//! Names and numbers: which stations exist and which flows run between them.
//!
//! Fixed at start. Everything behind the parser works with ids, so an unknown name is an error of the line
//! that used it and nowhere else.

use std::collections::BTreeMap;

/// The name of the party that dials a raw relay. It stands for everybody outside, so no node may bear it.
pub(crate) const CLIENT: &str = "client";

/// Position of a node in its [`Directory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(usize);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// Position of a flow in its [`Directory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlowId(usize);

impl FlowId {
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

#[derive(Debug)]
struct Node {
    name: String,
    is_station: bool,
}

/// All nodes and flows of one proxy.
///
/// Stations are connected pairwise. The ends of a raw relay are nodes too, but `*` does not mean them.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    nodes: Vec<Node>,
    flows: Vec<(NodeId, NodeId)>,
    flow_ids: BTreeMap<(NodeId, NodeId), FlowId>,
}

impl Directory {
    /// Adds a station and its flows from and to every station before it.
    pub(crate) fn add_station(&mut self, name: &str) -> NodeId {
        let earlier: Vec<NodeId> = self.stations().collect();
        let id = self.add_node(name, true);
        for other in earlier {
            self.add_flow(other, id);
            self.add_flow(id, other);
        }
        id
    }

    /// Adds the upstream of a raw relay, and its flows from and to the outside.
    pub(crate) fn add_raw(&mut self, name: &str) -> (NodeId, NodeId) {
        let client = self.node(CLIENT).unwrap_or_else(|| self.add_node(CLIENT, false));
        let id = self.add_node(name, false);
        self.add_flow(client, id);
        self.add_flow(id, client);
        (client, id)
    }

    fn add_node(&mut self, name: &str, is_station: bool) -> NodeId {
        self.nodes.push(Node { name: name.to_owned(), is_station });
        NodeId(self.nodes.len() - 1)
    }

    fn add_flow(&mut self, from: NodeId, to: NodeId) {
        self.flow_ids.insert((from, to), FlowId(self.flows.len()));
        self.flows.push((from, to));
    }

    pub(crate) fn node(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId)
    }

    pub(crate) fn name(&self, id: NodeId) -> &str {
        &self.nodes[id.0].name
    }

    pub(crate) fn flow(&self, from: NodeId, to: NodeId) -> Option<FlowId> {
        self.flow_ids.get(&(from, to)).copied()
    }

    pub(crate) fn ends(&self, flow: FlowId) -> (NodeId, NodeId) {
        self.flows[flow.0]
    }

    /// `a->b`, as the grammar writes it.
    pub(crate) fn flow_name(&self, flow: FlowId) -> String {
        let (from, to) = self.ends(flow);
        format!("{}->{}", self.name(from), self.name(to))
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// What `*` means: every station, without the ends of raw relays.
    pub(crate) fn stations(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes().filter(|id| self.is_station(*id))
    }

    pub(crate) fn is_station(&self, id: NodeId) -> bool {
        self.nodes[id.0].is_station
    }

    pub(crate) fn flows(&self) -> impl Iterator<Item = FlowId> + use<> {
        (0..self.flows.len()).map(FlowId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stations_are_connected_pairwise_and_raw_relays_only_to_their_client() {
        let mut directory = Directory::default();
        let a = directory.add_station("a");
        let (client, http) = directory.add_raw("http");
        let b = directory.add_station("b");
        assert!(directory.flow(a, b).is_some() && directory.flow(b, a).is_some());
        assert!(directory.flow(client, http).is_some() && directory.flow(http, client).is_some());
        assert_eq!(directory.flow(a, http), None);
        assert_eq!(directory.flow(a, a), None);
        assert_eq!(directory.stations().collect::<Vec<_>>(), vec![a, b]);
        assert_eq!(directory.flow_name(directory.flow(b, a).unwrap()), "b->a");
    }

    #[test]
    fn all_raw_relays_share_one_client() {
        let mut directory = Directory::default();
        assert_eq!(directory.add_raw("x").0, directory.add_raw("y").0);
    }
}
