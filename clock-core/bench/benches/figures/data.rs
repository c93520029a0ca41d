//! The same members and counters for everybody.

use crate::contestants::ours::Bases;

/// Members with counters as real systems have them: named like services, counted up to a million.
pub(crate) struct Data {
    pub(crate) names: Vec<String>,
    pub(crate) counters: Vec<u64>,
    /// What our own vectors are made from.
    pub(crate) bases: Bases,
}

/// The counters are arbitrary but the same in every run.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const COUNTER_MAX: u64 = 1_000_000;

impl Data {
    pub(crate) fn of(entries: usize) -> Self {
        let mut state = SEED;
        let mut next = || {
            // Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014, figure 13.
            state = state.wrapping_add(SEED);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) % COUNTER_MAX + 1
        };
        // Of one width, so that the order of names is that of numbers.
        let width = if entries < 1000 { 3 } else { 4 };
        let names = (1..=entries).map(|number| format!("service-{number:0width$}")).collect();
        Self { names, counters: (0..entries).map(|_| next()).collect(), bases: Bases::default() }
    }

    /// With some entries one larger.
    pub(crate) fn raised(&self, at: &[usize]) -> Vec<u64> {
        let mut counters = self.counters.clone();
        at.iter().for_each(|at| counters[*at] += 1);
        counters
    }

    /// With every other entry larger by `by`, the first one not: it is the own entry of who merges this.
    pub(crate) fn half_raised(&self, by: u64) -> Vec<u64> {
        let raise = |(index, counter): (usize, &u64)| counter + if index % 2 == 1 { by } else { 0 };
        self.counters.iter().enumerate().map(raise).collect()
    }

    pub(crate) fn entries(&self) -> usize {
        self.counters.len()
    }

    pub(crate) fn last(&self) -> usize {
        self.counters.len() - 1
    }
}
