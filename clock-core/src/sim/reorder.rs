//! Which of the waiting messages arrives next: the first, or a seeded choice near the front.

/// A source of arrival orders. The same seed and the same questions give the same answers.
#[derive(Debug)]
pub(super) struct Reorder {
    state: u64,
    window: usize,
}

impl Reorder {
    /// Picks among the first `window` messages; 0 and 1 both mean in order.
    pub(super) fn new(seed: u64, window: usize) -> Self {
        Self { state: seed, window: window.max(1) }
    }

    /// How many messages may overtake one before it has to arrive, so that no message waits for ever.
    pub(super) fn overtakes_max(&self) -> usize {
        self.window - 1
    }

    /// The index of the next message out of `waiting`; 0 if there is none to choose from.
    pub(super) fn pick(&mut self, waiting: usize) -> usize {
        let choices = waiting.min(self.window).max(1);
        let fair_share = u64::try_from(choices).map_or(0, |choices| self.next() % choices);
        usize::try_from(fair_share).unwrap_or(0)
    }

    /// SplitMix64 (Steele, Lea and Flood 2014, figure 16). Enough for shuffling, and no dependency.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_choices_and_stays_in_the_window() {
        let choices = |seed| {
            let mut order = Reorder::new(seed, 4);
            (0..200).map(|_| order.pick(100)).collect::<Vec<_>>()
        };
        assert_eq!(choices(7), choices(7));
        assert_ne!(choices(7), choices(8));
        assert!(choices(7).iter().all(|index| *index < 4));
    }
}
