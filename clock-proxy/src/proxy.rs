//! A running proxy: the listeners, the rules, and whoever may command.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::control::relays::{RelayError, RelayOrder, RelayWish};
use crate::control::{Bound, Desk, Director, LinkFace, ORDERS_MAX, Port, RELOADS_MAX, Reloader, Stage};
use crate::http::Server;
use crate::journal::Journal;
use crate::report::Style;
use crate::topology::Plan;

/// Longest time for all tasks to end. They wait for nothing; only a starved machine comes near.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The proxy could not be started. Nothing is left open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be opened.
    #[error("cannot listen on {address} for {what}: {source}")]
    Listen {
        /// `a->b`, `control` or `api`.
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
    journal: Journal,
    seed: u64,
    control: Option<SocketAddr>,
    api: Option<SocketAddr>,
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
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        // Whatever has been started when something fails is stopped again.
        let guard = stop.clone().drop_guard();
        let seed = plan.seed;
        let control = open(plan.control, "control").await?;
        let api = open(plan.api, "api").await?;
        let loaded = plan.clone();
        let journal = Journal::start(plan.events.clone(), plan.recording.clone());
        let director = Director::start(plan, journal.clone(), tasks.clone(), stop.clone()).await?;
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        let exits = mpsc::channel(1);
        let stage = Stage::new(tasks.clone(), stop.clone(), exits.0.clone());
        let (reloads, asked) = mpsc::channel(RELOADS_MAX);
        let (shared, faces, relays) = (director.shared().clone(), director.faces(), director.relays());
        let desk = Desk::new(shared, faces, relays, orders, stage, reloads);
        tasks.spawn(director.run(ordered, stop.clone()));
        let reloader = Reloader::start(desk.clone(), loaded).await;
        tasks.spawn(reloader.run(asked, stop.clone()));
        let address = |bound: &Option<Bound>| bound.as_ref().map(|bound| bound.listen);
        let addresses = (address(&control), address(&api));
        if let Some(bound) = control {
            let port = Port { acceptor: bound.into_acceptor(), desk: desk.clone(), exits: exits.0.clone() };
            tasks.spawn(port.run(stop.clone()));
        }
        if let Some(bound) = api {
            let server =
                Server { acceptor: bound.into_acceptor(), desk: desk.clone(), exits: exits.0.clone() };
            tasks.spawn(server.run(stop.clone()));
        }
        guard.disarm();
        Ok(Self { desk, journal, seed, control: addresses.0, api: addresses.1, tasks, stop, exits })
    }

    /// Makes relays, all or those before the first that cannot listen.
    pub(crate) async fn populate(&self, relays: Vec<RelayWish>) -> Result<(), RelayError> {
        match self.desk.order(RelayOrder::Populate(relays)).await.error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Where to dial: `a->b` to the address of its listener.
    #[must_use]
    pub fn links(&self) -> BTreeMap<String, SocketAddr> {
        let directory = self.desk.directory();
        let name = |face: &LinkFace| directory.flow_name(face.flow);
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

    /// The address of the HTTP API, if there is one.
    #[must_use]
    pub fn api(&self) -> Option<SocketAddr> {
        self.api
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
        // Behind all connections, whose last events it writes.
        self.journal.finish().await;
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }

    pub(crate) fn exits(&self) -> mpsc::Sender<u8> {
        self.exits.0.clone()
    }
}

/// Opens a listener for commands. Whoever can reach it may command.
async fn open(address: Option<SocketAddr>, what: &str) -> Result<Option<Bound>, StartError> {
    let Some(address) = address else { return Ok(None) };
    if !address.ip().is_loopback() {
        warn!(what, %address, "whoever can reach this address may command the proxy");
    }
    Ok(Some(Bound::open_at_start(address, || what.to_owned()).await?))
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
