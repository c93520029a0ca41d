//! The four reference stations in memory, with whichever clock a test injects.

use crate::timeline::Timeline;
use clock_core::{
    Clock, ClusterNode, Conflict, Event, EventId, HybridNodeClock, ManualTime, MessageBus, VectorNodeClock,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The reference cluster.
pub const STATIONS: [&str; 4] = ["pacific", "indian_ocean", "atlantic", "antarctic"];

/// Four stations on one bus, stepped by the test.
#[derive(Debug)]
pub struct Stations<C> {
    /// The network between them.
    pub bus: Arc<MessageBus>,
    /// What happened, from all of them.
    pub timeline: Timeline,
    nodes: Vec<ClusterNode<C>>,
}

impl<C: Clock> Stations<C> {
    /// Stations whose clocks `clock_of` makes, given the id.
    pub fn with_clocks(clock_of: impl Fn(&str) -> C) -> Self {
        let bus = Arc::new(MessageBus::new(STATIONS.map(str::to_owned).to_vec()));
        let timeline = Timeline::default();
        let online = |id: &str| {
            ClusterNode::with_clock(id.to_owned(), Arc::clone(&bus), clock_of(id))
                .observed_by(timeline.observer())
        };
        let nodes = STATIONS.iter().map(|id| online(id)).collect();
        timeline.say(format!("nodes online: {}", STATIONS.join(", ")));
        Self { bus, timeline, nodes }
    }

    /// All of them, in the order of [`STATIONS`].
    #[must_use]
    pub fn nodes(&self) -> &[ClusterNode<C>] {
        &self.nodes
    }

    /// Gives the nodes away, for a test that runs them as tasks.
    #[must_use]
    pub fn into_nodes(self) -> Vec<ClusterNode<C>> {
        self.nodes
    }

    /// One of them.
    ///
    /// # Panics
    /// If there is no such station.
    #[must_use]
    pub fn node(&self, id: &str) -> &ClusterNode<C> {
        let found = self.nodes.iter().find(|node| node.id() == id);
        found.expect("tests name stations of the reference cluster")
    }

    /// One of them, to be stepped.
    ///
    /// # Panics
    /// If there is no such station.
    pub fn node_mut(&mut self, id: &str) -> &mut ClusterNode<C> {
        let found = self.nodes.iter_mut().find(|node| node.id() == id);
        found.expect("tests name stations of the reference cluster")
    }

    /// Has a station submit a text.
    pub async fn submit(&mut self, id: &str, text: &str) -> Event {
        self.node_mut(id).submit(text.as_bytes().to_vec()).await
    }

    /// Delivers until nothing is under way; returns how many messages that were. Held ones stay held.
    pub fn settle(&mut self) -> usize {
        let mut total = 0;
        loop {
            let count: usize = self.nodes.iter_mut().map(ClusterNode::deliver_pending).sum();
            if count == 0 {
                return total;
            }
            total += count;
        }
    }

    /// Cuts links, and says so.
    pub fn partition(&self, group_a: &[&str], group_b: &[&str]) {
        self.bus.partition(group_a, group_b);
        self.timeline.say(format!("partition: {} | {}", group_a.join(", "), group_b.join(", ")));
    }

    /// Restores all links, and says so.
    pub fn heal(&self) {
        self.timeline.say(format!("heal: {} held messages released", self.bus.held()));
        self.bus.heal();
    }
}

/// Claims that all nodes hold the same events, have the same open conflicts and refused or lost nothing.
///
/// # Panics
/// If two nodes differ; the message names them and what they hold.
#[track_caller]
pub fn assert_converged<C: Clock>(nodes: &[ClusterNode<C>], event_count: usize) {
    let Some(reference) = nodes.first() else { return };
    for node in nodes {
        let (id, other) = (node.id(), reference.id());
        assert_eq!(node.events().len(), event_count, "events on {id}: {:?}", event_ids(node));
        assert_eq!(event_ids(node), event_ids(reference), "{id} and {other} hold different events");
        assert_eq!(head_ids(node), head_ids(reference), "{id} and {other} have different heads");
        assert_eq!(node.held_back(), 0, "{id} still waits for events");
        assert_eq!(unsurfaced_heads(node), [], "{id} has open conflicts that it did not surface");
    }
}

/// The names of the events a node holds.
pub fn event_ids<C: Clock>(node: &ClusterNode<C>) -> BTreeSet<EventId> {
    node.events().iter().map(Event::id).collect()
}

fn head_ids<C: Clock>(node: &ClusterNode<C>) -> BTreeSet<EventId> {
    node.heads().map(Event::id).collect()
}

fn unsurfaced_heads<C: Clock>(node: &ClusterNode<C>) -> Vec<(EventId, EventId)> {
    let surfaced: BTreeSet<_> = node
        .conflicts()
        .iter()
        .map(Conflict::first)
        .zip(node.conflicts().iter().map(Conflict::second))
        .collect();
    let heads = head_ids(node);
    let pairs = heads.iter().flat_map(|a| heads.iter().filter(move |b| a < b).map(move |b| (a, b)));
    pairs.filter(|pair| !surfaced.contains(pair)).map(|(a, b)| (a.clone(), b.clone())).collect()
}

/// The exact clock.
#[must_use]
pub fn vector_clock(id: &str) -> VectorNodeClock {
    VectorNodeClock::new(id)
}

/// The hybrid clock, each station on a wall clock of its own. Pacific's runs 600 ms ahead, as in incident
/// CN-2604-001.
#[must_use]
pub fn hybrid_clock(id: &str) -> HybridNodeClock<ManualTime> {
    let skew_ms = if id == "pacific" { 600 } else { 0 };
    HybridNodeClock::new(id, ManualTime::starting_at(1_775_000_000_000 + skew_ms))
}
