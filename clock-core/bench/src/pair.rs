//! Two threads that do something at the same time, and proof that they did.
//!
//! On a busy machine one thread may run while the other waits for a processor. Each then has the shared data for itself
//! and looks fast, so a low quantile would pick exactly the runs that measure nothing. A run counts only if both spans
//! nearly coincide.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::work::Run;

/// What part of the time from the first start to the last end both must have been running, in percent. At 90 the share
/// of uncontended work is at most a tenth.
const OVERLAP_PERCENT_MIN: u32 = 90;

/// A part of the work that is done before, to fill caches.
const WARM_UP_PART: u64 = 8;

/// How often to look for the other thread before letting others run: some ten microseconds.
const SPINS_MAX: u32 = 1000;

/// The mean time of a thread, and whether they ran at the same time.
pub(crate) fn run(work: &(dyn Fn(usize, u64) + Sync), times: u64) -> Run {
    let ready = AtomicUsize::new(0);
    let one = |thread: usize| {
        work(thread, times / WARM_UP_PART + 1);
        ready.fetch_add(1, Ordering::AcqRel);
        let mut spins = 0;
        while ready.load(Ordering::Acquire) < 2 {
            spins += 1;
            // The other thread may be waiting for this very processor.
            match spins < SPINS_MAX {
                true => std::hint::spin_loop(),
                false => thread::yield_now(),
            }
        }
        let start = Instant::now();
        work(thread, times);
        (start, Instant::now())
    };
    let ((start, end), (other_start, other_end)) = thread::scope(|scope| {
        let other = scope.spawn(|| one(1));
        let own = one(0);
        (own, other.join().expect("the other thread does the same work"))
    });
    let whole = end.max(other_end) - start.min(other_start);
    let both = end.min(other_end).saturating_duration_since(start.max(other_start));
    let taken = ((end - start) + (other_end - other_start)) / 2;
    Run { taken, counts: both * 100 >= whole * OVERLAP_PERCENT_MIN }
}
