//! How far apart concurrent values are, for people who have to decide which conflict to look at first.
//!
//! It ranks, and nothing else: no value is ever chosen, dropped or resolved by it. Values that cannot be measured are not
//! harmless; they are ranked last because nothing is known of them, and say why.

use std::cmp::Ordering;
use std::fmt;

use super::position::{NotPropagated, distance_km};
use super::{Attitude, InvalidRecord, Tle, kind_name};
use crate::event::{Body, BodyKind};

/// How far apart the versions of one key are: the largest distance between any two of them.
///
/// The order is the order of an inbox read from its end: what was not measured, then angles, then distances, each by its
/// number. Degrees and kilometres have no common measure. Distances come first because a wrong orbit is wrong for everybody
/// who looks for the satellite, a wrong attitude for the satellite alone.
#[derive(Debug, Clone)]
pub enum Severity {
    /// Element sets: the distance between the positions they give at the asked instant, in kilometres.
    Kilometres(f64),
    /// Attitudes: the angle between the orientations, in degrees from 0 to 180.
    Degrees(f64),
    /// No number.
    Unranked(Unranked),
}

/// Why there is no number.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Unranked {
    /// Fewer than two versions.
    #[error("there are fewer than two versions")]
    NoConflict,
    /// One of the versions is a deletion.
    #[error("a version is a deletion")]
    Deleted,
    /// The versions are not of one kind.
    #[error("the versions are of different kinds")]
    DifferentKinds,
    /// Values of this kind have no distance.
    #[error("values of kind {} have no distance", kind_name(*.0))]
    NoDistance(BodyKind),
    /// A stored value does not read as its kind says.
    #[error("a version is unreadable: {0}")]
    Unreadable(InvalidRecord),
    /// Elements give no position at the asked instant.
    #[error("no position at that instant: {0}")]
    NotPropagated(NotPropagated),
}

/// How far apart these versions are at an instant in milliseconds since 1970. The order of the versions does not matter. The instant is what a person asked for: two stations that ask for the same one get the
/// same number.
pub fn severity(versions: &[&Body], at_ms: u64) -> Severity {
    measured(versions, at_ms).unwrap_or_else(Severity::Unranked)
}

fn measured(versions: &[&Body], at_ms: u64) -> Result<Severity, Unranked> {
    let [first, _, ..] = versions else { return Err(Unranked::NoConflict) };
    if versions.iter().any(|body| body.is_tombstone()) {
        return Err(Unranked::Deleted);
    }
    if versions.iter().any(|body| body.kind != first.kind) {
        return Err(Unranked::DifferentKinds);
    }
    match first.kind {
        BodyKind::TLE => {
            let positions =
                versions.iter().map(|body| position(body, at_ms)).collect::<Result<Vec<_>, _>>()?;
            Ok(Severity::Kilometres(largest(&positions, |one, other| distance_km(*one, *other))))
        }
        BodyKind::ATTITUDE => {
            let attitudes = versions.iter().map(|body| attitude(body)).collect::<Result<Vec<_>, _>>()?;
            Ok(Severity::Degrees(largest(&attitudes, |one, other| one.angle_degrees(*other))))
        }
        other => Err(Unranked::NoDistance(other)),
    }
}

fn position(body: &Body, at_ms: u64) -> Result<[f64; 3], Unranked> {
    let tle = Tle::parse(&body.bytes).map_err(|error| Unranked::Unreadable(error.into()))?;
    tle.position_km(at_ms).map_err(Unranked::NotPropagated)
}

fn attitude(body: &Body) -> Result<Attitude, Unranked> {
    Attitude::from_bytes(&body.bytes).map_err(|error| Unranked::Unreadable(error.into()))
}

fn largest<T>(items: &[T], distance: impl Fn(&T, &T) -> f64) -> f64 {
    let pairs =
        items.iter().enumerate().flat_map(|(n, one)| items[..n].iter().map(move |other| (other, one)));
    pairs.map(|(one, other)| distance(one, other)).fold(0.0, f64::max)
}

impl Severity {
    /// Which class, and the number within it: the order is by both.
    fn rank(&self) -> (u8, f64) {
        match self {
            Self::Unranked(_) => (0, 0.0),
            Self::Degrees(degrees) => (1, *degrees),
            Self::Kilometres(kilometres) => (2, *kilometres),
        }
    }
}

/// By rank alone: two severities without a number are equal, whatever the reasons.
impl Ord for Severity {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((class, number), (other_class, other_number)) = (self.rank(), other.rank());
        class.cmp(&other_class).then(number.total_cmp(&other_number))
    }
}

impl PartialOrd for Severity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Severity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Severity {}

