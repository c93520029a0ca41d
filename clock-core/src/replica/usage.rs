//! How full the replica's buffers are, beside their [`Limits`](super::Limits). For gauges.

use super::Replica;
use super::outbound::Outbound;

/// What is in the buffers of a replica at this moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Events held back for their past; bounded by `held_events`, which recovery may exceed.
    pub held_events: usize,
    /// Bytes of them; bounded by `held_bytes` and one event.
    pub held_bytes: usize,
    /// Events in the log that are not durable yet; bounded by what arrives during one sync.
    pub staged: usize,
    /// Writes that wait for copies, or whose outcome was indeterminate; bounded by `awaited`, what a commit adds, and
    /// `indeterminate`.
    pub awaited: usize,
    /// Requests that wait for what their session has seen; bounded by `waiting`.
    pub waiting: usize,
    /// Requests remembered for retries; bounded by `requests`.
    pub requests: usize,
    /// Events in flight to the peer with the most of them; bounded by `window_events`.
    pub window_events: usize,
    /// Bytes in flight to the peer with the most of them; bounded by `window_bytes` and one frame.
    pub window_bytes: usize,
    /// Fresh events of third stations that are left to their origins; bounded by what arrives in one relay delay.
    pub relay: usize,
    /// Second contents of dots, kept as evidence.
    pub disputed: usize,
    /// Replicas that minted an event that is in the log: entries of the largest vector.
    pub origins: usize,
    /// Sessions that are known: of clients, from peers, to peers.
    pub sessions: usize,
}

impl Replica {
    /// How full the buffers are.
    pub fn usage(&self) -> Usage {
        let most = |of: fn(&Outbound) -> usize| self.outbound.values().map(of).max().unwrap_or(0);
        Usage {
            held_events: self.hold_back.len(),
            held_bytes: self.hold_back.bytes(),
            staged: self.ledger.staged().count(),
            awaited: self.copies.len(),
            waiting: self.behind.len(),
            requests: self.requests.len(),
            window_events: most(Outbound::in_flight_events),
            window_bytes: most(Outbound::in_flight_bytes),
            relay: self.relay.len(),
            disputed: self.disputed.len(),
            origins: self.ledger.origins_count(),
            sessions: self.clients.len() + self.inbound.len() + self.outbound.len(),
        }
    }
}
