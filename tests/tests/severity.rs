//! How far apart two writers are: against an independent implementation, and over genuine disagreements.

#![allow(clippy::panic, reason = "test helpers stop the test")]

use bytes::Bytes;
use clock_core::record::{Severity, severity};
use clock_core::{Body, BodyKind};
use clock_tests::two_writers::{MADE_PAIRS_KM, Pair, epoch_ms, genuine_pairs, made_pairs, parsed};

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

/// Disproved by a tenth of a metre's difference from the reference implementation.
#[test]
fn distances_are_those_of_the_reference_implementation() {
    let pairs = made_pairs();
    assert_eq!(pairs.len(), MADE_PAIRS_KM.len(), "pairs made from what the demo carries");
    for (pair, (key, expected)) in pairs.iter().zip(MADE_PAIRS_KM) {
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
