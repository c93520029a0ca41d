//! The loops of [`lanes`](super::lanes), compiled for what the processor can do.
//!
//! A build for any x86-64 may use 128-bit vectors without a 64-bit maximum; most machines it runs on have twice to four
//! times that. So the same loops are compiled a second and third time, and the choice is made when they are called: a
//! load and a branch, since the answer is cached by the standard library. Elsewhere, and without `std`, there is one
//! version.
//!
//! This is the only `unsafe` code of the crate: a call of a function that needs processor features is undefined on a
//! processor without them. Each such call stands in the branch where the processor was found to have exactly those.

#[cfg(all(feature = "std", target_arch = "x86_64"))]
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

use super::lanes;
use crate::causality::Ordering;

/// Below this many lanes the call costs more than wider vectors save. All vectors that are not inline have more.
#[cfg(any(test, all(feature = "std", target_arch = "x86_64")))]
const DISPATCH_LANES_MIN: usize = 9;

#[cfg(all(feature = "std", target_arch = "x86_64"))]
macro_rules! first_len {
    ($first:ident $(, $rest:ident)*) => {
        $first.len()
    };
}

macro_rules! dispatch {
    ($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        $(#[$doc])*
        #[inline]
        pub(super) fn $name($($argument: $type),*) -> $result {
            #[cfg(all(feature = "std", target_arch = "x86_64"))]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
                fn with_avx512($($argument: $type),*) -> $result {
                    lanes::$name($($argument),*)
                }
                #[target_feature(enable = "avx2")]
                fn with_avx2($($argument: $type),*) -> $result {
                    lanes::$name($($argument),*)
                }
                if first_len!($($argument),*) >= DISPATCH_LANES_MIN {
                    match level() {
                        // SAFETY: `level` says `Avx512` only on a processor that has all four features that
                        // `with_avx512` is compiled for. The function has no other precondition: its body is safe.
                        #[allow(unsafe_code, reason = "the features were checked by level()")]
                        Level::Avx512 => return unsafe { with_avx512($($argument),*) },
                        // SAFETY: as above, with the one feature that `with_avx2` is compiled for.
                        #[allow(unsafe_code, reason = "the feature was checked by level()")]
                        Level::Avx2 => return unsafe { with_avx2($($argument),*) },
                        Level::Baseline => {}
                    }
                }
            }
            lanes::$name($($argument),*)
        }
    };
}

dispatch!(
    /// How two vectors relate.
    compare(left: &[u64], right: &[u64]) -> Ordering
);
dispatch!(
    /// Whether no lane of `right` is above its lane in `left`.
    contains(left: &[u64], right: &[u64]) -> bool
);
dispatch!(
    /// Raises every lane to the other's.
    join(lanes: &mut [u64], others: &[u64]) -> ()
);
dispatch!(
    /// Whether no lane would rise by more than `jump`.
    rises_within(lanes: &[u64], others: &[u64], jump: u64) -> bool
);

/// The widest set of features that some loop is compiled for and this processor has.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Level {
    Baseline = 1,
    Avx2 = 2,
    Avx512 = 3,
}

/// Asks the processor once. Later calls read one byte, where asking for each feature would read a word for each.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[inline]
fn level() -> Level {
    // Whoever comes first stores what all others would: no order among threads is needed.
    static LEVEL: AtomicU8 = AtomicU8::new(0);
    match LEVEL.load(Relaxed) {
        3 => Level::Avx512,
        2 => Level::Avx2,
        1 => Level::Baseline,
        _ => {
            let level = detect();
            LEVEL.store(level as u8, Relaxed);
            level
        }
    }
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
#[cold]
fn detect() -> Level {
    use std::arch::is_x86_feature_detected as has;
    match () {
        () if has!("avx512f") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw") => Level::Avx512,
        () if has!("avx2") => Level::Avx2,
        () => Level::Baseline,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Whatever this processor makes of the loops, they say the same. Run under Miri for each level by `tools/miri`.
    #[test]
    fn every_level_gives_the_answers_of_the_loops() {
        for len in [DISPATCH_LANES_MIN - 1, DISPATCH_LANES_MIN, 16, 63, 64, 65, 131] {
            let low: Vec<u64> = (0..len as u64).map(|lane| lane * 7 % 13).collect();
            let mut high = low.clone();
            high[len - 1] += 5;
            let mut other = low.clone();
            other[0] += 1;
            for (left, right) in [(&low, &low), (&low, &high), (&high, &low), (&high, &other)] {
                assert_eq!(compare(left, right), lanes::compare(left, right), "{len} lanes");
                assert_eq!(contains(left, right), lanes::contains(left, right), "{len} lanes");
                let within = |jump| (rises_within(left, right, jump), lanes::rises_within(left, right, jump));
                assert!([0, 4, 5].map(within).iter().all(|(wide, plain)| wide == plain), "{len} lanes");
                let (mut wide, mut plain) = (left.clone(), left.clone());
                join(&mut wide, right);
                lanes::join(&mut plain, right);
                assert_eq!(wide, plain, "{len} lanes");
            }
        }
    }

    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    #[test]
    fn the_level_is_what_the_processor_has() {
        assert_eq!(level(), detect());
        assert_eq!(level() != Level::Baseline, std::arch::is_x86_feature_detected!("avx2"));
    }
}
