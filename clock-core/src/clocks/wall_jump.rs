//! Whether the local wall clock was set: it is compared with a clock that cannot be.
//!
//! A hybrid clock survives a wall clock that jumps, back by counting on and forward by following. Neither is
//! an error, and both are worth an operator's attention: a clock that follows a jump far ahead is refused by
//! its peers. So jumps are reported and nothing is decided by them. This module reads no clock.

/// A sudden change of the wall clock, against the time that has really passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WallJump {
    /// It was set back, or stood still.
    Back {
        /// By how much, in milliseconds.
        by_ms: u64,
    },
    /// It was set forward, or the process was suspended and its monotonic clock with it.
    Forward {
        /// By how much, in milliseconds.
        by_ms: u64,
    },
}

/// Reports the jumps of a wall clock from pairs of readings.
#[derive(Clone, Debug)]
pub struct JumpDetector {
    threshold_ms: u64,
    /// The previous reading: wall and monotonic milliseconds.
    previous: Option<(u64, u64)>,
}

impl JumpDetector {
    /// A detector of jumps by more than `threshold_ms` milliseconds between two readings.
    ///
    /// 128 is a good value: what is less, NTP slews instead of stepping. Drift is too slow to be a jump.
    #[must_use]
    pub const fn new(threshold_ms: u64) -> Self {
        Self { threshold_ms, previous: None }
    }

    /// Takes in a reading: the wall time, in milliseconds since the Unix epoch, and a monotonic time, in
    /// milliseconds since whenever, read at the same moment. Says whether the wall jumped since the reading
    /// before.
    pub fn jump_at(&mut self, wall_ms: u64, mono_ms: u64) -> Option<WallJump> {
        let (wall_before_ms, mono_before_ms) = self.previous.replace((wall_ms, mono_ms))?;
        let expected_ms = wall_before_ms.saturating_add(mono_ms.saturating_sub(mono_before_ms));
        let by_ms = wall_ms.abs_diff(expected_ms);
        if by_ms <= self.threshold_ms {
            return None;
        }
        Some(if wall_ms < expected_ms { WallJump::Back { by_ms } } else { WallJump::Forward { by_ms } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_reported_once_with_its_size() {
        let mut detector = JumpDetector::new(128);
        assert_eq!(detector.jump_at(1_000_000, 50), None);
        assert_eq!(detector.jump_at(1_000_100, 150), None);
        assert_eq!(detector.jump_at(1_010_200, 250), Some(WallJump::Forward { by_ms: 10_000 }));
        assert_eq!(detector.jump_at(1_010_300, 350), None);
        assert_eq!(detector.jump_at(1_000_400, 450), Some(WallJump::Back { by_ms: 10_000 }));
    }

    #[test]
    fn the_threshold_itself_and_a_long_silence_are_no_jump() {
        let mut detector = JumpDetector::new(128);
        assert_eq!(detector.jump_at(1_000, 0), None);
        assert_eq!(detector.jump_at(1_128, 0), None);
        assert_eq!(detector.jump_at(1_000, 0), None);
        assert_eq!(detector.jump_at(3_601_000, 3_600_000), None);
    }

    #[test]
    fn a_wall_that_stands_still_is_set_back() {
        let mut detector = JumpDetector::new(128);
        assert_eq!(detector.jump_at(1_000, 0), None);
        assert_eq!(detector.jump_at(1_000, 200), Some(WallJump::Back { by_ms: 200 }));
    }
}
