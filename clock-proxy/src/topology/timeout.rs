//! How long half a frame may stay one, as it is written.

use std::time::Duration;

use super::Fault;

/// Longest and shortest time. Below a millisecond every frame that comes in two segments would be half for too long.
const RANGE: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(3600);

/// `200ms` or `1.5s`.
pub(crate) fn parse_frame_timeout(text: &str) -> Result<Duration, Fault> {
    let seconds = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(millis), _) => millis.parse::<f64>().map(|millis| millis / 1e3),
        (None, Some(seconds)) => seconds.parse(),
        (None, None) => "".parse(),
    };
    let duration = seconds.ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| RANGE.contains(duration)).ok_or_else(|| Fault::BadTimeout(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_has_a_unit_and_bounds() {
        assert_eq!(parse_frame_timeout("200ms").unwrap(), Duration::from_millis(200));
        assert_eq!(parse_frame_timeout("1.5s").unwrap(), Duration::from_millis(1500));
        for text in ["", "5", "ms", "0ms", "0.5ms", "-1s", "nans", "3601s", "1m"] {
            let error = parse_frame_timeout(text).unwrap_err().to_string();
            assert!(error.ends_with("from 1ms to 3600s is expected, e.g. 200ms"), "{text}: {error}");
        }
    }
}
