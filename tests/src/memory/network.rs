//! Connections in memory: queues of frames, and what a fault proxy does to them.

use std::collections::VecDeque;

use bytes::Bytes;
use clock_core::NodeId;

/// A connection between two stations.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) dialler: NodeId,
    pub(super) acceptor: NodeId,
    pub(super) to_acceptor: VecDeque<Bytes>,
    pub(super) to_dialler: VecDeque<Bytes>,
    /// The dialler crashed: what it had sent still arrives, then the acceptor sees the end.
    pub(super) orphaned: bool,
}

impl Connection {
    pub(super) fn orphan(&mut self) {
        self.orphaned = true;
        self.to_dialler.clear();
    }
}

/// What the network does to whole frames within a session, as a fault proxy can.
#[derive(Debug, Clone, Copy, Default)]
pub struct FrameFaults {
    /// A frame may overtake up to this many others.
    pub overtake: usize,
    /// How likely a frame of events is lost.
    pub lose_events: f64,
}

/// Types of frames, as the wire format numbers them.
pub(super) const EVENTS: u8 = 4;
const ACK: u8 = 6;

pub(super) fn kind(frame: &Bytes) -> u8 {
    frame[7]
}

/// Which queued frame arrives next: the first, or one that overtakes it. A handshake keeps its place.
pub(super) fn overtaker(queue: &VecDeque<Bytes>, faults: FrameFaults, rng: &mut fastrand::Rng) -> usize {
    let free =
        queue.iter().take(faults.overtake + 1).take_while(|frame| (EVENTS..=ACK).contains(&kind(frame)));
    rng.usize(..free.count().max(1))
}
