//! Medians and percentiles.

/// The value below which this part of the samples lies; nothing of nothing.
pub(crate) fn quantile(samples: &mut [f64], part: f64) -> Option<f64> {
    samples.sort_unstable_by(f64::total_cmp);
    #[allow(clippy::cast_precision_loss, reason = "samples are thousands")]
    let rank = (samples.len().checked_sub(1)? as f64 * part).round();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the length")]
    samples.get(rank as usize).copied()
}

/// The middle one.
pub(crate) fn median(samples: &mut [f64]) -> Option<f64> {
    quantile(samples, 0.5)
}

/// A count as a factor.
#[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

/// Seconds as microseconds.
pub(crate) fn micros(seconds: f64) -> f64 {
    seconds * 1e6
}
