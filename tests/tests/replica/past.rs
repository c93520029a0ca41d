//! The past: snapshots at a frontier, why a write was, and what came of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use bytes::Bytes;
use clock_core::wire::{
    ImpactView, Presence, Request, RequestError, Response, SnapshotEntry, WhyView, WriteContext,
};
use clock_core::{BodyKind, Dot, Key, RequestId, VersionVector};
use clock_tests::memory::MemoryCluster;

use super::{FOUR, receipt};

fn key(name: &str) -> Key {
    Key::new(name).unwrap()
}

fn put(cluster: &mut MemoryCluster, station: &str, name: &str, request: u128) -> Dot {
    let value = Bytes::from(format!("{name} by {station}, {request}"));
    let (context, request) = (WriteContext::StationView, RequestId(request));
    let put = Request::Put { key: key(name), kind: BodyKind::OPAQUE, value, context, request };
    receipt(cluster.ask(station, put)).dot
}

fn snapshot(
    cluster: &mut MemoryCluster,
    station: &str,
    keys: &[&str],
    at: Option<VersionVector>,
) -> (VersionVector, Vec<SnapshotEntry>) {
    let keys = keys.iter().map(|name| key(name)).collect();
    match cluster.ask(station, Request::Snapshot { keys, at }) {
        Response::Snapshot { at, entries, .. } => (at, entries),
        other => panic!("expected a snapshot, got {other:?}"),
    }
}

/// The entries without positions, which are of one station's log.
fn comparable(mut entries: Vec<SnapshotEntry>) -> Vec<SnapshotEntry> {
    let versions = entries.iter_mut().flat_map(|entry| &mut entry.versions);
    versions.for_each(|version| version.entry.position = 0);
    entries
}

fn why(cluster: &mut MemoryCluster, station: &str, dot: &Dot) -> WhyView {
    match cluster.ask(station, Request::Why { dot: dot.clone() }) {
        Response::Why(why) => why,
        other => panic!("expected the story of {dot}, got {other:?}"),
    }
}

fn impact(cluster: &mut MemoryCluster, station: &str, dot: &Dot) -> ImpactView {
    match cluster.ask(station, Request::Impact { dot: dot.clone() }) {
        Response::Impact(impact) => impact,
        other => panic!("expected the impact of {dot}, got {other:?}"),
    }
}

/// Disproved by a key that shows a write from after the frontier, or by stations that differ at the same frontier.
#[test]
fn a_frontier_shows_the_same_on_every_station_however_long_ago_it_was() {
    for seed in 0..20 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.cut("pacific", "indian_ocean");
        put(&mut cluster, "pacific", "x", 1);
        put(&mut cluster, "indian_ocean", "x", 2);
        put(&mut cluster, "pacific", "y", 3);
        cluster.settle();
        let keys = ["x", "y", "nobody wrote this"];
        let (frontier, before) = snapshot(&mut cluster, "atlantic", &keys, None);
        assert_eq!(
            before.iter().map(|entry| entry.versions.len()).collect::<Vec<_>>(),
            [2, 1],
            "seed {seed}"
        );
        assert!(before[0].conflict.is_some(), "seed {seed}");
        for (request, name) in (10..).zip(FOUR) {
            put(&mut cluster, name, "x", request);
            put(&mut cluster, name, "y", request + 10);
        }
        cluster.settle();
        for name in FOUR {
            let (at, entries) = snapshot(&mut cluster, name, &keys, Some(frontier.clone()));
            assert_eq!(at, frontier);
            assert_eq!(comparable(entries), comparable(before.clone()), "{name}, seed {seed}");
        }
    }
}

