//! How two timestamps relate, and the only code that decides it.
//!
//! Happens-before is a partial order: two writes made without knowledge of each other are
//! [`Ordering::Concurrent`], and no total order can say so. A vector of counters characterises it exactly
//! (Fidge 1988; Mattern 1989, theorem 10): `a` happened before `b` if and only if every entry of `a` is at
//! most the same entry of `b` and one is smaller.
//!
//! Every type that carries such a vector compares through [`compare_entries`], so they cannot disagree.
//! This module never reads a clock: physical time has no say in the result.

use core::cmp;
use core::fmt;

/// The relation of a left timestamp to a right one under happens-before (Lamport 1978).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ordering {
    /// The left happened before the right: the right knew of it.
    Before,
    /// The left happened after the right: it knew of the right.
    After,
    /// Both stand for exactly the same past.
    Equal,
    /// Neither knew of the other. Whoever picks a winner here drops a write.
    Concurrent,
}

impl Ordering {
    /// The relation seen from the other side; `Equal` and `Concurrent` are symmetric.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Self::Before => Self::After,
            Self::After => Self::Before,
            Self::Equal => Self::Equal,
            Self::Concurrent => Self::Concurrent,
        }
    }

    #[inline]
    pub(crate) fn from_dominance(left_is_ahead: bool, right_is_ahead: bool) -> Self {
        match (left_is_ahead, right_is_ahead) {
            (false, false) => Self::Equal,
            (true, false) => Self::After,
            (false, true) => Self::Before,
            (true, true) => Self::Concurrent,
        }
    }
}

impl fmt::Display for Ordering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Before => "BEFORE",
            Self::After => "AFTER",
            Self::Equal => "EQUAL",
            Self::Concurrent => "CONCURRENT",
        })
    }
}

/// Compares two vectors given as entries, in one pass that stops as soon as the answer is `Concurrent`.
///
/// Both sides must be in normal form: strictly ascending keys and no zero counter. A missing entry is zero.
/// On other input the result is meaningless, but the pass still ends and never panics.
pub fn compare_entries<K: Ord>(
    left: impl IntoIterator<Item = (K, u64)>,
    right: impl IntoIterator<Item = (K, u64)>,
) -> Ordering {
    let (mut lefts, mut rights) = (left.into_iter(), right.into_iter());
    let (mut left_entry, mut right_entry) = (lefts.next(), rights.next());
    let (mut left_is_ahead, mut right_is_ahead) = (false, false);
    while !(left_is_ahead && right_is_ahead) {
        let by_key = match (&left_entry, &right_entry) {
            (None, None) => break,
            (Some(_), None) => cmp::Ordering::Less,
            (None, Some(_)) => cmp::Ordering::Greater,
            (Some((left_key, _)), Some((right_key, _))) => left_key.cmp(right_key),
        };
        let left_count = if by_key.is_le() { take_count(&mut left_entry, &mut lefts) } else { 0 };
        let right_count = if by_key.is_ge() { take_count(&mut right_entry, &mut rights) } else { 0 };
        left_is_ahead |= left_count > right_count;
        right_is_ahead |= right_count > left_count;
    }
    Ordering::from_dominance(left_is_ahead, right_is_ahead)
}

fn take_count<K>(entry: &mut Option<(K, u64)>, rest: &mut impl Iterator<Item = (K, u64)>) -> u64 {
    let count = entry.take().map_or(0, |(_, count)| count);
    *entry = rest.next();
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Vector = BTreeMap<u8, u64>;

    fn compare(left: &Vector, right: &Vector) -> Ordering {
        compare_entries(left.iter().map(|(k, c)| (k, *c)), right.iter().map(|(k, c)| (k, *c)))
    }

    /// The definition, entry by entry, with no thought for speed.
    fn naive(left: &Vector, right: &Vector) -> Ordering {
        let at = |vector: &Vector, key| vector.get(&key).copied().unwrap_or(0);
        let left_le = (0..=u8::MAX).all(|key| at(left, key) <= at(right, key));
        let right_le = (0..=u8::MAX).all(|key| at(right, key) <= at(left, key));
        match (left_le, right_le) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Before,
            (false, true) => Ordering::After,
            (false, false) => Ordering::Concurrent,
        }
    }

    fn is_le(left: &Vector, right: &Vector) -> bool {
        matches!(compare(left, right), Ordering::Before | Ordering::Equal)
    }

    /// Few keys and small counters, so that all four relations are common.
    fn vectors() -> impl Strategy<Value = Vector> {
        prop::collection::btree_map(0u8..5, 1u64..4, 0..5)
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_definition(a in vectors(), b in vectors()) {
            prop_assert_eq!(compare(&a, &b), naive(&a, &b));
        }

        #[test]
        fn swapping_the_sides_reverses_the_answer(a in vectors(), b in vectors()) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        }

        #[test]
        fn it_is_reflexive_and_antisymmetric(a in vectors(), b in vectors()) {
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
            prop_assert_eq!(is_le(&a, &b) && is_le(&b, &a), a == b);
        }

        #[test]
        fn it_is_transitive(a in vectors(), b in vectors(), c in vectors()) {
            prop_assert!(!(is_le(&a, &b) && is_le(&b, &c)) || is_le(&a, &c));
        }
    }

    #[test]
    fn it_stops_reading_once_the_answer_is_concurrent() {
        let endless = |first: (u64, u64)| {
            std::iter::once(first).chain((10u64..).map(|key| {
                assert!(key < 14, "read past the point of decision");
                (key, 1)
            }))
        };
        assert_eq!(compare_entries(endless((1, 1)), endless((2, 1))), Ordering::Concurrent);
    }

    #[test]
    fn the_four_relations_print_in_capitals() {
        let all = [Ordering::Before, Ordering::After, Ordering::Equal, Ordering::Concurrent];
        assert_eq!(all.map(|relation| relation.to_string()), ["BEFORE", "AFTER", "EQUAL", "CONCURRENT"]);
    }
}
