//! Sessions: whoever roams with a token never sees a station that is behind what they have written and read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use std::time::Duration;

use clock_core::replica::Limits;
use clock_core::wire::{Request, RequestError, Response, Terms};
use clock_core::{Dot, VersionVector};
use clock_tests::memory::MemoryCluster;

use super::{FOUR, key, put, receipt};

fn get() -> Request {
    Request::Get { key: key(), skip: 0 }
}

fn session(token: VersionVector) -> Terms {
    Terms { session: Some(token), ..Terms::default() }
}

/// Begins a session by a write; the token that came with its receipt.
fn written(cluster: &mut MemoryCluster, name: &str) -> (Dot, VersionVector) {
    let number = cluster.submit_on_terms(name, session(VersionVector::new()), put("mine", 1));
    cluster.finish_sync(&name.parse().unwrap());
    let dot = receipt(cluster.take_reply(name, number).unwrap()).dot;
    (dot, cluster.token(name, number).expect("who is in a session gets a token"))
}

/// Disproved by an answer from before the write, or by none once the station has it.
#[test]
fn a_session_that_roams_reads_its_own_write_or_waits() {
    let mut cluster = MemoryCluster::start(&FOUR, 1);
    cluster.settle();
    cluster.cut("pacific", "atlantic");
    let (dot, token) = written(&mut cluster, "pacific");
    assert!(token.covers(&dot), "{token} has to cover {dot}");
    let number = cluster.submit_on_terms("atlantic", session(token.clone()), get());
    assert_eq!(cluster.take_reply("atlantic", number), None, "it does not have {dot} yet");
    cluster.settle();
    let Some(Response::Entry(entry)) = cluster.take_reply("atlantic", number) else {
        panic!("atlantic got {dot} over the others, and has to answer");
    };
    assert_eq!(entry.versions[0].dots, [dot]);
    assert!(cluster.token("atlantic", number).unwrap().contains(&token), "tokens only grow");
}

/// Disproved by an answer without the write, or by a refusal before the deadline.
#[test]
fn a_station_that_stays_behind_says_what_it_lacks_at_the_deadline() {
    let mut cluster = MemoryCluster::start(&FOUR, 2);
    cluster.settle();
    for other in &FOUR[1..] {
        cluster.cut("pacific", other);
    }
    let (dot, token) = written(&mut cluster, "pacific");
    let terms = Terms { deadline_ms: 500, ..session(token) };
    let read = cluster.submit_on_terms("atlantic", terms.clone(), get());
    let write = cluster.submit_on_terms("atlantic", terms, put("after", 2));
    cluster.advance(Duration::from_millis(499));
    assert_eq!(cluster.take_reply("atlantic", read), None);
    cluster.advance(Duration::from_millis(1));
    let behind = Some(Response::Refused(RequestError::Behind { missing: dot, events: 1 }));
    assert_eq!(
        (cluster.take_reply("atlantic", read), cluster.take_reply("atlantic", write)),
        (behind.clone(), behind)
    );
    assert_eq!(cluster.at("atlantic").log.dots(), [], "a refused write is not appended");
}

/// Writes follow reads: disproved by a write of the session beside the one it had read elsewhere.
#[test]
fn a_write_of_a_session_waits_for_what_it_has_read_and_supersedes_it() {
    for seed in 0..20 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.settle();
        let (dot, token) = written(&mut cluster, "pacific");
        let number = cluster.submit_on_terms("antarctic", session(token), put("after", 2));
        cluster.settle();
        let receipt = receipt(cluster.take_reply("antarctic", number).expect("it has caught up"));
        assert_eq!((receipt.context, receipt.concurrent_with), (vec![dot], vec![]), "seed {seed}");
    }
}

#[test]
fn requests_that_wait_are_bounded_and_forgotten_with_their_session() {
    let mut cluster = MemoryCluster::start_with(&FOUR, 3, Limits { waiting: 2, ..Limits::default() });
    cluster.settle();
    for other in &FOUR[1..] {
        cluster.cut("pacific", other);
    }
    let (_, token) = written(&mut cluster, "pacific");
    let numbers = [0; 3].map(|_| cluster.submit_on_terms("atlantic", session(token.clone()), get()));
    assert_eq!(cluster.at("atlantic").replica.usage().waiting, 2);
    let third = cluster.take_reply("atlantic", numbers[2]);
    assert!(matches!(third, Some(Response::Refused(RequestError::Busy { .. }))), "{third:?}");
    cluster.end_client_session("atlantic");
    assert_eq!(cluster.at("atlantic").replica.usage().waiting, 0, "nobody waits there any more");
}

#[test]
fn who_is_in_no_session_gets_no_token() {
    let mut cluster = MemoryCluster::start(&FOUR, 4);
    let number = cluster.submit("pacific", get());
    assert_eq!(cluster.take_reply("pacific", number), Some(Response::UnknownKey));
    assert_eq!(cluster.token("pacific", number), None);
}
