//! How long a frame is delayed.
//!
//! A draw is a number without a unit, a multiple of the rule's jitter; the delay is `base + jitter * draw`, never
//! below zero and never above [`DELAY_MAX`]. It is the draw that correlation repeats, so each frame alone is spread
//! as if there were no correlation.

use std::f64::consts::TAU;
use std::time::Duration;

use super::loss::repeated;
use crate::rule::decision::{Purpose, Question};
use crate::rule::{Delay, Spread};

/// Longest delay: a heavy tail has no end, and a frame that comes tomorrow may as well be lost.
const DELAY_MAX: Duration = Duration::from_secs(2 * 3600);

/// Shape of the heavy tail: the least whole number with a finite deviation.
const PARETO_SHAPE: f64 = 3.0;

/// Deviation of a Pareto number of that shape from 1 upwards: sqrt(3 / (2^2 * 1)).
const PARETO_SIGMA: f64 = 0.866_025_403_784_438_6;

/// The delay of one frame; `age` is how long the rule had been in force when the frame arrived.
pub(crate) fn delay(delay: &Delay, question: Question, before: &mut Option<f64>, age: Duration) -> Duration {
    if delay.jitter.is_zero() {
        return delay.base;
    }
    let draw =
        repeated(*before, delay.correlation, question).unwrap_or_else(|| draw(&delay.spread, question, age));
    *before = Some(draw);
    let seconds = delay.base.as_secs_f64() + delay.jitter.as_secs_f64() * draw;
    Duration::from_secs_f64(seconds.clamp(0.0, DELAY_MAX.as_secs_f64()))
}

fn draw(spread: &Spread, question: Question, age: Duration) -> f64 {
    let unit = question.unit(Purpose::Jitter);
    match spread {
        Spread::Uniform => 2.0 * unit - 1.0,
        // Box and Muller, 1958. One minus the number, since its logarithm must be finite.
        Spread::Normal => {
            (-2.0 * (1.0 - unit).ln()).sqrt() * (TAU * question.unit(Purpose::JitterPair)).cos()
        }
        Spread::Pareto => ((1.0 - unit).powf(-1.0 / PARETO_SHAPE) - 1.0) / PARETO_SIGMA,
        Spread::Exponential => -(1.0 - unit).ln(),
        Spread::Samples(samples) => {
            samples.get(question.below(samples.len(), Purpose::Jitter)).copied().unwrap_or(0.0)
        }
        Spread::Sine(period) if period.is_zero() => 0.0,
        Spread::Sine(period) => (TAU * (age.as_secs_f64() / period.as_secs_f64()).fract()).sin(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::RuleId;
    use crate::rule::decision::LaneKey;

    const COUNT: u32 = 100_000;
    const MS: Duration = Duration::from_millis(1);

    fn question(index: u64) -> Question {
        Question { seed: 5, rule: RuleId(1), lane: LaneKey::new("a->b", 0, true), index }
    }

    /// Multiples of the jitter that were drawn, for a base far from zero.
    fn draws(spread: Spread, correlation: f64) -> Vec<f64> {
        let rule = Delay { spread, correlation, ..Delay::of(MS * 1_000_000, MS * 1000) };
        let mut before = None;
        let drawn = |index| delay(&rule, question(index), &mut before, Duration::ZERO).as_secs_f64() - 1000.0;
        (0..u64::from(COUNT)).map(drawn).collect()
    }

    fn moments(draws: &[f64]) -> (f64, f64) {
        let count = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / count;
        (mean, (draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / count).sqrt())
    }

    /// Mean, deviation, and the fourth moment that says how far the deviation of a sample may be off.
    fn check(spread: &Spread, mean: f64, sigma: f64, kurtosis: f64) {
        let (found, deviation) = moments(&draws(spread.clone(), 0.0));
        let count = f64::from(COUNT).sqrt();
        assert!((found - mean).abs() < 4.0 * sigma / count, "{spread:?}: mean {found}, expected {mean}");
        let error = sigma * (kurtosis - 1.0).sqrt() / 2.0 / count;
        assert!((deviation - sigma).abs() < 4.0 * error, "{spread:?}: sigma {deviation}, expected {sigma}");
    }

    #[test]
    fn means_and_deviations_are_met_within_four_sigma() {
        check(&Spread::Uniform, 0.0, 1.0 / 3.0_f64.sqrt(), 1.8);
        check(&Spread::Normal, 0.0, 1.0, 3.0);
        check(&Spread::Exponential, 1.0, 1.0, 9.0);
        check(&Spread::Samples([-1.0, 1.0].into()), 0.0, 1.0, 1.1);
    }

    /// The fourth moment of this tail is infinite, so it is the quantiles that say whether it is heavy enough.
    #[test]
    fn the_heavy_tail_has_its_mean_and_its_quantiles() {
        let mut draws = draws(Spread::Pareto, 0.0);
        let (mean, _) = moments(&draws);
        assert!((mean - 0.5 / PARETO_SIGMA).abs() < 4.0 / f64::from(COUNT).sqrt(), "{mean}");
        draws.sort_by(f64::total_cmp);
        for tail in [0.5, 0.1, 0.01, 0.001] {
            let at = (1.0_f64 / tail).powf(1.0 / PARETO_SHAPE) - 1.0;
            let above = draws.iter().filter(|draw| **draw > at / PARETO_SIGMA).count() as f64;
            let expected = tail * f64::from(COUNT);
            assert!((above - expected).abs() < 4.0 * expected.sqrt(), "{above} above {at}, not {expected}");
        }
    }

    #[test]
    fn correlation_repeats_draws_and_changes_no_moment() {
        let draws = draws(Spread::Normal, 0.75);
        let (mean, deviation) = moments(&draws);
        // Neighbours correlate by 0.75, so there are seven times fewer independent draws.
        let count = (f64::from(COUNT) / 7.0).sqrt();
        assert!(mean.abs() < 4.0 / count && (deviation - 1.0).abs() < 4.0 / count, "{mean}, {deviation}");
        let repeats = draws.windows(2).filter(|pair| pair[0] == pair[1]).count() as f64;
        let sigma = (f64::from(COUNT) * 0.75 * 0.25).sqrt();
        assert!((repeats - 0.75 * f64::from(COUNT)).abs() < 4.0 * sigma, "{repeats}");
    }

    #[test]
    fn a_wave_counts_from_the_start_of_its_rule() {
        let rule = Delay { spread: Spread::Sine(MS * 1000), ..Delay::of(MS * 20, MS * 10) };
        let at = |age| delay(&rule, question(0), &mut None, age).as_millis();
        assert_eq!([at(Duration::ZERO), at(MS * 250), at(MS * 750), at(MS * 1250)], [20, 30, 10, 30]);
    }

    #[test]
    fn no_delay_is_below_zero_and_none_is_endless() {
        let rule = Delay { spread: Spread::Normal, ..Delay::of(MS, MS * 100) };
        let delays: Vec<_> = (0..1000).map(|i| delay(&rule, question(i), &mut None, MS)).collect();
        assert!(delays.iter().any(Duration::is_zero));
        let rule = Delay { spread: Spread::Samples([1e300].into()), ..Delay::of(MS, MS) };
        assert_eq!(delay(&rule, question(0), &mut None, MS), DELAY_MAX);
    }
}
