//! What decoding may allocate: a global allocator that counts, and the meter that holds a decoder to its limit.
//!
//! A claimed length that is believed costs memory, not a panic, and no fuzzer notices that by itself. So each decoder
//! states its [`Limit`], and the part of an execution that decodes runs inside [`Meter::decode`], which panics where
//! the largest single allocation or the peak of live bytes goes beyond it. What the checks around it allocate does
//! not count.
//!
//! Counts are kept by thread, so tests run side by side. Statics that are filled on first use must be filled before
//! the measured part: the memberships of [`crate::group`] are the only ones.

#![expect(unsafe_code, reason = "a global allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt;

/// Bytes a decoder may allocate: `constant_bytes`, and `bytes_per_byte` for each byte of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Allowed for every input, however short.
    pub constant_bytes: usize,
    /// Allowed for each byte of the input.
    pub bytes_per_byte: usize,
}

impl Limit {
    /// The limit for an input of this size.
    #[must_use]
    pub const fn of(self, input_bytes: usize) -> usize {
        self.constant_bytes + self.bytes_per_byte * input_bytes
    }
}

/// `4096 + 16 n`, n being the bytes of the input.
impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes_per_byte {
            0 => write!(formatter, "{}", self.constant_bytes),
            factor => write!(formatter, "{} + {factor} n", self.constant_bytes),
        }
    }
}

/// What the measured parts of one execution used at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// The largest single request, in bytes.
    pub largest_bytes: usize,
    /// The most that was live at once, beyond what was live before, in bytes.
    pub peak_bytes: usize,
}

impl Usage {
    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            largest_bytes: self.largest_bytes.max(other.largest_bytes),
            peak_bytes: self.peak_bytes.max(other.peak_bytes),
        }
    }
}

/// Holds one decoder to its limit during one execution.
#[derive(Debug)]
pub struct Meter {
    limit: Limit,
    used: Cell<Option<Usage>>,
}

impl Meter {
    pub(crate) const fn new(limit: Limit) -> Self {
        Self { limit, used: Cell::new(None) }
    }

    /// Runs the decoding of `input_bytes` bytes.
    ///
    /// # Panics
    /// If it allocated more than the limit.
    pub fn decode<T>(&self, input_bytes: usize, decode: impl FnOnce() -> T) -> T {
        TALLY.set(Tally::ZERO);
        let value = decode();
        let used = TALLY.get().usage();
        let limit = self.limit.of(input_bytes);
        assert!(
            used.largest_bytes <= limit,
            "allocation: {} bytes at once for an input of {input_bytes}: expected at most {limit}",
            used.largest_bytes
        );
        assert!(
            used.peak_bytes <= limit,
            "allocation: {} bytes live for an input of {input_bytes}: expected at most {limit}",
            used.peak_bytes
        );
        self.used.set(Some(self.used.get().unwrap_or_default().max(used)));
        value
    }

    /// What was used so far; `None` if nothing was measured.
    pub(crate) fn used(&self) -> Option<Usage> {
        self.used.get()
    }
}

#[derive(Clone, Copy)]
struct Tally {
    /// Negative where the measured part frees what was there before.
    live: isize,
    peak: isize,
    largest: usize,
}

impl Tally {
    const ZERO: Self = Self { live: 0, peak: 0, largest: 0 };

    fn usage(self) -> Usage {
        Usage { largest_bytes: self.largest, peak_bytes: self.peak.unsigned_abs() }
    }
}

thread_local! {
    /// Initialised by a constant and without a destructor: reading and writing it never allocates and never fails.
    static TALLY: Cell<Tally> = const { Cell::new(Tally::ZERO) };
}

fn count_in(bytes: usize) {
    let mut tally = TALLY.get();
    tally.live = tally.live.wrapping_add_unsigned(bytes);
    tally.peak = tally.peak.max(tally.live);
    tally.largest = tally.largest.max(bytes);
    TALLY.set(tally);
}

fn count_out(bytes: usize) {
    let mut tally = TALLY.get();
    tally.live = tally.live.wrapping_sub_unsigned(bytes);
    TALLY.set(tally);
}

struct CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

// SAFETY: every method hands its arguments unchanged to `System` and returns what `System` returned, so each promise of
// `GlobalAlloc` holds because it holds of `System`, and what is asked of the caller is what `System` asks. The counting
// beside it does not unwind (its arithmetic wraps, and its thread-local cannot fail: see there) and does not allocate,
// so it never re-enters.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_in(layout.size());
        // SAFETY: the caller's promise about `layout` is the one `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count_in(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count_out(layout.size());
        // SAFETY: the pointer came from `System` through one of these methods, with this layout, as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    /// Both blocks count while the old one is copied.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        count_in(new_bytes);
        count_out(layout.size());
        // SAFETY: as in `dealloc`; the caller's promise about `new_bytes` is the one `System` asks for.
        unsafe { System.realloc(pointer, layout, new_bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    const LIMIT: Limit = Limit { constant_bytes: 1000, bytes_per_byte: 2 };

    #[test]
    fn the_largest_allocation_and_the_peak_are_counted() {
        let meter = Meter::new(LIMIT);
        meter.decode(0, || {
            drop(black_box(vec![0u8; 300]));
            let first = black_box(vec![1u8; 400]);
            let second = black_box(Vec::<u8>::with_capacity(200));
            drop((first, second));
        });
        assert_eq!(meter.used(), Some(Usage { largest_bytes: 400, peak_bytes: 600 }));
    }

    #[test]
    fn growing_counts_the_old_block_and_the_new_one() {
        let meter = Meter::new(LIMIT);
        meter.decode(0, || {
            let mut bytes = black_box(Vec::<u8>::with_capacity(100));
            bytes.reserve_exact(300);
            drop(black_box(bytes));
        });
        assert_eq!(meter.used(), Some(Usage { largest_bytes: 300, peak_bytes: 400 }));
    }

    #[test]
    fn one_byte_above_the_limit_is_a_panic() {
        let allocate = |bytes: usize| {
            let decode = || black_box(vec![0u8; bytes]).len();
            std::panic::catch_unwind(|| Meter::new(LIMIT).decode(8, decode))
        };
        assert_eq!(allocate(1016).ok(), Some(1016));
        assert!(allocate(1017).is_err());
    }
}
