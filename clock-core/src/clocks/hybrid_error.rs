//! Why a hybrid clock refuses, with what a caller may do about it.

use super::hybrid_timestamp::HybridTimestamp;
use thiserror::Error;

/// Why a hybrid clock issued nothing. Later timestamps are as if the call had not been made, or skip one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HybridError {
    /// The local wall time does not fit 44 bits: the time source is broken. Retry once it is repaired.
    #[error("wall time {wall_ms} ms is above the limit of {limit_ms} ms")]
    WallOutOfRange {
        /// The wall time passed in, in milliseconds since the Unix epoch.
        wall_ms: u64,
        /// The latest wall time that fits.
        limit_ms: u64,
    },
    /// The local wall time is further ahead of the clock than it may jump. The clock did not follow: it goes
    /// on when the wall shows an honest time again. If the wall is right, because the node was off for that
    /// long, a person says so by [`HybridClock::accept_wall`](super::HybridClock::accept_wall).
    #[error("wall time {wall_ms} ms is more than {limit_ms} ms ahead of the clock's last timestamp {last}")]
    WallJump {
        /// The wall time passed in, in milliseconds since the Unix epoch.
        wall_ms: u64,
        /// The clock's last timestamp, or one that was skipped.
        last: HybridTimestamp,
        /// How far ahead it may be, in milliseconds.
        limit_ms: u64,
    },
    /// The remote clock runs ahead of ours, or ours is behind. Keep the data, leave the clock alone, and
    /// count it against the peer, whom only the caller knows ([`RefusalLog`](super::RefusalLog)); the same
    /// timestamp is acceptable once the wall time has caught up.
    #[error("remote timestamp {remote} is more than {max_drift_ms} ms ahead of the wall time {wall_ms} ms")]
    RemoteAhead {
        /// The timestamp received.
        remote: HybridTimestamp,
        /// The local wall time, in milliseconds since the Unix epoch.
        wall_ms: u64,
        /// The drift bound, in milliseconds.
        max_drift_ms: u64,
    },
    /// There is no timestamp above this one. Only a forged one is ever so large; start from a stored one.
    #[error("no timestamp above {last} exists")]
    Exhausted {
        /// The timestamp that has no successor.
        last: HybridTimestamp,
    },
}
