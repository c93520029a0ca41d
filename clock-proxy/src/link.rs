//! One listener and the connections that came in by it.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use serde::Serialize;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::acceptor::Acceptor;
use crate::crew::Crew;
use crate::directory::{Directory, FlowId, NodeId};
use crate::fault::Course;
use crate::journal::{HandOver, Journal, LaneName};
use crate::lane::{Identity, Lane};
use crate::relay::{Parts, PhaseCell, relay};
use crate::rule::decision::LaneKey;
use crate::rule::{Config, TriggerId};
use crate::topology::{Framing, Settings};

/// Connections of one link at a time. Stations need one; beyond this the kernel's backlog takes over, which
/// is what a server without a limit would come to anyway, with less memory.
const CONNECTIONS_MAX: usize = 1024;

/// What all links share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) crew: Crew,
    pub(crate) configs: watch::Receiver<Arc<Config>>,
    pub(crate) journal: Journal,
    /// Where connections tell of a trigger that a lane has met.
    pub(crate) triggers: mpsc::Sender<TriggerId>,
}

impl Shared {
    /// The names as they are now.
    pub(crate) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.configs.borrow().directory)
    }
}

/// A connection as `show conns` prints it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ConnFacts {
    /// `a->b#3`: the link, and the ordinal on it.
    pub(crate) conn: String,
    pub(crate) client: SocketAddr,
    pub(crate) phase: &'static str,
}

/// Asks a link for its connections.
pub(crate) type RosterRequest = oneshot::Sender<Vec<ConnFacts>>;

struct Entry {
    name: String,
    client: SocketAddr,
    phase: Weak<PhaseCell>,
}

/// What `from` dials to reach `to`.
pub(crate) struct Link {
    pub(crate) to: NodeId,
    pub(crate) flow: FlowId,
    pub(crate) back: FlowId,
    pub(crate) framing: Framing,
    pub(crate) acceptor: Acceptor,
    pub(crate) shared: Shared,
}

impl Link {
    /// Accepts until told to stop; then all its connections are closed.
    pub(crate) async fn run(mut self, mut rosters: mpsc::Receiver<RosterRequest>, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        let mut entries: Vec<Entry> = Vec::new();
        let mut next_ordinal = 0;
        loop {
            let has_room = connections.len() < CONNECTIONS_MAX;
            // Every branch is cancel-safe. Stopping comes first, and questions before new work.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(reply) = rosters.recv() => drop(reply.send(roster(&entries))),
                Some(ended) = connections.join_next() => {
                    if let Err(error) = ended {
                        warn!(%error, "a connection's task failed");
                    }
                    entries.retain(|entry| entry.phase.strong_count() > 0);
                }
                (stream, client) = self.acceptor.accept(), if has_room => {
                    if let Some((entry, parts)) = self.connection(stream, client, next_ordinal) {
                        debug!(conn = entry.name, %client, "accepted");
                        entries.push(entry);
                        connections.spawn_on(relay(parts), self.shared.crew.next());
                    }
                    next_ordinal += 1;
                }
            }
        }
        connections.shutdown().await;
    }

    /// None if the client is gone already.
    fn connection(&self, near: TcpStream, client: SocketAddr, ordinal: u64) -> Option<(Entry, Parts)> {
        let directory = self.shared.directory();
        let name = format!("{}#{ordinal}", directory.flow_name(self.flow));
        // The thread that relays it has events of its own.
        let near = near.set_nodelay(true).and_then(|()| near.into_std());
        let near = near.inspect_err(|error| debug!(conn = name, %error, "gone")).ok()?;
        let phase = Arc::new(PhaseCell::default());
        let entry = Entry { name: name.clone(), client, phase: Arc::downgrade(&phase) };
        let link = directory.flow_name(self.flow);
        let lane_name = |flow| Arc::new(LaneName::new(&directory.flow_name(flow), &link, ordinal));
        let (there, back) = (lane_name(self.flow), lane_name(self.back));
        let hand_over = HandOver::new(self.shared.journal.clone(), [Arc::clone(&there), Arc::clone(&back)]);
        let parts = Parts {
            name,
            ordinal,
            hand_over,
            triggers: self.shared.triggers.clone(),
            near,
            to: self.to,
            forward: (self.flow, self.lane(&directory, self.flow, there)),
            backward: (self.back, self.lane(&directory, self.back, back)),
            configs: self.shared.configs.clone(),
            phase,
        };
        Some((entry, parts))
    }

    fn lane(&self, directory: &Directory, flow: FlowId, name: Arc<LaneName>) -> Lane {
        let is_forward = flow == self.flow;
        let lane = LaneKey::new(&name.flow, name.ordinal, is_forward);
        // A flow that has just gone has no ends; its connections are about to be closed.
        let from = directory.ends(flow).map_or(self.to, |(from, _)| from);
        let record = self.shared.journal.record_of(&name);
        let identity = Identity { name, course: Course { lane, flow, from }, record };
        Lane::new(identity, self.framing, self.shared.settings, directory.meter(flow))
    }
}

fn roster(entries: &[Entry]) -> Vec<ConnFacts> {
    let facts = |entry: &Entry| {
        let phase = entry.phase.upgrade()?.load().name();
        Some(ConnFacts { conn: entry.name.clone(), client: entry.client, phase })
    };
    entries.iter().filter_map(facts).collect()
}
