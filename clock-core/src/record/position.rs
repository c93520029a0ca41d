//! Where a satellite is, according to its elements.
//!
//! The elements are made for one model and mean little in another, so this uses the constants and the sidereal time of the
//! reference implementation that everybody's elements are fitted with (WGS-72, the Air Force's formula), and not the newer
//! ones of the crate's default.
//!
//! Source: Vallado, Crawford, Hujsak and Kelso, *Revisiting Spacetrack Report #3*, AIAA 2006-6753, as implemented in the
//! `sgp4` crate.

use sgp4::{Constants, MinutesSinceEpoch};

use super::Tle;

/// How far from their epoch elements are propagated, in years. The model is good for days. The bound is there because deep
/// space is integrated in steps of twelve hours: a year 9999 from a command line must not keep a processor busy.
pub const SPAN_YEARS_MAX: f64 = 100.0;

const MICROSECONDS_A_MINUTE: f64 = 6e7;
const MINUTES_A_YEAR: f64 = 525_960.0;

/// Why elements give no position at an instant.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotPropagated {
    /// The instant is too far from the epoch.
    #[error("{years:.0} years from the epoch of the elements: expected at most {SPAN_YEARS_MAX}")]
    TooFar {
        /// How far, negative before the epoch.
        years: f64,
    },
    /// The model does not hold for these elements, or at this instant: the satellite has come down, by its elements.
    #[error("{0}")]
    Model(String),
    /// The result is no number.
    #[error("the position is not finite")]
    NotFinite,
}

impl Tle {
    /// The position in kilometres at an instant in milliseconds since 1970, in the model's own frame (true equator,
    /// mean equinox).
    ///
    /// # Errors
    /// [`NotPropagated`] says why the model has none.
    pub fn position_km(&self, at_ms: u64) -> Result<[f64; 3], NotPropagated> {
        let since_epoch_us = i128::from(at_ms) * 1000 - i128::from(self.epoch_us());
        self.position_km_after(since_epoch_us as f64 / MICROSECONDS_A_MINUTE)
    }

    fn position_km_after(&self, minutes: f64) -> Result<[f64; 3], NotPropagated> {
        let years = minutes / MINUTES_A_YEAR;
        // NaN is in no range.
        if !(-SPAN_YEARS_MAX..=SPAN_YEARS_MAX).contains(&years) {
            return Err(NotPropagated::TooFar { years });
        }
        let constants = Constants::from_elements_afspc_compatibility_mode(self.elements());
        let constants = constants.map_err(|error| NotPropagated::Model(error.to_string()))?;
        let state = constants.propagate_afspc_compatibility_mode(MinutesSinceEpoch(minutes));
        let position = state.map_err(|error| NotPropagated::Model(error.to_string()))?.position;
        let is_finite = position.iter().all(|part| part.is_finite());
        if is_finite { Ok(position) } else { Err(NotPropagated::NotFinite) }
    }
}

/// The distance in kilometres between two positions in one frame.
pub(super) fn distance_km(one: [f64; 3], other: [f64; 3]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VANGUARD: &str = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753\n\
                            2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667";
    /// A deep-space orbit of great eccentricity, and one with the resonance of twelve hours.
    const LUNAR: &str = "1 20413U 83020D   05363.79166667  .00000000  00000-0  00000+0 0  7041\n\
                         2 20413  12.3514 187.4253 7864447 196.3027 356.5478  0.24690082  7978";
    const MOLNIYA: &str = "1 08195U 75081A   06176.33215444  .00000099  00000-0  11873-3 0   813\n\
                           2 08195  64.1586 279.0717 6877146 264.7651  20.2257  2.00491383225656";

    fn tle(text: &str) -> Tle {
        Tle::parse(text.as_bytes()).unwrap()
    }

    /// Minutes after the epoch, and the position in kilometres that was published for them (Vallado and others 2006, the
    /// verification output).
    const PUBLISHED: [(&str, f64, [f64; 3]); 8] = [
        (VANGUARD, 0.0, [7022.46529266, -1400.08296755, 0.03995155]),
        (VANGUARD, 360.0, [-7154.03120202, -3783.17682504, -3536.19412294]),
        (VANGUARD, 1440.0, [-938.55923943, -6268.18748831, -4294.02924751]),
        (VANGUARD, 4320.0, [-9060.47373569, 4658.70952502, 813.68673153]),
        (MOLNIYA, 0.0, [2349.89483350, -14785.93811562, 0.02119378]),
        (MOLNIYA, 2640.0, [13525.88227400, 14335.15978787, 32162.13236536]),
        (LUNAR, 0.0, [25123.29290741, -13225.49966286, 3249.40351869]),
        (LUNAR, 3600.0, [-156646.82136726, -97152.15370791, 16261.28409305]),
    ];

    /// Disproved by a position a millimetre from the published one.
    #[test]
    fn positions_are_the_published_ones() {
        for (text, minutes, expected) in PUBLISHED {
            let position = tle(text).position_km_after(minutes).unwrap();
            let apart = distance_km(position, expected);
            assert!(apart < 1e-6, "{text}\n{minutes} minutes: expected {expected:?}, got {position:?}");
        }
    }

    /// Disproved by an instant that is taken for another: in a tenth of a second the satellite moves by hundreds of metres.
    #[test]
    fn an_instant_is_counted_from_1970() {
        // 2000-06-28T00:50:19.733571Z, six hours after the epoch.
        let position = tle(VANGUARD).position_km(962_153_419_734).unwrap();
        let apart = distance_km(position, [-7154.03120202, -3783.17682504, -3536.19412294]);
        assert!(apart < 0.01, "expected half a millisecond's way, got {apart} km");
    }

    /// Disproved by a panic, a wait, or a position.
    #[test]
    fn an_instant_too_far_away_is_refused_at_once() {
        for at_ms in [u64::MAX, 253_402_300_799_999] {
            let refused = tle(LUNAR).position_km(at_ms);
            assert!(matches!(refused, Err(NotPropagated::TooFar { .. })), "{at_ms}: got {refused:?}");
        }
        let refused = tle(LUNAR).position_km_after(f64::NAN);
        assert!(matches!(refused, Err(NotPropagated::TooFar { .. })), "got {refused:?}");
    }
}
