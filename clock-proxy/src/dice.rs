//! A stream of numbers for plans: random shapes and times, drawn before anything runs.
//!
//! SplitMix64 (Steele, Lea and Flood, 2014). Written out here, so that the same seed gives the same plan in
//! every version of every dependency. What happens to frames is not drawn from a stream, see `rule/decision.rs`.

use std::time::Duration;

#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// One stream per (seed, number).
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let seed = Self(seed).number();
        Self(Self(seed ^ number).number())
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Even in `0..bound`; 0 for a bound of 0. The bias is below one in 2^50 for the bounds in use here.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.number()) * u128::try_from(bound).unwrap_or(0);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Even in `from..=to`, to the microsecond.
    pub(crate) fn duration(&mut self, from: Duration, upto: Duration) -> Duration {
        let micros = upto.saturating_sub(from).as_micros();
        let count = usize::try_from(micros).unwrap_or(usize::MAX).saturating_add(1);
        from + Duration::from_micros(u64::try_from(self.below(count)).unwrap_or(0))
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        from.get(self.below(from.len())).copied()
    }

    /// Fisher and Yates.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_number_give_the_same_stream_and_others_do_not() {
        let first = |seed, number| Dice::new(seed, number).number();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(2, 1));
        assert_ne!(first(1, 2), first(1, 3));
        let mut order: Vec<usize> = (0..10).collect();
        Dice::new(7, 0).shuffle(&mut order);
        assert_eq!(
            order,
            [4, 1, 9, 2, 5, 8, 0, 7, 3, 6],
            "a plan that was saved by its seed alone is another now"
        );
    }

    #[test]
    fn every_value_of_a_small_range_comes_up_about_as_often() {
        let mut dice = Dice::new(3, 0);
        let mut counts = [0_u32; 5];
        for _ in 0..5000 {
            counts[dice.below(5)] += 1;
        }
        // Four sigma of a binomial of 5000 and 1/5.
        assert!(counts.iter().all(|count| count.abs_diff(1000) < 114), "{counts:?}");
        let (from, upto) = (Duration::from_micros(3), Duration::from_micros(5));
        assert!((0..100).all(|_| (from..=upto).contains(&dice.duration(from, upto))));
    }
}
