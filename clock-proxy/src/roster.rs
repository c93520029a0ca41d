//! The connections of one link, for whoever asks.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::Id;

use crate::relay::PhaseCell;

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

/// One connection.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) ordinal: u64,
    pub(crate) client: SocketAddr,
    pub(crate) phase: Arc<PhaseCell>,
}

/// Open connections by their tasks, so that one that ends is found however many there are.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    entries: HashMap<Id, Entry>,
}

impl Roster {
    pub(crate) fn add(&mut self, task: Id, entry: Entry) {
        self.entries.insert(task, entry);
    }

    pub(crate) fn remove(&mut self, task: Id) {
        self.entries.remove(&task);
    }

    /// All of them, by their ordinals.
    pub(crate) fn facts(&self, link: &str) -> Vec<ConnFacts> {
        let mut entries: Vec<&Entry> = self.entries.values().collect();
        entries.sort_unstable_by_key(|entry| entry.ordinal);
        let facts = |entry: &Entry| ConnFacts {
            conn: format!("{link}#{}", entry.ordinal),
            client: entry.client,
            phase: entry.phase.load().name(),
        };
        entries.into_iter().map(facts).collect()
    }
}
