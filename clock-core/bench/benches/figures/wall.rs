//! Physical time: read each time, or read once and kept.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

static CACHED_MS: AtomicU64 = AtomicU64::new(0);

/// The system's clock, which is what it costs that is measured.
#[allow(clippy::disallowed_methods, reason = "reading the wall clock is what is measured here")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> u64 {
    let since = now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The same as of the kernel's last timer tick.
#[cfg(feature = "dispatch")]
pub(crate) fn coarse_ms() -> u64 {
    clock_core::TimeSource::wall_ms(&clock_core::CoarseTime)
}

/// The time at the last [`refresh`]: what a program costs that reads the clock in one place.
pub(crate) fn cached_ms() -> u64 {
    CACHED_MS.load(Ordering::Relaxed)
}

pub(crate) fn refresh() {
    CACHED_MS.store(now_ms(), Ordering::Relaxed);
}