/// The number with its unit, to the metre and the thousandth of a degree; or why there is none.
impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kilometres(kilometres) => write!(formatter, "{kilometres:.3} km"),
            Self::Degrees(degrees) => write!(formatter, "{degrees:.3}°"),
            Self::Unranked(reason) => reason.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// 2026-05-07T18:00:00Z.
    const AT_MS: u64 = 1_778_176_800_000;

    const VANGUARD: &str = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753\n\
                            2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667";
    const DELTA: &str = "1 06251U 62025E   06176.82412014  .00008885  00000-0  12808-3 0  3985\n\
                         2 06251  58.0579  54.0425 0030035 139.1568 221.1854 15.56387291  6774";
    /// Its reference states end in an error 25 minutes after its epoch.
    const FALLEN: &str = "1 33333U 05037B   05333.02012661  .25992681  00000-0  24476-3 0  1532\n\
                          2 33333  96.4736 157.9986 9950000 244.0492 110.6523  4.00004038 10700";

    /// Instants in milliseconds since 1970, and the distance of the two orbits in kilometres.
    const REFERENCE_KM: [(u64, f64); 3] = [
        (962_150_400_000, 9_733.091_312),
        (1_151_236_800_000, 14_285.314_380),
        (1_151_280_000_000, 7_276.475_019),
    ];

    fn body(kind: BodyKind, text: &str) -> Body {
        super::super::validate(kind, &Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    fn reason(versions: &[&Body]) -> Unranked {
        match severity(versions, AT_MS) {
            Severity::Unranked(reason) => reason,
            other => panic!("expected no number, got {other}"),
        }
    }

    #[test]
    fn equal_versions_are_no_distance_apart() {
        let elements = body(BodyKind::TLE, VANGUARD);
        assert_eq!(severity(&[&elements, &elements], AT_MS), Severity::Kilometres(0.0));
        let attitude = body(BodyKind::ATTITUDE, "0.5,0.5,0.5,-0.5");
        let negated = body(BodyKind::ATTITUDE, "-0.5,-0.5,-0.5,0.5");
        assert_eq!(severity(&[&attitude, &negated], AT_MS), Severity::Degrees(0.0));
    }

    #[test]
    fn the_widest_pair_counts_whatever_the_order() {
        let [level, tilted, upside_down] =
            ["1,0,0,0", "0.9848,0.1736,0,0", "0,1,0,0"].map(|text| body(BodyKind::ATTITUDE, text));
        for versions in [
            [&level, &tilted, &upside_down],
            [&upside_down, &level, &tilted],
            [&tilted, &upside_down, &level],
        ] {
            assert_eq!(severity(&versions, AT_MS), Severity::Degrees(180.0));
        }
    }

    #[test]
    fn what_has_no_distance_says_why() {
        let elements = body(BodyKind::TLE, VANGUARD);
        let text = body(BodyKind::OPAQUE, "text");
        assert_eq!(reason(&[]), Unranked::NoConflict);
        assert_eq!(reason(&[&Body::TOMBSTONE]), Unranked::NoConflict);
        assert_eq!(reason(&[&elements, &Body::TOMBSTONE]), Unranked::Deleted);
        assert_eq!(reason(&[&elements, &text]), Unranked::DifferentKinds);
        assert_eq!(reason(&[&text, &text]), Unranked::NoDistance(BodyKind::OPAQUE));
        let broken = Body { kind: BodyKind::TLE, bytes: Bytes::from_static(b"no elements") };
        assert!(matches!(reason(&[&elements, &broken]), Unranked::Unreadable(_)));
        let fallen = body(BodyKind::TLE, FALLEN);
        assert!(matches!(reason(&[&fallen, &elements]), Unranked::NotPropagated(_)));
    }

    #[test]
    fn kilometres_rank_above_degrees_and_both_above_what_was_not_measured() {
        let unranked = || Severity::Unranked(Unranked::Deleted);
        let mut inbox = [
            Severity::Degrees(90.0),
            unranked(),
            Severity::Kilometres(0.5),
            Severity::Kilometres(f64::NAN),
            Severity::Kilometres(12.0),
        ];
        inbox.sort();
        let shown = inbox.map(|severity| severity.to_string());
        assert_eq!(shown, ["a version is a deletion", "90.000°", "0.500 km", "12.000 km", "NaN km"]);
        assert_eq!(unranked(), Severity::Unranked(Unranked::NoConflict), "reasons have no rank");
    }

    /// The reference is the C++ of the paper's authors as PyPI `sgp4` 2.27 compiles it, asked with
    /// `Satrec.twoline2rv(line1, line2, WGS72)` in mode `a`. Disproved by a tenth of a metre's difference.
    #[test]
    fn distances_are_those_of_the_reference_implementation() {
        let (one, other) = (body(BodyKind::TLE, VANGUARD), body(BodyKind::TLE, DELTA));
        for (at_ms, expected) in REFERENCE_KM {
            let Severity::Kilometres(distance) = severity(&[&one, &other], at_ms) else {
                panic!("expected kilometres at {at_ms}");
            };
            assert!((distance - expected).abs() < 0.000_1, "{at_ms}: expected {expected} km, got {distance}");
        }
    }
}
