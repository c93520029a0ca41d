//! The only owner of the rules and of the links: takes orders one after the other, and says when each is in force.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error};

use super::fleet::{Bound, Fleet, LinkFace};
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

/// Changes that are to come into force together.
pub(crate) struct Order {
    pub(crate) changes: Vec<Change>,
    pub(crate) reply: oneshot::Sender<Applied>,
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
    book: RuleBook,
    epoch: u64,
    published: watch::Sender<Arc<Config>>,
    retirement: Retirement,
    fleet: Fleet,
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
        let (triggers, met) = mpsc::channel(TRIGGERS_MAX);
        let shared = Shared { settings: plan.settings, configs, journal, triggers };
        let fleet = Fleet::new(shared, tasks, stop);
        let mut director = Self { book, epoch: 0, published, retirement, fleet, met };
        director.open(&plan.links).await?;
        Ok(director)
    }

    /// All listeners or none: nobody is served before the last one is open.
    async fn open(&mut self, specs: &[LinkSpec]) -> Result<(), StartError> {
        let directory = Arc::clone(&self.book.directory);
        let mut open = Vec::new();
        for spec in specs {
            let name = || format!("{}->{}", directory.name(spec.from), directory.name(spec.to));
            open.push((spec, Bound::open(spec.listen, name).await?));
        }
        for (spec, bound) in open {
            self.fleet.start(spec, bound);
        }
        Ok(())
    }

    pub(crate) fn shared(&self) -> &Shared {
        self.fleet.shared()
    }

    pub(crate) fn faces(&self) -> watch::Receiver<Arc<[LinkFace]>> {
        self.fleet.faces()
    }

    /// Takes orders until told to stop.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>, stop: CancellationToken) {
        loop {
            // Every branch is cancel-safe. A lane that has met its trigger stands still until it is done.
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(trigger) = self.met.recv() => self.pull(trigger).await,
                order = orders.recv() => {
                    let Some(order) = order else { return };
                    let applied = self.apply(&order.changes).await;
                    // A session that has gone does not need its answer; the change stands.
                    let _ = order.reply.send(applied);
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

    async fn apply(&mut self, changes: &[Change]) -> Applied {
        let start = Instant::now();
        self.epoch += 1;
        self.book.now = tokio::time::Instant::now();
        let verdicts = changes.iter().map(|change| self.book.apply(change, self.epoch)).collect();
        let is_in_force = self.publish(changes.iter().filter_map(action).collect()).await;
        let applied = Applied { epoch: self.epoch, verdicts, took: start.elapsed(), is_in_force };
        for change in changes {
            debug!(epoch = applied.epoch, command = change.text, "rules changed");
        }
        applied
    }

    /// Makes the book's state the configuration of this epoch. Returns whether every connection has taken it.
    async fn publish(&mut self, actions: Vec<Action>) -> bool {
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

fn action(change: &Change) -> Option<Action> {
    match &change.kind {
        ChangeKind::Act(action) => Some(action.clone()),
        _ => None,
    }
}
