//! Which relays there are, as their users know them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::listen::Listen;
use crate::directory::{Directory, FlowId, NodeId};
use crate::rule::{Owner, Rule, Stream, Toxic};
use crate::topology::{Framing, LinkSpec};

/// One relay: a raw one, or the link of an ordered pair of stations.
#[derive(Debug, Clone)]
pub(crate) struct Relay {
    pub(crate) name: String,
    pub(crate) listen: Listen,
    /// As it was given. It need not be an address that can be dialled.
    pub(crate) upstream: String,
    pub(crate) is_enabled: bool,
    /// Whether it belongs to the stations, and cannot be moved or deleted.
    pub(crate) is_pair: bool,
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    pub(super) framing: Framing,
    pub(crate) up: FlowId,
    pub(crate) down: FlowId,
}

impl Relay {
    pub(crate) fn flow(&self, stream: Stream) -> FlowId {
        match stream {
            Stream::Upstream => self.up,
            Stream::Downstream => self.down,
        }
    }

    pub(super) fn spec(&self, listen: SocketAddr) -> LinkSpec {
        LinkSpec { from: self.from, to: self.to, listen, framing: self.framing }
    }

    /// What it is called and which toxics it has.
    pub(crate) fn facts(self: &Arc<Self>, rules: &[Arc<Rule>]) -> RelayFacts {
        let mut toxics: Vec<_> = toxics(rules).filter(|toxic| toxic.relay == self.name).collect();
        in_order(&mut toxics);
        RelayFacts { relay: Arc::clone(self), toxics }
    }
}

/// A relay with its toxics: those of the upstream first, each stream in the order in which they were made.
#[derive(Debug, Clone)]
pub(crate) struct RelayFacts {
    pub(crate) relay: Arc<Relay>,
    pub(crate) toxics: Vec<Arc<Toxic>>,
}

fn toxics(rules: &[Arc<Rule>]) -> impl Iterator<Item = Arc<Toxic>> {
    rules.iter().filter_map(|rule| match &rule.owner {
        Owner::Toxic(toxic) => Some(Arc::clone(toxic)),
        Owner::Command => None,
    })
}

fn in_order(toxics: &mut [Arc<Toxic>]) {
    toxics.sort_by_key(|toxic| toxic.stream == Stream::Downstream);
}

/// All relays by name, as they are at one moment.
pub(crate) type Relays = BTreeMap<String, Arc<Relay>>;

/// All relays with their toxics.
pub(crate) fn all_facts(relays: &Relays, rules: &[Arc<Rule>]) -> Vec<RelayFacts> {
    let mut by_relay: BTreeMap<String, Vec<Arc<Toxic>>> = BTreeMap::new();
    for toxic in toxics(rules) {
        by_relay.entry(toxic.relay.clone()).or_default().push(toxic);
    }
    let facts = |relay: &Arc<Relay>| {
        let mut toxics = by_relay.remove(&relay.name).unwrap_or_default();
        in_order(&mut toxics);
        RelayFacts { relay: Arc::clone(relay), toxics }
    };
    relays.values().map(facts).collect()
}

/// The relays, owned by the director and seen by all.
pub(crate) struct Registry {
    relays: Relays,
    /// Whether something has changed that nobody has been shown.
    is_news: bool,
    seen: watch::Sender<Arc<Relays>>,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { relays: Relays::new(), is_news: false, seen: watch::Sender::new(Arc::default()) }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Relays>> {
        self.seen.subscribe()
    }

    /// Shows everybody what has changed.
    pub(crate) fn announce(&mut self) {
        if std::mem::take(&mut self.is_news) {
            self.seen.send_replace(Arc::new(self.relays.clone()));
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<&Arc<Relay>> {
        self.relays.get(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Relay>> {
        self.relays.values()
    }

    pub(super) fn raw_count(&self) -> usize {
        self.relays.values().filter(|relay| !relay.is_pair).count()
    }

    pub(super) fn put(&mut self, relay: Relay) {
        self.is_news = true;
        self.relays.insert(relay.name.clone(), Arc::new(relay));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.is_news = true;
        self.relays.remove(name);
    }

    /// A relay of the topology that listens already.
    pub(crate) fn add_open(&mut self, spec: &LinkSpec, listen: SocketAddr, directory: &Directory) {
        let flows = directory.flow(spec.from, spec.to).zip(directory.flow(spec.to, spec.from));
        let Some((up, down)) = flows else { return };
        let is_pair = directory.is_station(spec.to);
        let name = if is_pair { directory.flow_name(up) } else { directory.name(spec.to).to_owned() };
        let upstream = directory.upstream(spec.to).map(ToString::to_string).unwrap_or_default();
        let (from, to, framing) = (spec.from, spec.to, spec.framing);
        let listen = Listen::at(listen);
        self.put(Relay { name, listen, upstream, is_enabled: true, is_pair, from, to, framing, up, down });
    }

    /// A node is dialled elsewhere from now on.
    pub(crate) fn on_upstream_moved(&mut self, node: NodeId, upstream: &str) {
        for relay in self.relays.values_mut().filter(|relay| relay.to == node) {
            upstream.clone_into(&mut Arc::make_mut(relay).upstream);
            self.is_news = true;
        }
        self.announce();
    }
}
