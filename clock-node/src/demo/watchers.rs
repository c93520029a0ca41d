//! What the stations themselves report, collected from a watch on each.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clock_core::replica::ConflictId;
use clock_core::wire::{AppliedView, Notice, Request};
use clock_core::{Dot, Key, NodeId};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::DemoError;
use crate::net::client::{Client, ClientError};

/// Notices on their way here from all stations; when it is full the forwarding tasks wait, and the stations do not.
const OBSERVATIONS: usize = 1024;

/// One notice of one station.
#[derive(Debug)]
pub(super) struct Observation {
    /// When it was read, since the start of the story.
    pub(super) at: Duration,
    pub(super) station: NodeId,
    pub(super) notice: Notice,
}

/// Everything seen so far, and the stream of what comes.
pub(super) struct Watchers {
    incoming: mpsc::Receiver<Result<Observation, ClientError>>,
    pub(super) seen: Vec<Observation>,
    started: Instant,
}

impl Watchers {
    /// Watches every station on a connection of its own.
    pub(super) async fn start(clients: Vec<(NodeId, Client)>, started: Instant) -> Result<Self, DemoError> {
        let (sender, incoming) = mpsc::channel(OBSERVATIONS);
        for (station, mut client) in clients {
            client.request(Request::Watch { after: None }).await?;
            tokio::spawn(forward(station, client, started, sender.clone()));
        }
        Ok(Self { incoming, seen: Vec::new(), started })
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until `holds` of all that was seen.
    pub(super) async fn until(
        &mut self,
        what: &str,
        within: Duration,
        holds: impl Fn(&Self) -> bool,
    ) -> Result<(), DemoError> {
        let deadline = Instant::now() + within;
        while !holds(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            match timeout(left, self.incoming.recv()).await {
                Ok(Some(observation)) => self.seen.push(observation?),
                Ok(None) | Err(_) => {
                    return Err(DemoError::NotObserved {
                        what: what.to_owned(),
                        within,
                        seen: self.summary(),
                    });
                }
            }
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let lines = self
            .seen
            .iter()
            .rev()
            .take(20)
            .map(|seen| format!("  {:?} {}: {:?}", seen.at, seen.station, seen.notice));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// When a station showed a write.
    pub(super) fn applied(&self, station: &NodeId, dot: &Dot) -> Option<(Duration, &AppliedView)> {
        self.seen.iter().filter(|seen| seen.station == *station).find_map(|seen| match &seen.notice {
            Notice::Applied(applied) if applied.version.dots.contains(dot) => Some((seen.at, applied)),
            _ => None,
        })
    }

    /// The conflict on a key that each station reports now, and since when.
    pub(super) fn open_conflicts(&self, key: &Key) -> BTreeMap<NodeId, (Duration, ConflictId)> {
        let mut open = BTreeMap::new();
        for seen in &self.seen {
            match &seen.notice {
                Notice::ConflictOpened(conflict) if conflict.key == *key => {
                    open.insert(seen.station.clone(), (seen.at, conflict.id));
                }
                Notice::ConflictClosed { id, key: closed, .. }
                    if closed == key && open.get(&seen.station).is_some_and(|(_, current)| current == id) =>
                {
                    open.remove(&seen.station);
                }
                _ => {}
            }
        }
        open
    }
}

async fn forward(
    station: NodeId,
    mut client: Client,
    started: Instant,
    sender: mpsc::Sender<Result<Observation, ClientError>>,
) {
    loop {
        let notice = client.notice().await;
        let ended = notice.is_err();
        let at = started.elapsed();
        let observation = notice.map(|notice| Observation { at, station: station.clone(), notice });
        if sender.send(observation).await.is_err() || ended {
            return;
        }
    }
}
