//! How far apart two writers are: against an independent implementation, and over genuine disagreements.

#![allow(clippy::panic, reason = "test helpers stop the test")]

use bytes::Bytes;
use clock_core::record::{Severity, severity};
use clock_core::{Body, BodyKind};
use clock_tests::two_writers::{Pair, epoch_ms, genuine_pairs, made_pairs, parsed};

fn bodies(pair: &Pair) -> [Body; 2] {
    pair.writers.clone().map(|text| Body { kind: BodyKind::TLE, bytes: Bytes::from(text) })
}

/// The distance at the epoch of the first writer's elements.
fn distance_km(pair: &Pair) -> f64 {
    let [one, other] = &bodies(pair);
    let at_ms = epoch_ms(&parsed(&pair.writers[0]));
    match severity(&[one, other], at_ms) {
        Severity::Kilometres(distance) => distance,
        other => panic!("{}: expected kilometres, got {other}", pair.key),
    }
}

/// The distances in kilometres of the made pairs by the C++ of the algorithm's authors, as PyPI `sgp4` 2.27 compiles it:
/// WGS-72, mode `a`, at the first writer's epoch cut to milliseconds.
const REFERENCE: [(&str, f64); 31] = [
    ("NORAD-5", 1.789484),
    ("NORAD-4632", 5.664297),
    ("NORAD-6251", 4.712044),
    ("NORAD-8195", 7.495403),
    ("NORAD-9880", 8.158402),
    ("NORAD-9998", 6.826279),
    ("NORAD-11801", 9.980018),
    ("NORAD-14128", 7.381197),
    ("NORAD-16925", 5.124914),
    ("NORAD-20413", 50.629453),
    ("NORAD-21897", 7.289919),
    ("NORAD-22312", 21.824252),
    ("NORAD-22674", 7.795503),
    ("NORAD-23177", 8.611542),
    ("NORAD-23333", 364.410540),
    ("NORAD-23599", 3.971505),
    ("NORAD-24208", 7.284525),
    ("NORAD-25954", 7.330238),
    ("NORAD-26900", 7.331108),
    ("NORAD-26975", 4.730508),
    ("NORAD-28057", 1.248976),
    ("NORAD-28129", 4.665501),
    ("NORAD-28350", 6.231792),
    ("NORAD-28623", 2.015427),
    ("NORAD-28626", 7.284047),
    ("NORAD-28872", 1.127105),
    ("NORAD-29141", 5.291175),
    ("NORAD-29238", 4.753892),
    ("NORAD-88888", 5.605112),
    ("NORAD-33335", 7.283908),
    ("NORAD-33333", 1.002250),
];

/// Disproved by a tenth of a metre's difference from the reference implementation.
#[test]
fn distances_are_those_of_the_reference_implementation() {
    let pairs = made_pairs();
    assert_eq!(pairs.len(), REFERENCE.len(), "pairs made from what the demo carries");
    for (pair, (key, expected)) in pairs.iter().zip(REFERENCE) {
        assert_eq!(pair.key.as_str(), key);
        let distance = distance_km(pair);
        assert!((distance - expected).abs() < 0.000_1, "{key}: expected {expected} km, got {distance}");
    }
}

/// Disproved by genuine writers that are all close together, or all far apart: then the number ranks nothing.
#[test]
fn genuine_writers_are_a_kilometre_apart_and_some_a_hundred() {
    let Some(pairs) = genuine_pairs() else { return };
    let mut distances: Vec<f64> = pairs.iter().map(distance_km).collect();
    distances.sort_by(f64::total_cmp);
    let (median, widest) = (distances[distances.len() / 2], distances[distances.len() - 1]);
    println!("{} pairs: median {median:.3} km, widest {widest:.3} km", distances.len());
    assert_eq!(distances.len(), 1000);
    assert!((1.0..2.0).contains(&median), "expected a median of 1 to 2 km, got {median}");
    assert!(widest > 100.0, "expected some pair over 100 km, got {widest} at most");
    for pair in &pairs {
        let [one, other] = &bodies(pair);
        let at_ms = epoch_ms(&parsed(&pair.writers[0]));
        let (there, back) = (severity(&[one, other], at_ms), severity(&[other, one], at_ms));
        assert_eq!(there, back, "{}: the way back is as far", pair.key);
        assert_eq!(severity(&[one, one], at_ms), Severity::Kilometres(0.0), "{}", pair.key);
    }
}
