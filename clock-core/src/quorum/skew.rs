//! How far two wall clocks are apart: shown to people, decides nothing.

use core::time::Duration;

/// How far a peer's wall clock is from the local one, as one acknowledgement shows it.
///
/// The acknowledgement's way through the network is included: a peer that is exactly in step looks as far behind as
/// its message took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew {
    /// Peer minus local, in milliseconds: positive if the peer is ahead. Saturates at the ends of `i64`.
    pub peer_ahead_ms: i64,
    /// Whether it is larger, in either direction, than the policy's
    /// [`clock_skew_warning`](super::QuorumPolicy::clock_skew_warning).
    pub is_above_warning: bool,
}

impl ClockSkew {
    pub(super) fn between(peer_wall_ms: u64, local_wall_ms: u64, warning: Duration) -> Self {
        let saturated = if peer_wall_ms > local_wall_ms { i64::MAX } else { i64::MIN };
        let peer_ahead_ms = peer_wall_ms.checked_signed_diff(local_wall_ms).unwrap_or(saturated);
        let is_above_warning = Duration::from_millis(peer_wall_ms.abs_diff(local_wall_ms)) > warning;
        Self { peer_ahead_ms, is_above_warning }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skew(peer_wall_ms: u64, local_wall_ms: u64) -> (i64, bool) {
        let skew = ClockSkew::between(peer_wall_ms, local_wall_ms, Duration::from_secs(30));
        (skew.peer_ahead_ms, skew.is_above_warning)
    }

    #[test]
    fn skew_has_a_sign_and_warns_in_both_directions_above_the_threshold_only() {
        assert_eq!(skew(100_000, 100_000), (0, false));
        assert_eq!(skew(130_000, 100_000), (30_000, false));
        assert_eq!(skew(130_001, 100_000), (30_001, true));
        assert_eq!(skew(70_000, 100_000), (-30_000, false));
        assert_eq!(skew(69_999, 100_000), (-30_001, true));
    }

    #[test]
    fn a_hostile_wall_time_saturates_and_warns() {
        assert_eq!(skew(u64::MAX, 0), (i64::MAX, true));
        assert_eq!(skew(0, u64::MAX), (i64::MIN, true));
    }
}
