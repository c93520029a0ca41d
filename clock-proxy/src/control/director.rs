//! The only owner of the rules: takes changes one after the other, and says when each is in force.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use crate::directory::Directory;
use crate::rule::{Change, Config, Retirement, RuleBook, Verdict};

/// Changes that may wait for the director. Each waits for a session, and there are fewer sessions than this.
pub(crate) const ORDERS_MAX: usize = 16;

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
    directory: Arc<Directory>,
    book: RuleBook,
    epoch: u64,
    published: watch::Sender<Arc<Config>>,
    retirement: Retirement,
}

impl Director {
    pub(crate) fn new(directory: Arc<Directory>, book: RuleBook) -> (Self, watch::Receiver<Arc<Config>>) {
        let (config, retirement) = Config::new(0, &book, &directory);
        let (published, configs) = watch::channel(config);
        (Self { directory, book, epoch: 0, published, retirement }, configs)
    }

    /// Takes orders until told to stop.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>, stop: CancellationToken) {
        while let Some(Some(order)) = stop.run_until_cancelled(orders.recv()).await {
            let applied = self.apply(&order.changes).await;
            // A session that has gone does not need its answer; the change stands.
            let _ = order.reply.send(applied);
        }
    }

    async fn apply(&mut self, changes: &[Change]) -> Applied {
        let start = Instant::now();
        let verdicts = changes.iter().map(|change| self.book.apply(change, &self.directory)).collect();
        self.epoch += 1;
        let (config, retirement) = Config::new(self.epoch, &self.book, &self.directory);
        let mut previous = std::mem::replace(&mut self.retirement, retirement);
        drop(self.published.send_replace(config));
        let is_in_force = tokio::time::timeout(CONFIRM_TIMEOUT, previous.recv()).await.is_ok();
        let applied = Applied { epoch: self.epoch, verdicts, took: start.elapsed(), is_in_force };
        for change in changes {
            debug!(epoch = applied.epoch, command = change.text, "rules changed");
        }
        if !is_in_force {
            error!(epoch = applied.epoch, "a connection has not taken the new rules in time");
        }
        applied
    }
}