#[test]
fn a_frontier_that_is_not_there_yet_is_refused_by_its_first_missing_event() {
    let mut cluster = MemoryCluster::start(&FOUR, 2);
    for other in &FOUR[1..] {
        cluster.cut("pacific", other);
    }
    let dot = put(&mut cluster, "pacific", "x", 1);
    let (frontier, _) = snapshot(&mut cluster, "pacific", &["x"], None);
    let refused = cluster.ask("atlantic", Request::Snapshot { keys: vec![key("x")], at: Some(frontier) });
    assert_eq!(refused, Response::Refused(RequestError::Behind { missing: dot, events: 1 }));
    let empty = cluster.ask("atlantic", Request::Snapshot { keys: vec![], at: None });
    assert_eq!(empty, Response::Refused(RequestError::EmptySnapshot));
}

/// Disproved by a deleted key that a snapshot leaves out.
#[test]
fn a_snapshot_tells_deleted_from_unknown() {
    let mut cluster = MemoryCluster::start(&FOUR, 3);
    put(&mut cluster, "pacific", "x", 1);
    let (context, request) = (WriteContext::StationView, RequestId(2));
    cluster.ask("pacific", Request::Delete { key: key("x"), context, request });
    let (_, entries) = snapshot(&mut cluster, "pacific", &["x", "unknown"], None);
    let seen: Vec<_> =
        entries.iter().map(|entry| (entry.key.as_str(), entry.presence, entry.revision)).collect();
    assert_eq!(seen, [("x", Presence::Deleted, 2)]);
}

/// Disproved by a lineage that leaves a step out, or that calls what was read concurrent.
#[test]
fn why_tells_what_a_write_was_built_on_and_what_it_stood_beside() {
    let mut cluster = MemoryCluster::start(&FOUR, 4);
    let base = put(&mut cluster, "pacific", "x", 1);
    cluster.settle();
    cluster.cut("pacific", "indian_ocean");
    let left = put(&mut cluster, "pacific", "x", 2);
    let right = put(&mut cluster, "indian_ocean", "x", 3);
    cluster.settle();
    let merged = put(&mut cluster, "atlantic", "x", 4);
    cluster.settle();
    for name in FOUR {
        let of_left = why(&mut cluster, name, &left);
        assert_eq!(
            (&of_left.built_on, &of_left.concurrent_with),
            (&vec![base.clone()], &vec![right.clone()])
        );
        assert_eq!((of_left.is_current, of_left.superseded_by), (false, vec![merged.clone()]), "{name}");
        assert!(of_left.vector.covers(&base) && !of_left.vector.covers(&right), "{name}: {}", of_left.vector);
        let of_merged = why(&mut cluster, name, &merged);
        let mut built_on = of_merged.built_on;
        built_on.sort();
        let mut expected = vec![base.clone(), left.clone(), right.clone()];
        expected.sort();
        assert_eq!(
            (of_merged.is_current, built_on, of_merged.concurrent_with),
            (true, expected, vec![]),
            "{name}"
        );
    }
    let unknown: Dot = "pacific.00000001:99".parse().unwrap();
    let answer = cluster.ask("pacific", Request::Why { dot: unknown.clone() });
    assert_eq!(answer, Response::Refused(RequestError::UnknownDot(unknown)));
}

/// Disproved by an event that had not seen the write, or by one that had and is not counted.
#[test]
fn impact_counts_exactly_what_had_the_write_in_its_past() {
    let mut cluster = MemoryCluster::start(&FOUR, 5);
    let first = put(&mut cluster, "pacific", "x", 1);
    // It has not seen the write: not counted.
    put(&mut cluster, "antarctic", "z", 2);
    cluster.settle();
    let seen = [put(&mut cluster, "antarctic", "z", 3), put(&mut cluster, "antarctic", "x", 4)];
    let own = put(&mut cluster, "pacific", "y", 5);
    cluster.settle();
    for name in FOUR {
        let impact = impact(&mut cluster, name, &first);
        assert_eq!((impact.events, &impact.same_key), (3, &vec![seen[1].clone()]), "{name}");
        let firsts: Vec<&Dot> = impact.stations.iter().map(|station| &station.first).collect();
        assert_eq!(firsts, [&seen[0], &own], "{name}: in the order of the stations");
    }
}
