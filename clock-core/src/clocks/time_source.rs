//! Where physical time comes from: always from outside.
//!
//! Nothing here reads the system's clock. A program passes a closure that does, or a source of the feature
//! `system-time`; a test passes a [`ManualTime`]. A source is read through `&self`, so threads may share one.

use super::atomic::{AtomicU64, Ordering};
use alloc::sync::Arc;

/// A source of wall time. It may repeat a value and may step back.
pub trait TimeSource {
    /// Milliseconds since the Unix epoch.
    fn wall_ms(&self) -> u64;
}

impl<F: Fn() -> u64> TimeSource for F {
    fn wall_ms(&self) -> u64 {
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
    fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::Relaxed)
    }
}

/// The time as its owner last read it: reading is one load, where the system's clock takes 20 ns or more.
///
/// Clones share the time. It is late by as long as the owner waits between two refreshes; a hybrid clock
/// counts on meanwhile, so only "about when" suffers.
#[derive(Clone, Debug)]
pub struct CachedTime {
    wall_ms: Arc<AtomicU64>,
}

impl CachedTime {
    /// A cache that shows what the source shows now.
    #[must_use]
    pub fn of(source: &impl TimeSource) -> Self {
        Self { wall_ms: Arc::new(AtomicU64::new(source.wall_ms())) }
    }

    /// Reads the source and shows that from now on, in all clones; back is allowed.
    pub fn refresh(&self, source: &impl TimeSource) {
        self.wall_ms.store(source.wall_ms(), Ordering::Relaxed);
    }
}

impl TimeSource for CachedTime {
    #[inline]
    fn wall_ms(&self) -> u64 {
        self.wall_ms.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_shows_what_was_last_read_in_every_clone() {
        let source = ManualTime::starting_at(7);
        let cached = CachedTime::of(&source);
        let shared = cached.clone();
        source.jump_to(9);
        assert_eq!((cached.wall_ms(), shared.wall_ms()), (7, 7));
        cached.refresh(&source);
        assert_eq!((cached.wall_ms(), shared.wall_ms()), (9, 9));
        source.jump_to(3);
        shared.refresh(&source);
        assert_eq!(cached.wall_ms(), 3);
    }

    #[test]
    fn threads_may_share_a_source() {
        fn shared<T: TimeSource + Send + Sync>(_: T) {}
        shared(ManualTime::default());
        shared(CachedTime::of(&|| 5));
        shared(|| 5);
    }
}
