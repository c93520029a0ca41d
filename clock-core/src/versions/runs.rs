//! Runs of sequence numbers of one replica: what is held beyond the contiguous prefix.
//!
//! Invariant: runs ascend, do not overlap and do not touch (two that touch are one), so a set has one form. Numbers are
//! at most [`MAX_COUNTER`](crate::MAX_COUNTER), half the range of their type, so "the next one" never overflows.

use alloc::vec::Vec;

/// The sequence numbers `first` to `upto`, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Run {
    pub(super) first: u64,
    pub(super) upto: u64,
}

impl Run {
    pub(super) const fn one(seq: u64) -> Self {
        Self { first: seq, upto: seq }
    }

    /// Overlaps `next`, or ends right before it. `self` does not start after it.
    const fn reaches(self, next: Self) -> bool {
        next.first <= self.upto + 1
    }
}

/// Ascending runs with a hole between each two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Runs(Vec<Run>);

impl Runs {
    /// The run from 1 up to a prefix, which is none for 0.
    pub(super) fn prefix(upto: u64) -> Self {
        Self((upto > 0).then_some(Run { first: 1, upto }).into_iter().collect())
    }

    /// Adds a run behind all others. False, and nothing added, if it is not behind them with a hole between.
    #[cfg(feature = "serde")]
    pub(super) fn append(&mut self, run: Run) -> bool {
        let fits =
            run.first <= run.upto && self.0.last().is_none_or(|last| *last < run && !last.reaches(run));
        if fits {
            self.0.push(run);
        }
        fits
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The last number of all, 0 if there is none.
    pub(super) fn last(&self) -> u64 {
        self.0.last().map_or(0, |run| run.upto)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Run> {
        self.0.iter().copied()
    }

    /// Whether all of the run is in. As runs never touch, one run has to hold all of it.
    pub(super) fn contains(&self, run: Run) -> bool {
        let index = self.0.partition_point(|own| own.upto < run.first);
        self.0.get(index).is_some_and(|own| own.first <= run.first && run.upto <= own.upto)
    }

    /// Adds a run, which closes the holes it covers.
    pub(super) fn add(&mut self, run: Run) {
        let start = self.0.partition_point(|own| own.upto + 1 < run.first);
        let end = self.0.partition_point(|own| own.first <= run.upto + 1);
        let touched = &self.0[start..end];
        let first = touched.first().map_or(run.first, |own| own.first.min(run.first));
        let upto = touched.last().map_or(run.upto, |own| own.upto.max(run.upto));
        self.0.splice(start..end, [Run { first, upto }]);
    }

    /// Adds every run of the other: linear, since the sort finds two ascending halves.
    pub(super) fn join(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
        self.0.sort();
        self.0.dedup_by(|next, last| {
            let is_one = last.reaches(*next);
            if is_one {
                last.upto = last.upto.max(next.upto);
            }
            is_one
        });
    }

    /// Removes what a prefix covers or reaches, and returns where the prefix then ends.
    ///
    /// One pass is enough: after the last run that the prefix reaches there is a hole.
    pub(super) fn absorb_into(&mut self, prefix: u64) -> u64 {
        let reached = self.0.partition_point(|run| run.first <= prefix + 1);
        self.0.drain(..reached).next_back().map_or(prefix, |last| last.upto.max(prefix))
    }

    /// What is in and not in the other.
    pub(super) fn minus(&self, other: &Self) -> Self {
        let mut rest = Vec::new();
        for run in &self.0 {
            let mut from = run.first;
            let others = &other.0[other.0.partition_point(|theirs| theirs.upto < run.first)..];
            for theirs in others.iter().take_while(|theirs| theirs.first <= run.upto) {
                if from < theirs.first {
                    rest.push(Run { first: from, upto: theirs.first - 1 });
                }
                from = theirs.upto + 1;
            }
            if from <= run.upto {
                rest.push(Run { first: from, upto: run.upto });
            }
        }
        Self(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clocks::MAX_COUNTER;

    fn runs(pairs: &[(u64, u64)]) -> Runs {
        Runs(pairs.iter().map(|(first, upto)| Run { first: *first, upto: *upto }).collect())
    }

    #[test]
    fn a_run_that_closes_a_hole_makes_one_of_two() {
        let mut held = runs(&[(3, 4), (6, 7), (10, 12)]);
        held.add(Run::one(5));
        assert_eq!(held, runs(&[(3, 7), (10, 12)]));
        held.add(Run { first: 2, upto: 20 });
        assert_eq!(held, runs(&[(2, 20)]));
    }

    #[test]
    fn a_run_that_touches_nothing_stays_alone() {
        let mut held = runs(&[(3, 4), (10, 12)]);
        held.add(Run { first: 6, upto: 8 });
        assert_eq!(held, runs(&[(3, 4), (6, 8), (10, 12)]));
    }

    #[test]
    fn a_prefix_absorbs_what_it_reaches_and_no_more() {
        let mut held = runs(&[(3, 4), (6, 7), (10, 12)]);
        assert_eq!(held.clone().absorb_into(1), 1, "3 does not follow 1");
        assert_eq!(held.absorb_into(2), 4);
        assert_eq!(held, runs(&[(6, 7), (10, 12)]));
        assert_eq!(held.clone().absorb_into(20), 20, "a prefix never gets shorter");
        assert_eq!(held.absorb_into(11), 12);
        assert!(held.is_empty());
    }

    #[test]
    fn the_last_number_of_all_is_a_number_like_any_other() {
        let mut held = runs(&[(MAX_COUNTER - 2, MAX_COUNTER - 2)]);
        held.add(Run::one(MAX_COUNTER));
        assert_eq!(held.len(), 2);
        held.add(Run::one(MAX_COUNTER - 1));
        assert_eq!(held, runs(&[(MAX_COUNTER - 2, MAX_COUNTER)]));
        assert_eq!(
            held.minus(&runs(&[(MAX_COUNTER, MAX_COUNTER)])),
            runs(&[(MAX_COUNTER - 2, MAX_COUNTER - 1)])
        );
        assert_eq!(held.absorb_into(MAX_COUNTER - 3), MAX_COUNTER);
    }

    /// Every pair of subsets of ten numbers, so every way in which runs can meet.
    #[test]
    fn all_operations_agree_with_sets_of_numbers() {
        let of_bits = |bits: u32| (0..10).filter(move |bit| bits >> bit & 1 == 1).map(|bit| bit + 1);
        let made = |bits: u32| {
            of_bits(bits).fold(Runs::default(), |mut held, seq| {
                held.add(Run::one(seq));
                held
            })
        };
        let bits = |held: &Runs| {
            held.iter().flat_map(|run| run.first..=run.upto).fold(0, |bits, seq| bits | 1u32 << (seq - 1))
        };
        let all: Vec<Runs> = (0..1 << 10).map(made).collect();
        for (left, own) in (0u32..).zip(&all) {
            assert_eq!(bits(own), left);
            for (right, other) in (0u32..).zip(&all) {
                let mut joined = own.clone();
                joined.join(other);
                assert_eq!(joined, all[(left | right) as usize], "{own:?} with {other:?}");
                assert_eq!(own.minus(other), all[(left & !right) as usize], "{own:?} without {other:?}");
                let contains_all = other.iter().all(|run| own.contains(run));
                assert_eq!(contains_all, right & !left == 0, "{own:?} contains {other:?}");
            }
        }
    }
}
