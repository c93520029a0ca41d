//! Names and numbers: which nodes exist and which flows run between them.
//!
//! Everything behind the parser works with ids, so an unknown name is an error of the line that used it and
//! nowhere else. Ids are never given twice: what is removed stays unknown, and cannot be taken for something new.
//! A directory is changed by its owner alone and handed to everybody else as a snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::meter::FlowMeter;
use crate::topology::Upstream;

/// The name of the party that dials a raw relay. It stands for everybody outside, so no node may bear it.
pub(crate) const CLIENT: &str = "client";

/// Identifies a node in its [`Directory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(u64);

/// Identifies a flow in its [`Directory`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FlowId(u64);

#[derive(Debug, Clone)]
struct Node {
    name: String,
    is_station: bool,
    upstream: Option<Upstream>,
}

#[derive(Debug, Clone)]
struct Flow {
    from: NodeId,
    to: NodeId,
    meter: Arc<FlowMeter>,
}

/// All nodes and flows of one proxy.
///
/// Stations are connected pairwise. The ends of a raw relay are nodes too, but `*` does not mean them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    nodes: BTreeMap<NodeId, Node>,
    flows: BTreeMap<FlowId, Flow>,
    flow_ids: BTreeMap<(NodeId, NodeId), FlowId>,
    names: BTreeMap<String, NodeId>,
    /// Whether the stations, too, speak without frames.
    is_raw: bool,
    last_id: u64,
}

impl Directory {
    /// Says whether stations speak in frames; they do unless told otherwise.
    pub(crate) fn set_framed(&mut self, is_framed: bool) {
        self.is_raw = !is_framed;
    }

    /// Whether the bytes of this flow are frames. Those of a raw relay never are.
    pub(crate) fn is_framed(&self, flow: FlowId) -> bool {
        let stations = |(from, to)| self.is_station(from) && self.is_station(to);
        !self.is_raw && self.ends(flow).is_some_and(stations)
    }

    /// Adds a station and its flows from and to every station before it.
    pub(crate) fn add_station(&mut self, name: &str, upstream: Option<Upstream>) -> NodeId {
        let earlier: Vec<NodeId> = self.stations().collect();
        let id = self.add_node(name, true, upstream);
        for other in earlier {
            self.add_flow(other, id);
            self.add_flow(id, other);
        }
        id
    }

    /// Adds the upstream of a raw relay, and its flows from and to the outside.
    pub(crate) fn add_raw(&mut self, name: &str, upstream: Option<Upstream>) -> (NodeId, NodeId) {
        let client = self.node(CLIENT).unwrap_or_else(|| self.add_node(CLIENT, false, None));
        let id = self.add_node(name, false, upstream);
        self.add_flow(client, id);
        self.add_flow(id, client);
        (client, id)
    }

    /// Removes a node and its flows, and returns these.
    pub(crate) fn remove(&mut self, node: NodeId) -> Vec<FlowId> {
        if let Some(known) = self.nodes.remove(&node) {
            self.names.remove(&known.name);
        }
        let is_its = |flow: &Flow| flow.from == node || flow.to == node;
        let gone: Vec<FlowId> =
            self.flows.iter().filter(|(_, flow)| is_its(flow)).map(|(id, _)| *id).collect();
        self.flows.retain(|_, flow| !is_its(flow));
        self.flow_ids.retain(|(from, to), _| *from != node && *to != node);
        gone
    }

    fn add_node(&mut self, name: &str, is_station: bool, upstream: Option<Upstream>) -> NodeId {
        let id = NodeId(self.next_id());
        self.nodes.insert(id, Node { name: name.to_owned(), is_station, upstream });
        self.names.insert(name.to_owned(), id);
        id
    }

    fn add_flow(&mut self, from: NodeId, to: NodeId) {
        let id = FlowId(self.next_id());
        self.flow_ids.insert((from, to), id);
        self.flows.insert(id, Flow { from, to, meter: Arc::default() });
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Sets where a node is dialled; without an address it refuses.
    pub(crate) fn set_upstream(&mut self, node: NodeId, upstream: Option<Upstream>) {
        if let Some(node) = self.nodes.get_mut(&node) {
            node.upstream = upstream;
        }
    }

    pub(crate) fn upstream(&self, node: NodeId) -> Option<&Upstream> {
        self.nodes.get(&node)?.upstream.as_ref()
    }

    pub(crate) fn node(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    /// The node's name, or a question mark for one that has gone.
    pub(crate) fn name(&self, id: NodeId) -> &str {
        self.nodes.get(&id).map_or("?", |node| &node.name)
    }

    pub(crate) fn flow(&self, from: NodeId, to: NodeId) -> Option<FlowId> {
        self.flow_ids.get(&(from, to)).copied()
    }

    pub(crate) fn has_flow(&self, flow: FlowId) -> bool {
        self.flows.contains_key(&flow)
    }

    pub(crate) fn ends(&self, flow: FlowId) -> Option<(NodeId, NodeId)> {
        self.flows.get(&flow).map(|flow| (flow.from, flow.to))
    }

    /// The flow's counters; of a flow that has gone, some that nobody sees.
    pub(crate) fn meter(&self, flow: FlowId) -> Arc<FlowMeter> {
        self.flows.get(&flow).map(|flow| Arc::clone(&flow.meter)).unwrap_or_default()
    }

    /// `a->b`, as the grammar writes it.
    pub(crate) fn flow_name(&self, flow: FlowId) -> String {
        match self.ends(flow) {
            Some((from, to)) => format!("{}->{}", self.name(from), self.name(to)),
            None => "?->?".to_owned(),
        }
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes.keys().copied()
    }

    /// What `*` means: every station, without the ends of raw relays.
    pub(crate) fn stations(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes().filter(|id| self.is_station(*id))
    }

    pub(crate) fn is_station(&self, id: NodeId) -> bool {
        self.nodes.get(&id).is_some_and(|node| node.is_station)
    }

    pub(crate) fn flows(&self) -> impl Iterator<Item = FlowId> + '_ {
        self.flows.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream() -> Option<Upstream> {
        Some("127.0.0.1:80".parse().unwrap())
    }

    #[test]
    fn stations_are_connected_pairwise_and_raw_relays_only_to_their_client() {
        let mut directory = Directory::default();
        let a = directory.add_station("a", None);
        let (client, http) = directory.add_raw("http", upstream());
        let b = directory.add_station("b", None);
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
        assert_eq!(directory.add_raw("x", upstream()).0, directory.add_raw("y", upstream()).0);
    }

    #[test]
    fn what_is_removed_is_not_taken_for_what_comes_after_it() {
        let mut directory = Directory::default();
        let (client, old) = directory.add_raw("web", upstream());
        let flow = directory.flow(client, old).unwrap();
        assert_eq!(directory.remove(old).len(), 2);
        assert_eq!((directory.node("web"), directory.flow(client, old)), (None, None));
        let (_, new) = directory.add_raw("web", upstream());
        assert!(new != old && !directory.has_flow(flow) && directory.name(old) == "?");
    }
}
