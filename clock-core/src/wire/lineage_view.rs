//! Answers about where a write came from and what came of it.

use serde::{Deserialize, Serialize};

use super::view::HistoryEntry;
use crate::id::{Dot, Key, NodeId};
use crate::versions::VersionVector;

/// What one write was, as far as this station knows by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// The key it wrote.
    pub key: Key,
    /// The write, with its place in this station's log.
    pub entry: HistoryEntry,
    /// Everything that happened before it, itself included.
    pub vector: VersionVector,
    /// Whether it is among the current versions of its key.
    pub is_current: bool,
    /// The writes of its key that had read it and superseded it, ascending.
    pub superseded_by: Vec<Dot>,
    /// The writes of its key that happened neither before nor after it, ascending.
    pub concurrent_with: Vec<Dot>,
    /// The latest writes of the key that it was built on, over any number of steps: its own context first.
    pub built_on: Vec<Dot>,
    /// Some of the lists were longer than an answer holds.
    pub is_cut: bool,
}

/// What happened after a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpactView {
    /// The key it wrote.
    pub key: Key,
    /// The writes of the same key that were built on it, over any number of steps, in log order.
    pub same_key: Vec<Dot>,
    /// Per station, the first event that had it in its past, and how many came after it at that station.
    pub stations: Vec<StationImpact>,
    /// How many events had it in their past.
    pub events: u64,
    /// Keys of those events, in the order of the log, each once.
    pub keys: Vec<Key>,
    /// Some of the lists were longer than an answer holds.
    pub is_cut: bool,
}

/// What one station did after it had seen a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationImpact {
    /// The station.
    pub station: NodeId,
    /// Its first event that had the write in its past.
    pub first: Dot,
    /// How many of its events had.
    pub events: u64,
}
