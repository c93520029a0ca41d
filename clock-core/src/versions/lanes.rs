//! The inner loops over dense counters: compare, contain, join, and the bound on a jump.
//!
//! A lane is one member's counter. Counters are at most [`MAX_COUNTER`], which is 2^63 - 1, so the sign of a
//! difference tells which side is larger: no branch in the loop, and the compiler vectorises it. Missing lanes are 0.
//! Each loop is written once and compiled for the instruction sets in [`super::simd`].

use crate::causality::Ordering;
use crate::clocks::MAX_COUNTER;

/// Lanes between two looks at whether the answer is already known. Shorter blocks lose more to the look than they save.
const BLOCK: usize = 64;

const SIGN: u64 = 1 << 63;

/// How two vectors relate: one pass, ended early once they are concurrent.
#[inline(always)]
pub(super) fn compare(left: &[u64], right: &[u64]) -> Ordering {
    let common = left.len().min(right.len());
    let (left_blocks, left_rest) = left[..common].as_chunks::<BLOCK>();
    let (right_blocks, right_rest) = right[..common].as_chunks::<BLOCK>();
    let mut ahead = (0, 0);
    for (left, right) in left_blocks.iter().zip(right_blocks) {
        ahead = signs(ahead, left, right);
        if ahead.0 & ahead.1 & SIGN != 0 {
            return Ordering::Concurrent;
        }
    }
    ahead = signs(ahead, left_rest, right_rest);
    let left_is_ahead = ahead.0 & SIGN != 0 || any(&left[common..]);
    let right_is_ahead = ahead.1 & SIGN != 0 || any(&right[common..]);
    Ordering::from_dominance(left_is_ahead, right_is_ahead)
}

/// The sign bits tell whether the left, and the right, is ahead in some lane.
#[inline(always)]
fn signs(ahead: (u64, u64), left: &[u64], right: &[u64]) -> (u64, u64) {
    left.iter().zip(right).fold(ahead, |(left_ahead, right_ahead), (left, right)| {
        (left_ahead | right.wrapping_sub(*left), right_ahead | left.wrapping_sub(*right))
    })
}

/// Whether no lane of `right` is above its lane in `left`: half the work of [`compare`], ended at the first block that
/// says no.
#[inline(always)]
pub(super) fn contains(left: &[u64], right: &[u64]) -> bool {
    let common = left.len().min(right.len());
    let (left_blocks, left_rest) = left[..common].as_chunks::<BLOCK>();
    let (right_blocks, right_rest) = right[..common].as_chunks::<BLOCK>();
    left_blocks.iter().zip(right_blocks).all(|(left, right)| is_within(right, left))
        && is_within(right_rest, left_rest)
        && !any(&right[common..])
}

#[inline(always)]
fn is_within(lanes: &[u64], limits: &[u64]) -> bool {
    let over = |sign, (lane, limit): (&u64, &u64)| sign | limit.wrapping_sub(*lane);
    lanes.iter().zip(limits).fold(0, over) & SIGN == 0
}

/// Raises every lane to the other's: the join. The caller has made `lanes` at least as long as `others`.
#[inline(always)]
pub(super) fn join(lanes: &mut [u64], others: &[u64]) {
    for (lane, other) in lanes.iter_mut().zip(others) {
        *lane = larger(*lane, *other);
    }
}

/// Whether no lane would rise by more than `jump`. May say no for a lane within `jump` of the end of the range: who is
/// refused is then to be found lane by lane.
#[inline(always)]
pub(super) fn rises_within(lanes: &[u64], others: &[u64], jump: u64) -> bool {
    let common = lanes.len().min(others.len());
    let within = |lanes: &[u64], others: &[u64]| {
        let over = |sign, (lane, other): (&u64, &u64)| sign | lane.wrapping_add(jump).wrapping_sub(*other);
        lanes.iter().zip(others).fold(0, over) & SIGN == 0
    };
    within(&lanes[..common], &others[..common]) && others[common..].iter().all(|other| *other <= jump)
}

/// The larger counter, as a signed comparison: it is what vector units have, and counters fit 63 bits.
#[inline(always)]
pub(super) fn larger(left: u64, right: u64) -> u64 {
    debug_assert!(left <= MAX_COUNTER && right <= MAX_COUNTER, "a counter above 2^63 - 1 got in");
    if left.cast_signed() > right.cast_signed() { left } else { right }
}

#[inline(always)]
fn any(lanes: &[u64]) -> bool {
    lanes.iter().any(|lane| *lane != 0)
}
