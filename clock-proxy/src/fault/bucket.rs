//! The token bucket of a rate, and who shares one.
//!
//! A bucket holds up to `burst` bytes and fills at the rate. Instead of a level, which every look would have to
//! bring up to date, it keeps the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371):
//! one number, so connections on different threads share it without a lock. Two that look at the same moment may
//! both take the same bytes; the bucket is then in debt, and the mean stays exact.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::directory::{FlowId, NodeId};
use crate::rule::{Rate, RateScope};

/// Time is counted in picoseconds: at 10 GB/s a byte takes a hundred of them, and they last for 213 days.
const PICOS_PER_SECOND: u128 = 1_000_000_000_000;

/// Who shares a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PoolKey {
    Flow(FlowId),
    Node(NodeId),
    All,
}

/// The buckets of one rule that several connections share.
#[derive(Debug, Default)]
pub(crate) struct Pools(Mutex<BTreeMap<PoolKey, Arc<Bucket>>>);

impl Pools {
    /// The bucket of a lane that carries `flow`, which starts at node `from`.
    pub(crate) fn bucket(&self, rate: Rate, flow: FlowId, from: NodeId, now: Instant) -> Arc<Bucket> {
        let key = match rate.scope {
            RateScope::Connection => return Arc::new(Bucket::new(rate, now)),
            RateScope::Flow => PoolKey::Flow(flow),
            RateScope::Node => PoolKey::Node(from),
            RateScope::All => PoolKey::All,
        };
        // Held for a look-up, once per lane and rule. Nothing in it can be half done.
        let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(pools.entry(key).or_insert_with(|| Arc::new(Bucket::new(rate, now))))
    }
}

/// Bytes that may pass.
#[derive(Debug)]
pub(crate) struct Bucket {
    start: Instant,
    picos_per_byte: u64,
    burst_picos: u64,
    /// When it is full, as a time since the start.
    full_at_picos: AtomicU64,
}

impl Bucket {
    fn new(rate: Rate, start: Instant) -> Self {
        // Nothing at all passes at a rate of zero.
        let picos = PICOS_PER_SECOND.checked_div(u128::from(rate.bytes_per_second));
        let picos_per_byte = picos.and_then(|picos| u64::try_from(picos).ok()).unwrap_or(u64::MAX).max(1);
        let burst = rate.burst.max(1);
        let burst_picos = if picos.is_some() { burst.saturating_mul(picos_per_byte) } else { 0 };
        Self { start, picos_per_byte, burst_picos, full_at_picos: AtomicU64::new(0) }
    }

