//! Where physical time comes from: always from outside.
//!
//! This crate never reads the system's clock. A program passes a closure that does; a test passes a
//! [`ManualTime`] and can make it skewed, stuck or jump.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

/// A source of wall time. It may repeat a value and may step back.
pub trait TimeSource {
    /// Milliseconds since the Unix epoch.
    fn wall_ms(&mut self) -> u64;
}

impl<F: FnMut() -> u64> TimeSource for F {
    fn wall_ms(&mut self) -> u64 {
        self()
    }
}

/// A wall clock that moves only by hand. Clones share the same time, so a test keeps one and gives one away.
#[derive(Clone, Debug, Default)]
pub struct ManualTime {
    wall_ms: Arc<AtomicU64>,
}

impl ManualTime {
    /// A clock that shows `wall_ms`, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn starting_at(wall_ms: u64) -> Self {
        Self { wall_ms: Arc::new(AtomicU64::new(wall_ms)) }
    }

    /// Makes it show `wall_ms` from now on; back is allowed.
    pub fn jump_to(&self, wall_ms: u64) {
        self.wall_ms.store(wall_ms, Ordering::Relaxed);
    }

    /// Moves it on; at the end of the range it wraps, as a broken clock might.
    pub fn advance_ms(&self, by_ms: u64) {
        self.wall_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl TimeSource for ManualTime {
    fn wall_ms(&mut self) -> u64 {
        self.wall_ms.load(Ordering::Relaxed)
    }
}
