//! The only reader of the system's wall clock. What it shows is for people and the hybrid clock, and decides nothing.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clock_core::replica::{Mono, Now};

/// A station's view of time: a monotonic clock for timers, and a wall clock that may be set wrong on purpose.
#[derive(Debug, Clone)]
pub(crate) struct StationClock {
    started: Instant,
    offset_ms: i64,
}

impl StationClock {
    /// A clock whose wall time is off by `offset_ms`.
    pub(crate) fn new(offset_ms: i64) -> Self {
        Self { started: Instant::now(), offset_ms }
    }

    /// This moment.
    pub(crate) fn now(&self) -> Now {
        let mono = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Now { mono: Mono(mono), wall_ms: system_wall_ms().saturating_add_signed(self.offset_ms) }
    }
}

/// Milliseconds since 1970 as the system's clock shows them; 0 if it is set before that.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub(crate) fn system_wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
