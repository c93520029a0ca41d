//! The system's wall clock, behind the feature `system-time`: the one file of this crate that reads a clock.
//!
//! A clock that can be set, stepped and smeared at any time, so it is for people and for hybrid clocks, and
//! nothing may be decided by it.

use super::TimeSource;
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock to its full precision: about 20 ns to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExactTime;

impl TimeSource for ExactTime {
    /// Milliseconds since the Unix epoch; 0 if the system's clock is set before it.
    #[inline]
    #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the wall clock")]
    fn wall_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The system's clock as of the kernel's last timer tick: cheaper to read, and late by 1 to 10 ms.
///
/// `CLOCK_REALTIME_COARSE` on Linux; elsewhere the same as [`ExactTime`].
#[derive(Clone, Copy, Debug, Default)]
pub struct CoarseTime;

#[cfg(target_os = "linux")]
impl TimeSource for CoarseTime {
    /// Milliseconds since the Unix epoch; 0 if the system's clock is set before it.
    #[inline]
    fn wall_ms(&self) -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        let (seconds, nanos) = (u64::try_from(now.tv_sec), u64::try_from(now.tv_nsec));
        seconds.unwrap_or(0).saturating_mul(1_000).saturating_add(nanos.unwrap_or(0) / 1_000_000)
    }
}

#[cfg(not(target_os = "linux"))]
impl TimeSource for CoarseTime {
    #[inline]
    fn wall_ms(&self) -> u64 {
        ExactTime.wall_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Disproved by a coarse reading outside of two exact ones around it, give or take a tick of the slowest kernel.
    #[test]
    fn coarse_time_is_the_exact_time_a_little_late() {
        let before = ExactTime.wall_ms();
        let coarse = CoarseTime.wall_ms();
        let after = ExactTime.wall_ms();
        assert!(before <= coarse + 20 && coarse <= after, "{before} {coarse} {after}");
        assert!(before > 1_700_000_000_000, "milliseconds, and in this century");
    }
}
