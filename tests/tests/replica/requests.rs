//! Requests and contexts: retries are applied once, and a write supersedes what it names.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use super::{FOUR, entry, put, put_with, receipt, values};
use clock_core::wire::{Choice, Request, RequestError, Response, WriteContext};
use clock_core::{Dot, RequestId};
use clock_tests::memory::{MemoryCluster, station};

/// Disproved by a second version of the key, or by two dots for one request.
#[test]
fn retry_with_same_request_id_gives_same_dot_also_after_a_restart() {
    let mut cluster = MemoryCluster::start(&FOUR, 2);
    let first = cluster.submit("pacific", put("value", 7));
    let second = cluster.submit("pacific", put("value", 7));
    cluster.finish_sync(&station("pacific"));
    let first = receipt(cluster.take_reply("pacific", first).unwrap());
    let second = receipt(cluster.take_reply("pacific", second).unwrap());
    cluster.crash_and_restart("pacific", |_| {});
    let third = receipt(cluster.ask("pacific", put("value", 7)));
    assert_eq!((&first, &first), (&second, &third));
    let reused = cluster.ask("pacific", put("another value", 7));
    assert_eq!(
        reused,
        Response::Refused(RequestError::RequestReused { request: RequestId(7), dot: first.dot })
    );
    assert_eq!(entry(&mut cluster, "pacific").revision, 1);
}

/// Disproved by two siblings with the same value and request.
#[test]
fn a_retry_at_another_station_collapses_into_one_version() {
    let mut cluster = MemoryCluster::start(&FOUR, 3);
    cluster.cut("pacific", "atlantic");
    cluster.submit("pacific", put("value", 7));
    cluster.submit("atlantic", put("value", 7));
    cluster.settle();
    cluster.heal();
    cluster.settle();
    for name in FOUR {
        let entry = entry(&mut cluster, name);
        assert_eq!((entry.versions.len(), entry.conflict), (1, None), "{name}");
        assert_eq!(entry.versions[0].dots.len(), 2, "{name}");
    }
}

/// Disproved by a conflict between two writes that one station accepted in a row.
#[test]
fn quick_writes_at_one_station_never_conflict_with_each_other() {
    let mut cluster = MemoryCluster::start(&FOUR, 4);
    let numbers: Vec<u64> = (0..10).map(|n| cluster.submit("pacific", put(&n.to_string(), n))).collect();
    cluster.finish_sync(&station("pacific"));
    for number in numbers {
        assert_eq!(receipt(cluster.take_reply("pacific", number).unwrap()).concurrent_with, []);
    }
    assert_eq!(values(&entry(&mut cluster, "pacific")), ["9".to_owned()].into());
}

/// Disproved by entries that differ because the names of one write arrived, and were superseded, in another order.
#[test]
fn what_is_left_of_a_collapsed_retry_is_the_same_everywhere() {
    for seed in 0..40 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.cut("antarctic", "pacific");
        cluster.cut("antarctic", "atlantic");
        cluster.cut("antarctic", "indian_ocean");
        cluster.submit("antarctic", put("value", 7));
        cluster.submit("pacific", put("value", 7));
        cluster.settle();
        cluster.ask("antarctic", put("later", 8));
        cluster.heal();
        cluster.settle();
        let expected = entry(&mut cluster, "pacific");
        for name in FOUR {
            assert_eq!(entry(&mut cluster, name), expected, "{name}, seed {seed}");
        }
    }
}

/// Disproved by a resolution that is reported as done because its request id was used for something else.
#[test]
fn a_request_id_of_another_write_does_not_resolve_anything() {
    let mut cluster = MemoryCluster::start(&FOUR, 10);
    let first = receipt(cluster.ask("pacific", put("one", 1)));
    receipt(cluster.ask("pacific", put_with("two", 2, WriteContext::Blind)));
    let conflict = entry(&mut cluster, "pacific").conflict.unwrap();
    let resolve = |request| Request::Resolve {
        conflict,
        choice: Choice::Take(first.dot.clone()),
        request: RequestId(request),
    };
    let reused = cluster.ask("pacific", resolve(1));
    let expected = RequestError::RequestReused { request: RequestId(1), dot: first.dot.clone() };
    assert_eq!(reused, Response::Refused(expected));
    assert_eq!(entry(&mut cluster, "pacific").conflict, Some(conflict));
    let ended = conflict;
    let third = receipt(cluster.ask("pacific", put_with("three", 5, WriteContext::Exactly(Vec::new()))));
    let conflict = entry(&mut cluster, "pacific").conflict.unwrap();
    let take =
        |dot: &Dot| Request::Resolve { conflict, choice: Choice::Take(dot.clone()), request: RequestId(3) };
    let done = receipt(cluster.ask("pacific", take(&first.dot)));
    let other = cluster.ask("pacific", take(&third.dot));
    let expected = RequestError::RequestReused { request: RequestId(3), dot: done.dot.clone() };
    assert_eq!(other, Response::Refused(expected), "it took another sibling");
    cluster.crash_and_restart("pacific", |_| {});
    assert_eq!(receipt(cluster.ask("pacific", take(&first.dot))), done, "a retry of the resolution itself");
    assert_eq!(cluster.ask("pacific", resolve(4)), Response::Refused(RequestError::UnknownConflict(ended)));
}

