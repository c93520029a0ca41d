//! Wall clocks that are wrong on purpose: to see what a skewed or jumping clock does, and what it does not.
//!
//! Each one distorts another source, so they can be put on top of each other. Results stay within `u64`:
//! below the epoch they show 0, and nothing wraps.

use super::TimeSource;
use super::atomic::{AtomicU64, Ordering};
use alloc::vec::Vec;

/// A clock that is off by a constant and runs too fast or too slow.
#[derive(Clone, Debug)]
pub struct SkewedTime<S> {
    source: S,
    started_ms: u64,
    offset_ms: i64,
    drift_ppm: i32,
}

impl<S: TimeSource> SkewedTime<S> {
    /// A clock that shows `offset_ms` more than its source, negative for less.
    #[must_use]
    pub fn new(source: S, offset_ms: i64) -> Self {
        Self { started_ms: source.wall_ms(), source, offset_ms, drift_ppm: 0 }
    }

    /// Makes it gain `drift_ppm` microseconds a second since it was made, negative to lose. A quartz is
    /// within 100.
    #[must_use]
    pub fn with_drift_ppm(self, drift_ppm: i32) -> Self {
        Self { drift_ppm, ..self }
    }
}

impl<S: TimeSource> TimeSource for SkewedTime<S> {
    fn wall_ms(&self) -> u64 {
        let true_ms = i128::from(self.source.wall_ms());
        let gained_ms = (true_ms - i128::from(self.started_ms)) * i128::from(self.drift_ppm) / 1_000_000;
        shown(true_ms + gained_ms + i128::from(self.offset_ms))
    }
}

/// When a jump of a [`JumpingTime`] happens.
#[derive(Clone, Copy, Debug)]
enum Trigger {
    AfterReads(u64),
    FromWallMs(u64),
}

/// A clock that jumps by a script, in whatever order its jumps come due; they add up.
#[derive(Debug)]
pub struct JumpingTime<S> {
    source: S,
    reads: AtomicU64,
    jumps: Vec<(Trigger, i64)>,
}

impl<S: TimeSource> JumpingTime<S> {
    /// A clock that shows what its source shows, until a jump is added.
    #[must_use]
    pub fn new(source: S) -> Self {
        Self { source, reads: AtomicU64::new(0), jumps: Vec::new() }
    }

    /// Adds a jump by `by_ms`, negative for back, that follows the read number `reads`, counted from 1.
    #[must_use]
    pub fn jumping_after_reads(mut self, reads: u64, by_ms: i64) -> Self {
        self.jumps.push((Trigger::AfterReads(reads), by_ms));
        self
    }

    /// Adds a jump by `by_ms`, negative for back, where the source shows `wall_ms` (milliseconds since the
    /// Unix epoch) or more.
    #[must_use]
    pub fn jumping_from_wall_ms(mut self, wall_ms: u64, by_ms: i64) -> Self {
        self.jumps.push((Trigger::FromWallMs(wall_ms), by_ms));
        self
    }
}

impl<S: TimeSource> TimeSource for JumpingTime<S> {
    fn wall_ms(&self) -> u64 {
        let reads_before = self.reads.fetch_add(1, Ordering::Relaxed);
        let true_ms = self.source.wall_ms();
        let is_due = |trigger: Trigger| match trigger {
            Trigger::AfterReads(reads) => reads_before >= reads,
            Trigger::FromWallMs(wall_ms) => true_ms >= wall_ms,
        };
        let due = self.jumps.iter().filter(|(trigger, _)| is_due(*trigger));
        shown(i128::from(true_ms) + due.map(|(_, by_ms)| i128::from(*by_ms)).sum::<i128>())
    }
}

fn shown(wall_ms: i128) -> u64 {
    u64::try_from(wall_ms.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::ManualTime;
    use super::*;

    const NOW_MS: u64 = 1_760_000_000_000;

    #[test]
    fn a_skewed_clock_is_off_and_drifts() {
        let source = ManualTime::starting_at(NOW_MS);
        let slow = SkewedTime::new(source.clone(), -600).with_drift_ppm(-100);
        let fast = SkewedTime::new(source.clone(), 600).with_drift_ppm(100);
        assert_eq!((slow.wall_ms(), fast.wall_ms()), (NOW_MS - 600, NOW_MS + 600));
        source.advance_ms(1_000_000);
        assert_eq!((slow.wall_ms(), fast.wall_ms()), (NOW_MS + 999_300, NOW_MS + 1_000_700));
    }

    #[test]
    fn a_distorted_clock_neither_wraps_nor_panics() {
        let source = ManualTime::starting_at(0);
        let skewed = SkewedTime::new(source.clone(), i64::MIN).with_drift_ppm(i32::MAX);
        assert_eq!(skewed.wall_ms(), 0);
        source.jump_to(u64::MAX);
        assert_eq!(skewed.wall_ms(), u64::MAX);
    }

    #[test]
    fn a_jumping_clock_follows_its_script() {
        let source = ManualTime::starting_at(NOW_MS);
        let jumping = JumpingTime::new(source.clone())
            .jumping_after_reads(2, 5_000)
            .jumping_from_wall_ms(NOW_MS + 10, -7_000);
        assert_eq!([(); 3].map(|()| jumping.wall_ms()), [NOW_MS, NOW_MS, NOW_MS + 5_000]);
        source.advance_ms(10);
        assert_eq!(jumping.wall_ms(), NOW_MS + 10 - 2_000);
    }

    #[test]
    fn distortions_can_be_put_on_top_of_each_other() {
        let jumping = JumpingTime::new(|| NOW_MS).jumping_after_reads(1, -50);
        let both = SkewedTime::new(jumping, 20);
        assert_eq!(both.wall_ms(), NOW_MS - 30, "the first read was its making");
    }
}