    /// Bytes that may pass now.
    pub(crate) fn allowance(&self, now: Instant) -> usize {
        let debt = self.full_at_picos.load(Ordering::Relaxed).saturating_sub(self.picos(now));
        let bytes = self.burst_picos.saturating_sub(debt) / self.picos_per_byte;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// Takes bytes that have passed.
    pub(crate) fn take(&self, bytes: usize, now: Instant) {
        let now = self.picos(now);
        let cost = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(self.picos_per_byte);
        let later = |full_at: u64| Some(full_at.max(now).saturating_add(cost));
        // The closure always has an answer, so this cannot fail.
        let _ = self.full_at_picos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }

    /// When this many bytes may pass, or a full bucket if that is less. None if never.
    pub(crate) fn ready_at(&self, bytes: usize) -> Option<Instant> {
        if self.burst_picos == 0 {
            return None;
        }
        let cost = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(self.picos_per_byte);
        let wanted = cost.min(self.burst_picos);
        let full_at = self.full_at_picos.load(Ordering::Relaxed);
        let at = full_at.saturating_add(wanted).saturating_sub(self.burst_picos);
        // Rounded up: asked a nanosecond early, the last byte would not be there yet.
        self.start.checked_add(Duration::from_nanos(at.div_ceil(1000)))
    }

    /// The number of bytes that are worth waking up for: a millisecond's, since a timer is no finer, or a full bucket.
    pub(crate) fn portion(&self) -> usize {
        let full = self.burst_picos / self.picos_per_byte;
        usize::try_from((1_000_000_000 / self.picos_per_byte).min(full).max(1)).unwrap_or(usize::MAX)
    }

    fn picos(&self, now: Instant) -> u64 {
        let nanos = now.saturating_duration_since(self.start).as_nanos();
        u64::try_from(nanos.saturating_mul(1000)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(bytes_per_second: u64) -> Rate {
        // What the grammar takes for a rate that names none.
        let burst = (bytes_per_second / 100).max(1500);
        Rate { bytes_per_second, burst, scope: RateScope::Connection }
    }

    /// Disproved by a throughput that is off by more than the burst at its start, however late the looks come.
    #[test]
    fn the_mean_is_exact_from_a_tenth_of_a_megabyte_to_500() {
        for bytes_per_second in [100_000, 1_000_000, 33_333_333, 500_000_000] {
            let start = Instant::now();
            let bucket = Bucket::new(rate(bytes_per_second), start);
            let (mut now, mut passed, mut look) = (start, 0_u64, 0_u64);
            while now < start + Duration::from_secs(10) {
                let bytes = bucket.allowance(now);
                bucket.take(bytes, now);
                passed += u64::try_from(bytes).unwrap();
                look += 1;
                // A millisecond late, twice, or not at all.
                let late = Duration::from_micros([0, 1000, 2000][usize::try_from(look % 3).unwrap()]);
                now =
                    bucket.ready_at(bucket.portion()).unwrap().max(now) + late.min(Duration::from_millis(1));
            }
            let expected = bytes_per_second as f64 * (now - start).as_secs_f64();
            let error = passed as f64 / expected - 1.0;
            assert!(error.abs() < 0.01, "{bytes_per_second} B/s is off by {error}");
        }
    }

    #[test]
    fn a_bucket_is_never_fuller_than_full_and_never_open_at_rate_zero() {
        let start = Instant::now();
        let bucket = Bucket::new(rate(1_000_000), start);
        let later = start + Duration::from_secs(100);
        assert_eq!((bucket.allowance(start), bucket.allowance(later)), (10_000, 10_000));
        bucket.take(30_000, later);
        assert_eq!(bucket.allowance(later + Duration::from_millis(20)), 0, "it is in debt");
        assert_eq!(bucket.allowance(later + Duration::from_millis(21)), 1000);
        assert_eq!(bucket.ready_at(1000), Some(later + Duration::from_millis(21)));
        let shut = Bucket::new(rate(0), start);
        assert_eq!((shut.allowance(later), shut.ready_at(1)), (0, None));
    }

    #[test]
    fn those_of_one_scope_share_one_bucket() {
        let mut directory = crate::directory::Directory::default();
        let (a, b) = (directory.add_station("a", None), directory.add_station("b", None));
        let c = directory.add_station("c", None);
        let flow = |from, to| directory.flow(from, to).unwrap();
        let now = Instant::now();
        let shared = |scope, one: (NodeId, NodeId), two: (NodeId, NodeId)| {
            let (pools, rate) = (Pools::default(), Rate { scope, ..rate(1000) });
            let (x, y) = (flow(one.0, one.1), flow(two.0, two.1));
            Arc::ptr_eq(&pools.bucket(rate, x, one.0, now), &pools.bucket(rate, y, two.0, now))
        };
        assert!(!shared(RateScope::Connection, (a, b), (a, b)));
        assert!(shared(RateScope::Flow, (a, b), (a, b)) && !shared(RateScope::Flow, (a, b), (a, c)));
        assert!(shared(RateScope::Node, (a, b), (a, c)) && !shared(RateScope::Node, (a, b), (c, b)));
        assert!(shared(RateScope::All, (a, b), (b, c)));
    }
}