/// Disproved by a second write for a request whose first this station has seen: it would supersede what came since.
#[test]
fn a_retry_at_a_station_that_has_seen_the_write_gets_the_original() {
    let mut cluster = MemoryCluster::start(&FOUR, 14);
    let first = receipt(cluster.ask("pacific", put("first", 7)));
    cluster.settle();
    receipt(cluster.ask("atlantic", put("newer", 8)));
    let retried = receipt(cluster.ask("atlantic", put("first", 7)));
    assert_eq!(retried.dot, first.dot);
    cluster.crash_and_restart("atlantic", |_| {});
    assert_eq!(receipt(cluster.ask("atlantic", put("first", 7))).dot, first.dot, "after a restart");
    cluster.settle();
    for name in FOUR {
        assert_eq!(values(&entry(&mut cluster, name)), ["newer".to_owned()].into(), "{name}");
    }
}

/// Disproved by a write that nobody can read, or a conflict that can never be ended.
#[test]
fn a_conflict_of_more_versions_than_one_write_can_name_ends_in_parts() {
    let mut cluster = MemoryCluster::start(&["pacific", "atlantic"], 16);
    cluster.cut("pacific", "atlantic");
    for n in 0..600_u128 {
        receipt(cluster.ask("pacific", put_with("p", n, WriteContext::Blind)));
        receipt(cluster.ask("atlantic", put_with("a", 1000 + n, WriteContext::Blind)));
    }
    cluster.heal();
    cluster.settle();
    let conflict = entry(&mut cluster, "pacific").conflict.unwrap();
    let siblings = cluster.at("pacific").log.dots();
    let choice = Choice::Take(siblings[0].clone());
    let refused = cluster.ask("pacific", Request::Resolve { conflict, choice, request: RequestId(5000) });
    assert_eq!(refused, Response::Refused(RequestError::TooManySiblings(1200)));
    assert_eq!(
        cluster.ask("pacific", put("all", 5001)),
        Response::Refused(RequestError::TooManySiblings(1200))
    );
    for (part, dots) in siblings.chunks(1000).enumerate() {
        let context = WriteContext::Exactly(dots.to_vec());
        receipt(cluster.ask("pacific", put_with("part", 6000 + part as u128, context)));
    }
    receipt(cluster.ask("pacific", put("whole", 7000)));
    cluster.settle();
    for name in ["pacific", "atlantic"] {
        assert_eq!(values(&entry(&mut cluster, name)), ["whole".to_owned()].into(), "{name}");
    }
}

/// Disproved by a context that hides a version nobody here has read yet.
#[test]
fn a_context_ahead_of_the_station_is_refused_and_nothing_is_written() {
    let mut cluster = MemoryCluster::start(&FOUR, 11);
    cluster.cut("pacific", "atlantic");
    let elsewhere = receipt(cluster.ask("pacific", put("elsewhere", 1)));
    let ahead = put_with("blind guess", 2, WriteContext::Exactly(vec![elsewhere.dot.clone()]));
    assert_eq!(
        cluster.ask("atlantic", ahead.clone()),
        Response::Refused(RequestError::ContextAhead(elsewhere.dot))
    );
    cluster.heal();
    cluster.settle();
    assert_eq!(entry(&mut cluster, "atlantic").revision, 1);
    receipt(cluster.ask("atlantic", ahead));
    assert_eq!(values(&entry(&mut cluster, "atlantic")), ["blind guess".to_owned()].into());
}
