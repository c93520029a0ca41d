//! The links that run: each started and stopped by itself, while all others go on.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::acceptor::Acceptor;
use crate::directory::FlowId;
use crate::link::{Link, Shared};
use crate::listener::Listener;
use crate::proxy::StartError;
use crate::roster::RosterRequest;
use crate::topology::{Framing, LinkSpec};

/// Questions that may wait for a link. Each comes from a session that waits for its answer.
const ROSTERS_MAX: usize = 16;

/// A listener as the control plane sees it.
#[derive(Debug, Clone)]
pub(crate) struct LinkFace {
    pub(crate) flow: FlowId,
    pub(crate) listen: SocketAddr,
    pub(crate) framing: Framing,
    pub(crate) rosters: mpsc::Sender<RosterRequest>,
}

/// A listener that is open already, and whose connections nobody takes yet.
pub(crate) struct Bound {
    listener: Listener,
    pub(crate) listen: SocketAddr,
}

impl Bound {
    /// Opens a listener.
    ///
    /// # Errors
    /// The address is taken or not ours.
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = Listener::bind(address)?;
        Ok(Self { listen: listener.local_addr(), listener })
    }

    /// Opens a listener when the proxy starts; `what` names it in the error.
    pub(crate) async fn open_at_start(
        address: SocketAddr,
        what: impl FnOnce() -> String,
    ) -> Result<Self, StartError> {
        let listen_error = |source| StartError::Listen { what: what(), address, source };
        Self::open(address).await.map_err(listen_error)
    }

    pub(crate) fn into_acceptor(self) -> Acceptor {
        Acceptor::new(self.listener)
    }
}

struct Running {
    face: LinkFace,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// All links, by the flow each is named after.
pub(crate) struct Fleet {
    shared: Shared,
    tasks: TaskTracker,
    stop: CancellationToken,
    running: BTreeMap<FlowId, Running>,
    faces: watch::Sender<Arc<[LinkFace]>>,
}

impl Fleet {
    pub(crate) fn new(shared: Shared, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { shared, tasks, stop, running: BTreeMap::new(), faces: watch::Sender::new(Arc::from([])) }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The links as they come and go.
    pub(crate) fn faces(&self) -> watch::Receiver<Arc<[LinkFace]>> {
        self.faces.subscribe()
    }

    /// Starts links on their open listeners. Their flows must be in the published directory.
    pub(crate) fn start(&mut self, opened: Vec<(LinkSpec, Bound)>) {
        if opened.is_empty() {
            return;
        }
        let directory = self.shared.directory();
        for (spec, bound) in opened {
            let flows = directory.flow(spec.from, spec.to).zip(directory.flow(spec.to, spec.from));
            if let Some((flow, back)) = flows {
                self.run(&spec, flow, back, bound);
            }
        }
        self.publish();
    }

    fn run(&mut self, spec: &LinkSpec, flow: FlowId, back: FlowId, bound: Bound) {
        let (rosters, asked) = mpsc::channel(ROSTERS_MAX);
        let face = LinkFace { flow, listen: bound.listen, framing: spec.framing, rosters };
        let acceptor = bound.into_acceptor();
        let link =
            Link { to: spec.to, flow, back, framing: spec.framing, acceptor, shared: self.shared.clone() };
        let stop = self.stop.child_token();
        let task = self.tasks.spawn(link.run(asked, stop.clone()));
        self.running.insert(flow, Running { face, stop, task });
    }

    /// Closes a link's listener and all its connections. They wait for nothing, so this takes no time.
    pub(crate) async fn stop(&mut self, flow: FlowId) {
        let Some(running) = self.running.remove(&flow) else { return };
        running.stop.cancel();
        // A link that has panicked has stopped as well.
        let _ = running.task.await;
        self.publish();
    }

    fn publish(&self) {
        self.faces.send_replace(self.running.values().map(|running| running.face.clone()).collect());
    }
}
