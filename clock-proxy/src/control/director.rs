//! The only owner of the rules and of the links: takes orders one after the other, and says when each is in force.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info};

use super::expiry::Expiries;
use super::fleet::{Bound, Fleet, LinkFace};
use super::relays::{Registry, RelayOrder, RelayOutcome, Relays};
use crate::crew::Crew;
use crate::journal::Journal;
use crate::link::Shared;
use crate::proxy::StartError;
use crate::rule::{Action, Change, ChangeKind, Config, Retirement, RuleBook, TriggerId, Verdict};
use crate::topology::{LinkSpec, Plan};

/// Orders that may wait for the director. Each comes from a session that waits for its answer.
pub(crate) const ORDERS_MAX: usize = 16;

/// Triggers that may wait for the director. A connection whose trigger finds no room asks again.
const TRIGGERS_MAX: usize = 64;

/// Longest time for all connections to take a change. They need microseconds; only a starved machine comes
/// near a second.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);

/// What a director is told.
pub(crate) enum Order {
    /// Changes of the rules, to come into force together.
    Change { changes: Vec<Change>, reply: oneshot::Sender<Applied> },
    /// Relays and toxics that come and go.
    Relays { order: RelayOrder, reply: oneshot::Sender<RelayOutcome> },
}

/// What became of an order.
#[derive(Debug)]
pub(crate) struct Applied {
    pub(crate) epoch: u64,
    /// One per change.
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) took: Duration,
    /// Whether every connection obeys the new rules. If not, they will, but it is unknown when.
    pub(crate) is_in_force: bool,
}

pub(crate) struct Director {
    pub(super) book: RuleBook,
    pub(super) epoch: u64,
    published: watch::Sender<Arc<Config>>,
    retirement: Retirement,
    pub(super) fleet: Fleet,
    pub(super) registry: Registry,
    expiries: Expiries,
    /// Triggers that lanes have met.
    met: mpsc::Receiver<TriggerId>,
}

impl Director {
    /// Publishes the first configuration and opens every listener of the plan.
    pub(crate) async fn start(
        plan: Plan,
        journal: Journal,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let book = RuleBook::new(plan.seed, plan.directory);
        let (config, retirement) = Config::new(0, &book, Vec::new());
        let (published, configs) = watch::channel(config);
        let crew = Crew::start(plan.settings.threads, &stop).map_err(StartError::Thread)?;
        let (triggers, met) = mpsc::channel(TRIGGERS_MAX);
        let shared = Shared { settings: plan.settings, crew, configs, journal, triggers };
        let fleet = Fleet::new(shared, tasks, stop);
        let (registry, expiries) = (Registry::new(), Expiries::default());
        let mut director = Self { book, epoch: 0, published, retirement, fleet, registry, expiries, met };
        director.open(&plan.links).await?;
        Ok(director)
    }

    /// All listeners or none: nobody is served before the last one is open.
    async fn open(&mut self, specs: &[LinkSpec]) -> Result<(), StartError> {
        let directory = Arc::clone(&self.book.directory);
        let mut open = Vec::new();
        for spec in specs {
            let name = || format!("{}->{}", directory.name(spec.from), directory.name(spec.to));
            let bound = Bound::open_at_start(spec.listen, name).await?;
            self.registry.add_open(spec, bound.listen, &directory);
            open.push((*spec, bound));
        }
        self.fleet.start(open);
        self.registry.announce();
        Ok(())
    }

    pub(crate) fn shared(&self) -> &Shared {
        self.fleet.shared()
    }

    pub(crate) fn faces(&self) -> watch::Receiver<Arc<[LinkFace]>> {
        self.fleet.faces()
    }

    pub(crate) fn relays(&self) -> watch::Receiver<Arc<Relays>> {
        self.registry.watch()
    }

    /// Takes orders until told to stop.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>, stop: CancellationToken) {
        loop {
            // Every branch is cancel-safe. Stopping comes first; a rule whose time is up ends before what
            // comes next, and a lane that has met its trigger stands still until it is done.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                change = expired(&mut self.expiries) => {
                    info!(command = change.text, "a rule has ended, its time is up");
                    self.apply(&[change]).await;
                }
                Some(trigger) = self.met.recv() => self.pull(trigger).await,
                order = orders.recv() => {
                    let Some(order) = order else { break };
                    self.handle(order).await;
                }
            }
        }
    }

    /// Carries out what a trigger was set for. A second lane that met the same one finds it gone.
    async fn pull(&mut self, id: TriggerId) {
        if let Some(trigger) = self.book.take_trigger(id) {
            self.apply(&trigger.changes).await;
        }
    }

    /// Whoever has gone does not need an answer; the change stands.
    async fn handle(&mut self, order: Order) {
        match order {
            Order::Change { changes, reply } => drop(reply.send(self.apply(&changes).await)),
            Order::Relays { order, reply } => drop(reply.send(self.handle_relay_order(order).await)),
        }
    }

    async fn apply(&mut self, changes: &[Change]) -> Applied {
        let start = Instant::now();
        self.epoch += 1;
        self.book.now = tokio::time::Instant::now();
        let verdicts: Vec<Verdict> =
            changes.iter().map(|change| self.book.apply(change, self.epoch)).collect();
        let is_in_force = self.publish(changes.iter().filter_map(action).collect()).await;
        let applied = Applied { epoch: self.epoch, verdicts, took: start.elapsed(), is_in_force };
        for (change, verdict) in changes.iter().zip(&applied.verdicts) {
            self.expiries.note(change, verdict, tokio::time::Instant::now());
            if let ChangeKind::Node { node, upstream } = &change.kind {
                self.registry.on_upstream_moved(*node, upstream.as_str());
            }
            debug!(epoch = applied.epoch, command = change.text, "rules changed");
        }
        applied
    }

    /// Makes the book's state the configuration of this epoch. Returns whether every connection has taken it.
    pub(super) async fn publish(&mut self, actions: Vec<Action>) -> bool {
        let (config, retirement) = Config::new(self.epoch, &self.book, actions);
        let mut previous = std::mem::replace(&mut self.retirement, retirement);
        drop(self.published.send_replace(config));
        let is_in_force = tokio::time::timeout(CONFIRM_TIMEOUT, previous.recv()).await.is_ok();
        if !is_in_force {
            error!(epoch = self.epoch, "a connection has not taken the new rules in time");
        }
        is_in_force
    }
}

/// Waits for the next rule whose time is up. Cancel-safe: nothing is taken before it is due.
async fn expired(expiries: &mut Expiries) -> Change {
    loop {
        match expiries.next() {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
        if let Some(change) = expiries.due(tokio::time::Instant::now()) {
            return change;
        }
    }
}

fn action(change: &Change) -> Option<Action> {
    match &change.kind {
        ChangeKind::Act(action) => Some(action.clone()),
        _ => None,
    }
}
