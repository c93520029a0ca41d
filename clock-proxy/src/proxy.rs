//! A running proxy: the listeners, the rules, and whoever may command.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::acceptor::Acceptor;
use crate::control::{Desk, Director, LinkFace, ORDERS_MAX, Port};
use crate::crew::Crew;
use crate::link::{Link, RosterRequest, Shared};
use crate::report::Style;
use crate::rule::RuleBook;
use crate::topology::{LinkSpec, Plan};

/// Questions that may wait for a link. Each comes from a session that waits for its answer.
const ROSTERS_MAX: usize = ORDERS_MAX;

/// Longest time for all tasks to end. They wait for nothing; only a starved machine comes near.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The proxy could not be started. Nothing is left open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error("cannot listen on {address} for {what}: {source}")]
    Listen {
        /// `a->b`, or `control`.
        what: String,
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The threads that relay could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
}

/// A running proxy. Dropping it stops it without waiting; [`Proxy::shutdown`] waits.
pub struct Proxy {
    desk: Desk,
    seed: u64,
    control: Option<SocketAddr>,
    tasks: TaskTracker,
    stop: CancellationToken,
    exits: (mpsc::Sender<u8>, mpsc::Receiver<u8>),
}

impl Proxy {
    /// Opens every listener, then relays until [`Proxy::shutdown`].
    ///
    /// # Errors
    /// An address is taken or not ours.
    pub async fn start(plan: Plan) -> Result<Self, StartError> {
        let control = match plan.control {
            Some(address) => Some(bind(address, || "control".to_owned()).await?),
            None => None,
        };
        let (director, configs) =
            Director::new(Arc::clone(&plan.directory), RuleBook::new(plan.seed, plan.upstreams.clone()));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let guard = stop.clone().drop_guard();
        let crew = Crew::start(&stop).map_err(StartError::Thread)?;
        let shared = Shared {
            directory: Arc::clone(&plan.directory),
            meters: plan.directory.flows().map(|_| Arc::default()).collect(),
            settings: plan.settings,
            crew,
            configs,
        };
        let mut links = Vec::new();
        for spec in &plan.links {
            links.extend(open_link(spec, &shared).await?);
        }

        guard.disarm();
        let mut faces = Vec::new();
        for (link, face, rosters) in links {
            tasks.spawn(link.run(rosters, stop.clone()));
            faces.push(face);
        }
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        tasks.spawn(director.run(ordered, stop.clone()));
        let desk = Desk::new(shared, faces.into(), orders);
        let exits = mpsc::channel(1);
        let address = control.as_ref().map(|(_, address)| *address);
        if let Some((listener, _)) = control {
            let port = Port { acceptor: Acceptor::new(listener), desk: desk.clone(), exits: exits.0.clone() };
            tasks.spawn(port.run(stop.clone()));
        }
        Ok(Self { desk, seed: plan.seed, control: address, tasks, stop, exits })
    }

    /// Where to dial: `a->b` to the address of its listener.
    #[must_use]
    pub fn links(&self) -> BTreeMap<String, SocketAddr> {
        let name = |face: &LinkFace| self.desk.directory().flow_name(face.flow);
        self.desk.links().iter().map(|face| (name(face), face.listen)).collect()
    }

    /// The seed it was started with.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The address of the control port, if there is one.
    #[must_use]
    pub fn control(&self) -> Option<SocketAddr> {
        self.control
    }

    /// Carries out one line of the command grammar, and returns its reply line (in JSON style); `None` for a
    /// blank line. Cancelling it leaves the line carried out in part. `quit` is answered, but it is the caller
    /// who must call [`Proxy::shutdown`].
    pub async fn execute(&self, line: &str) -> Option<String> {
        self.desk.execute(line, 1).await.map(|reply| reply.render(Style::Json))
    }

    /// Waits until a control connection or standard input asks to quit, and returns the exit code.
    /// Cancel-safe.
    pub async fn exit_requested(&mut self) -> u8 {
        // The sender lives as long as the receiver, so there always is a code in the end.
        self.exits.1.recv().await.unwrap_or(0)
    }

    /// Closes every listener and every connection. What is held is lost.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, self.tasks.wait()).await.is_err() {
            warn!(tasks = self.tasks.len(), "not everything has stopped in time");
        }
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(crate) fn exits(&self) -> mpsc::Sender<u8> {
        self.exits.0.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

type OpenLink = (Link, LinkFace, mpsc::Receiver<RosterRequest>);

async fn open_link(spec: &LinkSpec, shared: &Shared) -> Result<Option<OpenLink>, StartError> {
    let (directory, LinkSpec { from, to, listen, framing }) = (&shared.directory, *spec);
    let Some((flow, back)) = directory.flow(from, to).zip(directory.flow(to, from)) else { return Ok(None) };
    let (listener, address) = bind(listen, || directory.flow_name(flow)).await?;
    let (rosters, asked) = mpsc::channel(ROSTERS_MAX);
    let face = LinkFace { flow, listen: address, framing, rosters };
    let acceptor = Acceptor::new(listener);
    Ok(Some((Link { to, flow, back, framing, acceptor, shared: shared.clone() }, face, asked)))
}

async fn bind(
    address: SocketAddr,
    what: impl FnOnce() -> String,
) -> Result<(TcpListener, SocketAddr), StartError> {
    let bound = async {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bound.await.map_err(|source| StartError::Listen { what: what(), address, source })
}
