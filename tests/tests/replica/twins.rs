//! One write that was taken at two stations is one version: whoever supersedes one name supersedes the write.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use clock_core::wire::{Request, Response, WriteContext};
use clock_core::{Dot, VersionVector};
use clock_tests::memory::MemoryCluster;

use super::{FOUR, entry, key, put, put_with, receipt, values};

/// Pacific and atlantic hear nothing of each other, also not over the others.
fn apart(seed: u64) -> MemoryCluster {
    let mut cluster = MemoryCluster::start(&FOUR, seed);
    cluster.settle();
    for left in ["pacific", "indian_ocean"] {
        for right in ["atlantic", "antarctic"] {
            cluster.cut(left, right);
        }
    }
    cluster
}

fn snapshot(cluster: &mut MemoryCluster, name: &str, at: Option<VersionVector>) -> (VersionVector, Vec<Dot>) {
    match cluster.ask(name, Request::Snapshot { keys: vec![key()], at }) {
        Response::Snapshot { at, entries, .. } => {
            let versions = entries.into_iter().flat_map(|entry| entry.versions);
            (at, versions.flat_map(|version| version.dots).collect())
        }
        other => panic!("{name}: expected a snapshot, got {other:?}"),
    }
}

/// The client got no answer, asked again at a station that was cut off, went on at the first, and never hears of the
/// second attempt. Disproved by the retry beside what its own client wrote next, at any station, in any order of arrival.
#[test]
fn a_retry_that_was_left_behind_is_no_phantom_conflict() {
    for seed in 0..60 {
        let mut cluster = apart(seed);
        cluster.ask("pacific", put("request", 7));
        let left_behind = receipt(cluster.ask("atlantic", put("request", 7))).dot;
        let next = receipt(cluster.ask("pacific", put("next", 8))).dot;
        cluster.heal();
        cluster.settle();
        for name in FOUR {
            let entry = entry(&mut cluster, name);
            assert_eq!(
                (values(&entry), entry.conflict),
                (["next".to_owned()].into(), None),
                "{name}, seed {seed}"
            );
            let (at, dots) = snapshot(&mut cluster, name, None);
            assert_eq!(dots, std::slice::from_ref(&next), "a snapshot at {at} of {name}, seed {seed}");
            let Response::Why(why) = cluster.ask(name, Request::Why { dot: left_behind.clone() }) else {
                panic!("{name} knows {left_behind}");
            };
            assert_eq!(
                (why.is_current, why.superseded_by),
                (false, vec![next.clone()]),
                "{name}, seed {seed}"
            );
        }
        let after = receipt(cluster.ask("antarctic", put("after", 9)));
        assert_eq!((after.context, after.concurrent_with), (vec![next], vec![]), "seed {seed}");
    }
}

/// Requests sent again in another order at the other side: each supersedes the other somewhere. Disproved by a key that
/// ends up with nothing, or by stations that end up with different versions.
#[test]
fn requests_retried_crosswise_leave_something_and_the_same_everywhere() {
    for seed in 0..60 {
        let mut cluster = apart(seed);
        cluster.ask("pacific", put("first", 7));
        cluster.ask("pacific", put("second", 8));
        cluster.ask("atlantic", put("second", 8));
        cluster.ask("atlantic", put("first", 7));
        cluster.heal();
        cluster.settle();
        let expected = entry(&mut cluster, "pacific");
        assert!(!expected.versions.is_empty(), "seed {seed}: the key has lost both writes");
        let (at, expected_dots) = snapshot(&mut cluster, "pacific", None);
        for name in FOUR {
            assert_eq!(entry(&mut cluster, name), expected, "{name}, seed {seed}");
            assert_eq!(
                snapshot(&mut cluster, name, Some(at.clone())).1,
                expected_dots,
                "{name}, seed {seed}"
            );
        }
        let shown: Vec<Dot> = expected.versions.iter().flat_map(|version| version.dots.clone()).collect();
        assert_eq!(shown, expected_dots, "seed {seed}: what is shown, and the snapshot of the same events");
    }
}

/// Disproved by stations that disagree because a fallen name was superseded once more, by a client that had read it.
#[test]
fn random_retries_at_both_sides_end_the_same_everywhere() {
    for seed in 0..150 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut cluster = apart(seed);
        for _ in 0..12 {
            let name = FOUR[rng.usize(..4)];
            let request = rng.u128(1..5);
            let context = if rng.bool() { WriteContext::StationView } else { WriteContext::Blind };
            cluster.ask(name, put_with(&format!("value {request}"), request, context));
            cluster.steps(rng.usize(..8));
        }
        cluster.heal();
        cluster.settle();
        let expected = entry(&mut cluster, "pacific");
        assert!(!expected.versions.is_empty(), "seed {seed}: everything is lost");
        for name in FOUR {
            assert_eq!(entry(&mut cluster, name), expected, "{name}, seed {seed}");
        }
        cluster.crash_and_restart("atlantic", |_| {});
        assert_eq!(entry(&mut cluster, "atlantic"), expected, "after a restart, seed {seed}");
    }
}
