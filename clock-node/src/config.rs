//! The settings of one station, as they are in force.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clock_core::NodeId;

/// Everything a station is told when it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationConfig {
    /// The cluster it belongs to.
    pub cluster: NodeId,
    /// Its name.
    pub station: NodeId,
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The other members, and where to dial each of them (possibly a proxy).
    pub peers: Vec<(NodeId, String)>,
    /// Where its data is kept.
    pub data: PathBuf,
    /// How wrong its wall clock is made, in milliseconds.
    pub wall_clock_offset_ms: i64,
    /// The first delay between dials.
    pub reconnect_first: Duration,
    /// The longest delay between dials.
    pub reconnect_longest: Duration,
    /// Two fdatasyncs per commit: a crash can then not roll back the newest commit unnoticed.
    pub two_phase_commit: bool,
    /// Seeds the jitter between dials. Incarnations are always the system's choice.
    pub seed: u64,
}
