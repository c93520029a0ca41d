//! Dice without a stream: each answer is a hash of what is asked.
//!
//! A random generator per lane would give other numbers as soon as one more frame, rule or thread asked
//! it. Here the answer depends on (seed, rule, lane, index) alone, so the same frames meet the same fate in
//! every run. The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
//!
//! One question may need several numbers that know nothing of each other: whether a frame is chosen, how far its
//! delay is spread, which of its bits flip. Each has a [`Purpose`], which salts the hash.

use super::RuleId;

/// Identifies a lane across runs: its flow by name, its connection's ordinal on the dialled pair, its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneKey(u64);

impl LaneKey {
    /// `ordinal` counts the connections accepted on the pair's listener from 0. The flow counts by name, so
    /// that one more station in the topology changes nothing for the others.
    pub(crate) fn new(flow: &str, ordinal: u64, is_forward: bool) -> Self {
        let name = flow.bytes().fold(0x6c61_6e65, |hash, byte| mix(hash ^ u64::from(byte)));
        Self(mix(mix(name ^ ordinal) ^ u64::from(is_forward)))
    }
}

/// What a number is for. The salts are part of what a seed means, so a number is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Whether a frame is chosen.
    Choice,
    /// Whether a connection is under the rule.
    Connection,
    /// Whether the draw before is repeated.
    Repeat,
    /// How far a delay is spread, and the second number that a normal draw needs.
    Jitter,
    JitterPair,
    /// Whether the state of a burst changes, and in which state it begins.
    Transition,
    FirstState,
    /// Whether a frame of a burst is lost.
    Loss,
    /// Which bit is flipped, counted from 0.
    Bit(u32),
    /// How far it is to the next damaged byte, and what is done to it.
    Gap,
    Damage,
    /// How long a piece is.
    Piece,
}

impl Purpose {
    fn salt(self) -> u64 {
        match self {
            Purpose::Choice => 0,
            Purpose::Connection => 1,
            Purpose::Repeat => 2,
            Purpose::Jitter => 3,
            Purpose::JitterPair => 4,
            Purpose::Transition => 5,
            Purpose::FirstState => 6,
            Purpose::Loss => 7,
            Purpose::Gap => 8,
            Purpose::Damage => 9,
            Purpose::Piece => 10,
            Purpose::Bit(number) => (1 << 32) | u64::from(number),
        }
    }
}

/// One question: this rule, about this frame of this lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) seed: u64,
    pub(crate) rule: RuleId,
    pub(crate) lane: LaneKey,
    pub(crate) index: u64,
}

impl Question {
    /// A number of which every bit is as good as any other.
    pub(crate) fn bits(self, purpose: Purpose) -> u64 {
        let rule = mix(mix(self.seed) ^ u64::from(self.rule.0));
        let hash = mix(mix(rule ^ self.lane.0) ^ self.index);
        match purpose.salt() {
            0 => hash,
            salt => mix(hash ^ mix(salt)),
        }
    }

    /// An even number in `0.0..1.0`.
    pub(crate) fn unit(self, purpose: Purpose) -> f64 {
        // The upper 53 bits are exactly what an f64 can hold.
        (self.bits(purpose) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An even number in `0..end`, and 0 if that is empty.
    pub(crate) fn below(self, end: usize, purpose: Purpose) -> usize {
        let end = u128::try_from(end).unwrap_or(0);
        // Multiply and shift (Lemire, 2019): the bias is below one in 2^64 divided by the range.
        let number = (u128::from(self.bits(purpose)) * end) >> 64;
        usize::try_from(number).unwrap_or(0)
    }

    /// Whether an event of this probability happens.
    pub(crate) fn happens(self, probability: f64, purpose: Purpose) -> bool {
        self.unit(purpose) < probability
    }
}

fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(seed: u64, rule: u32, lane: LaneKey, index: u64) -> Question {
        Question { seed, rule: RuleId(rule), lane, index }
    }

    fn picks(seed: u64, rule: u32, lane: LaneKey) -> Vec<u64> {
        (0..2000).filter(|index| question(seed, rule, lane, *index).happens(0.2, Purpose::Choice)).collect()
    }

    #[test]
    fn the_same_question_has_the_same_answer_in_every_build() {
        let lane = LaneKey::new("a->b", 3, true);
        let first: Vec<u64> = picks(42, 1, lane).into_iter().take(6).collect();
        // Golden: a change here changes the meaning of every seed that anyone has written down.
        assert_eq!(first, GOLDEN);
    }

    const GOLDEN: [u64; 6] = [10, 17, 20, 23, 25, 30];

    #[test]
    fn each_part_of_the_question_matters() {
        let lane = LaneKey::new("a->b", 0, true);
        let base = picks(42, 1, lane);
        assert_ne!(base, picks(43, 1, lane));
        assert_ne!(base, picks(42, 2, lane));
        assert_ne!(base, picks(42, 1, LaneKey::new("b->a", 0, true)));
        assert_ne!(base, picks(42, 1, LaneKey::new("a->b", 1, true)));
        assert_ne!(base, picks(42, 1, LaneKey::new("a->b", 0, false)));
    }

    #[test]
    fn a_probability_is_met_within_four_sigma_and_its_ends_are_exact() {
        let lane = LaneKey::new("x->y", 0, true);
        let count = f64::from(u32::try_from(picks(7, 1, lane).len()).unwrap());
        let (mean, sigma) = (2000.0 * 0.2, (2000.0_f64 * 0.2 * 0.8).sqrt());
        assert!((count - mean).abs() < 4.0 * sigma, "{count} picks, expected about {mean}");
        assert!((0..2000).all(|index| question(7, 1, lane, index).happens(1.0, Purpose::Choice)));
        assert!(!(0..2000).any(|index| question(7, 1, lane, index).happens(0.0, Purpose::Choice)));
    }

    #[test]
    fn numbers_for_different_purposes_know_nothing_of_each_other() {
        let lane = LaneKey::new("a->b", 0, true);
        let all = [Purpose::Choice, Purpose::Connection, Purpose::Jitter, Purpose::Bit(0), Purpose::Bit(1)];
        let draws = |purpose| (0..20_000).map(move |index| question(3, 1, lane, index).unit(purpose) - 0.5);
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                let sum: f64 = draws(*one).zip(draws(*other)).map(|(x, y)| x * y).sum();
                // The product of two such numbers has the deviation 1/12.
                assert!(sum.abs() < 4.0 * 20_000_f64.sqrt() / 12.0, "{one:?} and {other:?}: {sum}");
            }
        }
    }

    #[test]
    fn a_number_below_an_end_reaches_all_of_them_evenly() {
        let lane = LaneKey::new("a->b", 0, true);
        let mut counts = [0_u32; 7];
        for index in 0..70_000 {
            counts[question(5, 1, lane, index).below(7, Purpose::Piece)] += 1;
        }
        let sigma = (70_000.0_f64 / 7.0 * (6.0 / 7.0)).sqrt();
        assert!(counts.iter().all(|count| (f64::from(*count) - 10_000.0).abs() < 4.0 * sigma), "{counts:?}");
        assert_eq!(question(5, 1, lane, 0).below(0, Purpose::Piece), 0);
    }
}
