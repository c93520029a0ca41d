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
        // From nothing, and not from the blocks before: so that one block need not wait for the other to be folded.
        let block = signs((0, 0), left, right);
        ahead = (ahead.0 | block.0, ahead.1 | block.1);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clocks::MAX_JUMP;
    use crate::versions::simd;
    use proptest::prelude::*;

    /// Longer than two blocks and every vector width, so that each loop has a body and a tail.
    const LEN_MAX: usize = 130;

    fn lane(lanes: &[u64], index: usize) -> u64 {
        lanes.get(index).copied().unwrap_or(0)
    }

    /// The definitions, lane by lane.
    mod scalar {
        use super::*;

        pub(super) fn contains(left: &[u64], right: &[u64]) -> bool {
            (0..left.len().max(right.len())).all(|index| lane(left, index) >= lane(right, index))
        }

        pub(super) fn compare(left: &[u64], right: &[u64]) -> Ordering {
            Ordering::from_dominance(!contains(right, left), !contains(left, right))
        }

        pub(super) fn join(left: &[u64], right: &[u64]) -> Vec<u64> {
            (0..left.len()).map(|index| lane(left, index).max(lane(right, index))).collect()
        }

        pub(super) fn rises_within(left: &[u64], right: &[u64], jump: u64) -> bool {
            (0..right.len()).all(|index| lane(right, index).saturating_sub(lane(left, index)) <= jump)
        }
    }

    /// All four loops, as written and as compiled for this processor, against the definitions.
    fn check(left: &[u64], right: &[u64]) {
        let expected = scalar::compare(left, right);
        assert_eq!(compare(left, right), expected, "{left:?} to {right:?}");
        assert_eq!(simd::compare(left, right), expected, "{left:?} to {right:?}");
        let expected = scalar::contains(left, right);
        assert_eq!(contains(left, right), expected, "{left:?} contains {right:?}");
        assert_eq!(simd::contains(left, right), expected, "{left:?} contains {right:?}");
        if left.len() >= right.len() {
            let (mut plain, mut wide) = (left.to_vec(), left.to_vec());
            join(&mut plain, right);
            simd::join(&mut wide, right);
            assert_eq!(plain, scalar::join(left, right), "{left:?} with {right:?}");
            assert_eq!(wide, plain);
        }
        for jump in [0, 1, MAX_JUMP] {
            check_rises(left, right, jump);
        }
    }

    /// Exact, except that it may say no where a lane is within `jump` of the end of the range.
    fn check_rises(left: &[u64], right: &[u64], jump: u64) {
        let (says, exact) = (rises_within(left, right, jump), scalar::rises_within(left, right, jump));
        assert_eq!(simd::rises_within(left, right, jump), says);
        assert!(exact || !says, "{left:?} to {right:?} does not rise within {jump}");
        let is_near_the_end = left.iter().any(|lane| *lane > MAX_COUNTER - jump);
        assert!(says == exact || is_near_the_end, "{left:?} to {right:?} rises within {jump}");
    }

    #[test]
    fn one_lane_that_differs_is_found_at_every_place_of_every_length() {
        for len in 0..=LEN_MAX {
            let equal = vec![5; len];
            check(&equal, &equal);
            for place in 0..len {
                for other in [0, 4, 6, MAX_COUNTER] {
                    let mut lanes = equal.clone();
                    lanes[place] = other;
                    check(&equal, &lanes);
                    check(&lanes, &equal);
                }
            }
        }
    }

    #[test]
    fn two_lanes_that_disagree_are_concurrent_wherever_they_are() {
        for len in [2, 8, 9, 24, 63, 64, 65, 127, 128, 129, 130] {
            for (ahead, behind) in (0..len).flat_map(|ahead| [(ahead, 0), (ahead, len / 2), (ahead, len - 1)])
            {
                let (left, mut right) = (vec![5; len], vec![5; len]);
                right[behind] -= 1;
                right[ahead] = 6;
                check(&left, &right);
                check(&right, &left);
            }
        }
    }

    #[test]
    fn a_missing_lane_is_zero_whichever_side_is_shorter() {
        for long in 0..=LEN_MAX {
            for short in (0..=long).step_by(7).chain([long.saturating_sub(1)]) {
                let (lefts, rights) = (vec![1; short], vec![1; long]);
                let mut padded = lefts.clone();
                padded.resize(long, 0);
                for (left, right) in [(&lefts, &rights), (&lefts, &padded), (&rights, &padded)] {
                    check(left, right);
                    check(right, left);
                }
            }
        }
    }

    fn counters() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..3,
            (0u64..3).prop_map(|below| MAX_COUNTER - below),
            (0u64..3).prop_map(|beside| MAX_JUMP - 1 + beside),
            (0u64..3).prop_map(|beside| MAX_COUNTER - MAX_JUMP - 1 + beside),
        ]
    }

    proptest! {
        #[test]
        fn loops_agree_with_the_definitions_on_extreme_counters(
            left in prop::collection::vec(counters(), 0..=LEN_MAX),
            right in prop::collection::vec(counters(), 0..=LEN_MAX),
            place in proptest::arbitrary::any::<prop::sample::Index>(),
        ) {
            check(&left, &right);
            check(&right, &left);
            // Random vectors are concurrent; close ones are not.
            let mut close = left.clone();
            if !close.is_empty() {
                let place = place.index(close.len());
                close[place] = lane(&right, place);
            }
            check(&left, &close);
            check(&close, &left);
        }

        #[test]
        fn the_larger_of_two_counters_is_the_larger(left in counters(), right in counters()) {
            prop_assert_eq!(larger(left, right), left.max(right));
        }
    }
}
