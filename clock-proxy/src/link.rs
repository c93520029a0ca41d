//! One listener and the connections that came in by it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::acceptor::Acceptor;
use crate::crew::Crew;
use crate::directory::{Directory, FlowId, NodeId};
use crate::fault::Course;
use crate::journal::{HandOver, Journal, LaneName};
use crate::lane::{Identity, Lane};
use crate::listener::Stance;
use crate::relay::{Parts, PhaseCell, relay};
use crate::roster::{Entry, Roster, RosterRequest};
use crate::rule::decision::LaneKey;
use crate::rule::{Config, Door, TriggerId};
use crate::topology::{Framing, Settings};

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
        let mut roster = Roster::default();
        let mut next_ordinal = 0;
        let mut config = self.adopt_config();
        loop {
            let has_room = connections.len() < self.shared.settings.conns_max;
            // Every branch is cancel-safe. Stopping comes first, and questions before new work.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                // The acknowledgement: a dial is treated by the new rules before the old ones are let go.
                changed = self.shared.configs.changed() => match changed {
                    Ok(()) => config = self.adopt_config(),
                    Err(_) => break,
                },
                Some(reply) = rosters.recv() => {
                    let link = config.directory.flow_name(self.flow);
                    drop(reply.send(roster.facts(&link)));
                }
                Some(ended) = connections.join_next_with_id() => roster.remove(match ended {
                    Ok((task, ())) => task,
                    Err(error) => {
                        warn!(%error, "a connection's task failed");
                        error.id()
                    }
                }),
                (stream, client) = self.acceptor.accept(), if has_room => {
                    if let Some((entry, parts)) = self.connection(&config, stream, client, next_ordinal) {
                        debug!(conn = parts.name, %client, epoch = config.epoch, "accepted");
                        let task = connections.spawn_on(relay(parts), self.shared.crew.next());
                        roster.add(task.id(), entry);
                    }
                    next_ordinal += 1;
                }
            }
        }
        connections.shutdown().await;
    }

    /// Takes the newest configuration, of which only a cut concerns the listener.
    fn adopt_config(&mut self) -> Arc<Config> {
        let config = Arc::clone(&self.shared.configs.borrow_and_update());
        self.acceptor.take_stance(match config.door(self.flow) {
            Door::Refuse => Stance::Refusing,
            Door::DropSyns => Stance::Silent,
            Door::Open => Stance::Open,
        });
        config
    }

    /// None if the client is gone already.
    fn connection(
        &self,
        config: &Arc<Config>,
        near: TcpStream,
        client: SocketAddr,
        ordinal: u64,
    ) -> Option<(Entry, Parts)> {
        let directory = Arc::clone(&config.directory);
        let name = format!("{}#{ordinal}", directory.flow_name(self.flow));
        // The thread that relays it has events of its own.
        let near = near.set_nodelay(true).and_then(|()| near.into_std());
        let near = near.inspect_err(|error| debug!(conn = name, %error, "gone")).ok()?;
        let phase = Arc::new(PhaseCell::default());
        let entry = Entry { ordinal, client, phase: Arc::clone(&phase) };
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
            config: Arc::clone(config),
            configs: self.shared.configs.clone(),
            phase,
        };
        Some((entry, parts))
    }

    fn lane(&self, directory: &Directory, flow: FlowId, name: Arc<LaneName>) -> Box<Lane> {
        let is_forward = flow == self.flow;
        let lane = LaneKey::new(&name.flow, name.ordinal, is_forward);
        // A flow that has just gone has no ends; its connections are about to be closed.
        let from = directory.ends(flow).map_or(self.to, |(from, _)| from);
        let record = self.shared.journal.record_of(&name);
        let identity = Identity { name, course: Course { lane, flow, from }, record };
        Box::new(Lane::new(identity, self.framing, self.shared.settings, directory.meter(flow)))
    }
}
