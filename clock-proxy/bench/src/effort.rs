//! How much is measured.

use std::time::Duration;

/// Rounds and their lengths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Rounds of throughput, over all relays in turn.
    pub(crate) bulk_rounds: usize,
    /// One round of bulk on one relay: long against filling the socket buffers, short against a busy minute.
    pub(crate) bulk: Duration,
    /// Rounds of round trips.
    pub(crate) trip_rounds: usize,
    /// Round trips in a round.
    pub(crate) trips: usize,
    /// Frames are delayed this long at 100 a second, which decides how many there are of them.
    pub(crate) slow_frames: Duration,
    /// The same at 10,000 a second.
    pub(crate) fast_frames: Duration,
    /// A rate is watched this long.
    pub(crate) rate: Duration,
    /// The lowest rate, of which there are few frames, is watched this long.
    pub(crate) rate_lowest: Duration,
    /// Pairs of control calls.
    pub(crate) calls: usize,
    /// Idle connections, if the limit on open files allows.
    pub(crate) idle: usize,
    /// Rounds of short connections.
    pub(crate) accept_rounds: usize,
    /// Short connections in a round.
    pub(crate) accepts: usize,
}

impl Effort {
    /// For figures to be quoted.
    pub(crate) const FULL: Self = Self {
        bulk_rounds: 9,
        bulk: Duration::from_millis(500),
        trip_rounds: 9,
        trips: 2_000,
        slow_frames: Duration::from_secs(3),
        fast_frames: Duration::from_secs(2),
        rate: Duration::from_millis(1_500),
        rate_lowest: Duration::from_secs(4),
        calls: 500,
        idle: 10_000,
        accept_rounds: 5,
        accepts: 1_000,
    };
    /// For a look.
    pub(crate) const QUICK: Self = Self {
        bulk_rounds: 3,
        bulk: Duration::from_millis(200),
        trip_rounds: 3,
        trips: 500,
        slow_frames: Duration::from_millis(300),
        fast_frames: Duration::from_millis(300),
        rate: Duration::from_millis(300),
        rate_lowest: Duration::from_secs(1),
        calls: 100,
        idle: 1_000,
        accept_rounds: 2,
        accepts: 300,
    };
}
