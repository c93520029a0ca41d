//! Losses that remember: correlated ones, and bursts.
//!
//! Independent losses say nothing about a network whose losses come together. Two models are usual. *Correlation*:
//! with probability c a frame repeats the draw of the one before it, else it draws anew, so that the share of lost
//! frames stays exactly p while they come in runs. *Gilbert and Elliott* (E. N. Gilbert, "Capacity
//! of a burst-noise channel", 1960; E. O. Elliott, 1963): a chain with a good and a bad state, each with its own
//! probability to let a frame through. Its first state is drawn from the stationary distribution, so that the first
//! frame is as likely to be lost as any other.

use crate::rule::Loss;
use crate::rule::decision::{Purpose, Question};

/// What a loss has to remember about the frame before.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct LossMemory {
    draw: Option<f64>,
    is_bad: Option<bool>,
}

/// Whether this frame is lost.
pub(crate) fn is_lost(loss: Loss, probability: f64, question: Question, memory: &mut LossMemory) -> bool {
    match loss {
        Loss::Independent { correlation } => {
            let draw = repeated(memory.draw, correlation, question)
                .unwrap_or_else(|| question.unit(Purpose::Choice));
            memory.draw = Some(draw);
            draw < probability
        }
        Loss::GilbertElliott { p, r, h, k } => {
            let is_bad = match memory.is_bad {
                None => question.happens(share_of_bad(p, r), Purpose::FirstState),
                Some(false) => question.happens(p, Purpose::Transition),
                Some(true) => !question.happens(r, Purpose::Transition),
            };
            memory.is_bad = Some(is_bad);
            !question.happens(if is_bad { h } else { k }, Purpose::Loss)
        }
    }
}

/// The draw before, if it is to be repeated.
pub(crate) fn repeated(before: Option<f64>, correlation: f64, question: Question) -> Option<f64> {
    before.filter(|_| correlation > 0.0 && question.happens(correlation, Purpose::Repeat))
}

/// How much of the time the chain is bad.
fn share_of_bad(p: f64, r: f64) -> f64 {
    if p + r > 0.0 { p / (p + r) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::RuleId;
    use crate::rule::decision::LaneKey;

    const COUNT: u32 = 200_000;

    fn losses(loss: Loss, probability: f64) -> Vec<bool> {
        let lane = LaneKey::new("a->b", 0, true);
        let mut memory = LossMemory::default();
        let question = |index| Question { seed: 11, rule: RuleId(1), lane, index };
        (0..u64::from(COUNT)).map(|index| is_lost(loss, probability, question(index), &mut memory)).collect()
    }

    fn share(losses: &[bool]) -> f64 {
        f64::from(u32::try_from(losses.iter().filter(|lost| **lost).count()).unwrap()) / f64::from(COUNT)
    }

    /// The deviation of a mean over a chain whose neighbours correlate by `lambda`.
    fn sigma(share: f64, lambda: f64) -> f64 {
        (share * (1.0 - share) / f64::from(COUNT) * (1.0 + lambda) / (1.0 - lambda)).sqrt()
    }

    #[test]
    fn correlation_keeps_the_share_and_makes_runs() {
        for correlation in [0.0, 0.5, 0.9] {
            let lost = losses(Loss::Independent { correlation }, 0.1);
            assert!((share(&lost) - 0.1).abs() < 4.0 * sigma(0.1, correlation), "{}", share(&lost));
            // A lost frame is followed by another with probability c + (1 - c) p.
            let pairs = lost.windows(2).filter(|pair| pair[0]).collect::<Vec<_>>();
            let both = pairs.iter().filter(|pair| pair[1]).count();
            let (both, all) = (both as f64, pairs.len() as f64);
            let expected = correlation + (1.0 - correlation) * 0.1;
            assert!((both / all - expected).abs() < 4.0 * (expected * (1.0 - expected) / all).sqrt());
        }
    }

    #[test]
    fn bursts_meet_their_stationary_loss_and_their_mean_length() {
        let (p, r, h, k) = (0.01, 0.2, 0.0, 1.0);
        let lost = losses(Loss::GilbertElliott { p, r, h, k }, 1.0);
        let expected = p / (p + r);
        assert!((share(&lost) - expected).abs() < 4.0 * sigma(expected, 1.0 - p - r), "{}", share(&lost));
        // With h = 0 and k = 1 a burst is a stay in the bad state: geometric with the mean 1/r.
        let bursts = lost.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
        let length = share(&lost) * f64::from(COUNT) / bursts;
        assert!((length - 5.0).abs() < 4.0 * (20.0 / bursts).sqrt() + 0.01, "{length}");
    }

    #[test]
    fn each_state_loses_its_own_share() {
        let (p, r, h, k) = (0.05, 0.1, 0.3, 0.98);
        let lost = losses(Loss::GilbertElliott { p, r, h, k }, 1.0);
        let bad = p / (p + r);
        let expected = bad * (1.0 - h) + (1.0 - bad) * (1.0 - k);
        assert!((share(&lost) - expected).abs() < 4.0 * sigma(expected, 1.0 - p - r), "{}", share(&lost));
        assert!(
            losses(Loss::GilbertElliott { p: 0.0, r: 0.0, h: 0.0, k: 1.0 }, 1.0).iter().all(|lost| !lost)
        );
    }
}
