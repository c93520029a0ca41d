//! Putting a station together, and taking it apart: open, recover, listen, dial; then stop in order.
//!
//! Stopping: accept nothing new, let each reader finish the frame it has begun, let the actor make durable and
//! answer what it has, let the writers send it. Whatever takes longer than the drain limit is cut off.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use clock_core::Incarnation;
use clock_core::replica::{Effect, Lsn, Replica, ReplicaConfig};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::{Actor, ActorError, Questions};
use crate::config::StationConfig;
use crate::handle::{MAILBOX, NOTICES, StationHandle};
use crate::net::{Backoff, PeerDialler, Server};
use crate::store::{self, OpenedStore, StoreError, StoreIdentity, StoreWriter};
use crate::wall_clock::StationClock;

/// How long a stop may take to finish what was begun.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// Why a station does not run.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The store failed while running. Nothing unacknowledged was reported as written; restart the station.
    #[error("stopped: {0}")]
    Failed(#[from] ActorError),
    /// A task of the station ended in a way only a bug can cause.
    #[error("a task of the station failed: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The drain limit passed. What was acknowledged is durable; open requests got no answer.
    #[error("not everything was finished within {0:?}")]
    DrainLimit(Duration),
}

/// A station that is ready.
pub struct Station {
    /// Where it listens.
    pub address: SocketAddr,
    /// The incarnation it runs in.
    pub incarnation: Incarnation,
    /// How many events its store held.
    pub events_count: u64,
    actor: JoinHandle<Result<StoreWriter, ActorError>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Station {
    /// Opens the store, recovers, listens and starts dialling.
    ///
    /// # Errors
    /// [`StationError`] if the store or the address cannot be used.
    pub async fn start(config: StationConfig) -> Result<Self, StationError> {
        let opening = config.clone();
        let (store, replica, effects, clock) =
            tokio::task::spawn_blocking(move || recover(&opening)).await??;
        let (incarnation, events_count) = (replica.id().incarnation, store.events_count);
        let listening = TcpListener::bind(config.listen)
            .await
            .and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) =
            listening.map_err(|source| StationError::Listen { address: config.listen, source })?;
        tracing::info!(?config, %address, %incarnation, events_count, salvaged = ?store.salvaged, "station starts");
        let (mailbox_sender, mailbox) = mpsc::channel(MAILBOX);
        let (notices, _) = broadcast::channel(NOTICES);
        let actor = Actor {
            replica,
            clock,
            writer: StoreWriter::start(&store, config.two_phase_commit)?,
            reader: store.reader(),
            mailbox,
            own_mailbox: mailbox_sender.downgrade(),
            notices: notices.clone(),
            sessions: BTreeMap::new(),
            station: config.station.clone(),
            requested: Lsn(store.recovered.last_lsn.0),
            questions: Questions::default(),
        };
        let handle = StationHandle::new(mailbox_sender, notices);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let actor = tokio::spawn(actor.run(effects));
        let server = Server { handle: handle.clone(), stop: stop.clone(), tasks: tasks.clone() };
        tasks.spawn(server.run(listener));
        dial_peers(&config, &handle, &stop, &tasks);
        Ok(Self { address, incarnation, events_count, actor, stop, tasks })
    }

    /// Runs until `shutdown` is ready, then stops in order.
    ///
    /// # Errors
    /// [`StationError::Failed`] if the store failed; [`StationError::DrainLimit`] if stopping took too long.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), StationError> {
        tokio::select! {
            ended = &mut self.actor => {
                self.stop.cancel();
                // Only a failing store ends the actor before its handles are gone.
                ended??;
                return Ok(());
            }
            () = shutdown => {}
        }
        tracing::info!("stopping");
        self.stop.cancel();
        self.tasks.close();
        let drained = timeout(DRAIN_LIMIT, self.drain()).await;
        drained.map_err(|_| StationError::DrainLimit(DRAIN_LIMIT))?
    }

    async fn drain(self) -> Result<(), StationError> {
        // Readers end first, and with them the mailbox; then the actor, and with it every writer's queue.
        let writer = self.actor.await??;
        self.tasks.wait().await;
        tokio::task::spawn_blocking(move || writer.finish()).await?;
        tracing::info!("stopped");
        Ok(())
    }
}

fn recover(
    config: &StationConfig,
) -> Result<(OpenedStore, Replica, Vec<Effect>, StationClock), StationError> {
    // Never from the configured seed: an incarnation must be new even if the disk is lost and the command line is not.
    let identity = StoreIdentity {
        cluster: config.cluster.clone(),
        station: config.station.clone(),
        fresh_incarnation: Incarnation(fastrand::u32(..)),
    };
    let store = store::open(&config.data, &identity)?;
    let peers = config.peers.iter().map(|(peer, _)| peer.clone()).collect();
    let settings =
        ReplicaConfig::new(config.cluster.clone(), config.station.clone(), peers, fastrand::u64(..));
    let clock = StationClock::new(config.wall_clock_offset_ms);
    let mut failed = None;
    let events = store.reader().events()?.map_while(|event| event.map_err(|error| failed = Some(error)).ok());
    let recovered = Replica::recover(settings, clock.now(), store.recovered, events);
    if let Some(error) = failed {
        return Err(error.into());
    }
    let damaged = |source| StoreError::Damaged { lsn: store.recovered.last_lsn.0, source };
    let (replica, effects) = recovered.map_err(damaged)?;
    Ok((store, replica, effects, clock))
}

fn dial_peers(config: &StationConfig, handle: &StationHandle, stop: &CancellationToken, tasks: &TaskTracker) {
    for (index, (peer, address)) in config.peers.iter().enumerate() {
        let seed = config.seed.wrapping_add(index as u64);
        let dialler = PeerDialler {
            peer: peer.clone(),
            address: address.clone(),
            handle: handle.clone(),
            stop: stop.clone(),
            backoff: Backoff::new(config.reconnect_first, config.reconnect_longest, seed),
        };
        tasks.spawn(dialler.run());
    }
}
