//! How much a replica keeps in memory and sends at once. Every buffer of the replica is bounded by one of these.
//!
//! They are settings and not constants so that a simulator can make the buffers tiny and live at their edges. No
//! limit decides what is true: a smaller one costs repeated transfers, and retries that are applied as new writes.

use crate::wire::EVENT_BYTES_MAX;
use crate::wire::frame::FRAME_BYTES_MAX;
use crate::wire::message::FRAME_EVENTS_MAX;

/// Bytes of one read, at most: with one event of the largest size on top it still fits a frame.
const CHUNK_BYTES_MAX: usize = FRAME_BYTES_MAX / 2;
/// What a frame of events has besides them: its header, and the length of each.
const FRAMING_BYTES: usize = 16 + 4 * FRAME_EVENTS_MAX;
const _: () = assert!(CHUNK_BYTES_MAX + EVENT_BYTES_MAX + FRAMING_BYTES <= FRAME_BYTES_MAX);

/// The bounds of a replica's buffers. A value out of range counts as the nearest that is in range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events held back for their past, at least 1. What does not fit is not accepted, and shipped again after a
    /// heartbeat; recovery may exceed it. By default the full windows of 32 peers, far more than reordering on
    /// live links needs.
    pub held_events: usize,
    /// Bytes of events held back, at least 1. The event that reaches the bound is still kept.
    pub held_bytes: usize,
    /// Events in flight to one peer, at least 1. By default, at 600 ms round trip still 800 events a second, and a
    /// bounded resend.
    pub window_events: usize,
    /// Bytes in flight to one peer, at least 1; one frame may exceed it. By default what a session's queue may hold
    /// while the peer does not read.
    pub window_bytes: usize,
    /// Bytes read from the log for one frame, 1 to half a frame; a single event may exceed it.
    pub chunk_bytes: usize,
    /// Events in one frame, 1 to [`FRAME_EVENTS_MAX`], which every receiver takes.
    pub frame_events: usize,
    /// How many writes a retry may lie back and still be recognised, at least 1. By default seconds at full speed,
    /// hours of an operator's work; with four stations a receipt has under a kilobyte, so the table has at most
    /// some ten megabytes.
    pub requests: usize,
    /// Events in the log that are not durable yet, beyond which a client is told that the station is busy, at least 1.
    /// By default many commits' worth: the disk is behind by a good second.
    pub staged: usize,
    /// Clients' writes and questions that wait for a receipt, beyond which one more is told that the station is busy, at
    /// least 1.
    pub awaited: usize,
    /// Writes whose outcome was indeterminate, and that are still watched; the oldest is let go.
    pub indeterminate: usize,
    /// Requests that wait for what their session has seen; one more is told that the station is busy.
    pub waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            held_events: 16_384,
            held_bytes: 16 * 1024 * 1024,
            window_events: 512,
            window_bytes: 4 * 1024 * 1024,
            chunk_bytes: 256 * 1024,
            frame_events: FRAME_EVENTS_MAX,
            requests: 16_384,
            staged: 4_096,
            awaited: 8_192,
            indeterminate: 8_192,
            waiting: 256,
        }
    }
}

impl Limits {
    /// The nearest limits that are in range: with none of them can replication stand still.
    pub(super) fn in_range(self) -> Self {
        Self {
            held_events: self.held_events.max(1),
            held_bytes: self.held_bytes.max(1),
            window_events: self.window_events.max(1),
            window_bytes: self.window_bytes.max(1),
            chunk_bytes: self.chunk_bytes.clamp(1, CHUNK_BYTES_MAX),
            frame_events: self.frame_events.clamp(1, FRAME_EVENTS_MAX),
            requests: self.requests.max(1),
            staged: self.staged.max(1),
            awaited: self.awaited.max(1),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_out_of_range_count_as_the_nearest() {
        let every = |limit| Limits {
            held_events: limit,
            held_bytes: limit,
            window_events: limit,
            window_bytes: limit,
            chunk_bytes: limit,
            frame_events: limit,
            requests: limit,
            staged: limit,
            awaited: limit,
            indeterminate: 7,
            waiting: 7,
        };
        assert_eq!(every(0).in_range(), every(1));
        let highest = every(usize::MAX).in_range();
        assert_eq!((highest.frame_events, highest.chunk_bytes), (FRAME_EVENTS_MAX, CHUNK_BYTES_MAX));
        assert_eq!(Limits::default().in_range(), Limits::default());
    }
}
