//! Copies: a receipt says how many stations have a write, no more and no less, and what the write met there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use std::collections::BTreeSet;
use std::time::Duration;

use clock_core::replica::{Fact, Limits};
use clock_core::wire::message::Message;
use clock_core::wire::{Copies, Outcome, Receipt, Request, RequestError, Response, Terms};
use clock_core::{Dot, RequestId};
use clock_tests::memory::MemoryCluster;

use super::{FOUR, put, receipt};

fn copies(w: u16) -> Terms {
    Terms { copies: Copies::Count(w), ..Terms::default() }
}

fn answered(cluster: &mut MemoryCluster, name: &str, number: u64) -> Receipt {
    receipt(cluster.take_reply(name, number).expect("it is answered"))
}

fn names(receipt: &Receipt) -> Vec<&str> {
    receipt.durable_on.iter().map(|station| station.as_str()).collect()
}

/// The cluster with two stations that nobody reaches.
fn two_cut_off(seed: u64) -> MemoryCluster {
    let mut cluster = MemoryCluster::start(&FOUR, seed);
    cluster.settle();
    for (left, right) in [("pacific", "atlantic"), ("pacific", "antarctic")] {
        cluster.cut(left, right);
    }
    for (left, right) in [("indian_ocean", "atlantic"), ("indian_ocean", "antarctic")] {
        cluster.cut(left, right);
    }
    cluster
}

/// Disproved by a receipt that names a station whose disk has not synced the write, or fewer than asked for.
#[test]
fn committed_means_durable_on_as_many_stations_as_were_asked_for() {
    for seed in 0..40 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.settle();
        let number = cluster.submit_on_terms("pacific", copies(3), put("value", 1));
        let response = loop {
            if let Some(response) = cluster.take_reply("pacific", number) {
                break response;
            }
            assert!(cluster.step(), "seed {seed}: nothing is left to do, and no answer");
        };
        let receipt = receipt(response);
        assert_eq!((receipt.outcome, receipt.w, receipt.n), (Outcome::Committed, 3, 4), "seed {seed}");
        assert!(names(&receipt).len() >= 3, "seed {seed}: {:?}", receipt.durable_on);
        for name in names(&receipt) {
            let log = cluster.at(name).log.dots();
            assert!(log.contains(&receipt.dot), "seed {seed}: {name} has only {log:?}");
        }
    }
}

/// Disproved by a refusal, by an answer before the deadline, or by a write that is not committed by itself afterwards.
#[test]
fn too_few_copies_are_indeterminate_at_the_deadline_and_committed_after_healing() {
    let mut cluster = two_cut_off(7);
    let number = cluster.submit_on_terms("pacific", copies(3), put("value", 1));
    while cluster.step() {}
    cluster.advance(Duration::from_millis(2000));
    while cluster.step() {}
    assert_eq!(cluster.take_reply("pacific", number), None, "the deadline itself is still in time");
    cluster.advance(Duration::from_millis(1));
    let first = answered(&mut cluster, "pacific", number);
    assert_eq!((first.outcome, names(&first)), (Outcome::Indeterminate, vec!["pacific", "indian_ocean"]));

    cluster.heal();
    cluster.settle();
    let committed = |fact: &Fact| matches!(fact, Fact::Committed { dot, .. } if *dot == first.dot);
    assert_eq!(cluster.at("pacific").facts.iter().filter(|fact| committed(fact)).count(), 1);
    let asked = cluster.submit_on_terms("pacific", copies(4), Request::Receipt { request: RequestId(1) });
    let later = answered(&mut cluster, "pacific", asked);
    assert_eq!((later.dot, later.outcome), (first.dot, Outcome::Committed));
    assert_eq!(BTreeSet::from_iter(later.durable_on), FOUR.map(|name| name.parse().unwrap()).into());
}

#[test]
fn one_copy_is_local_and_a_majority_of_four_is_three() {
    let mut cluster = two_cut_off(8);
    let local = receipt(cluster.ask("pacific", put("value", 1)));
    assert_eq!((local.outcome, local.w, names(&local)), (Outcome::Local, 1, vec!["pacific"]));
    let majority = Terms { copies: Copies::Majority, ..Terms::default() };
    let number = cluster.submit_on_terms("atlantic", majority, put("other", 2));
    while cluster.step() {}
    cluster.advance(Duration::from_secs(3));
    assert_eq!(answered(&mut cluster, "atlantic", number).w, 3);
}

#[test]
fn copies_and_deadlines_out_of_range_are_refused_with_the_range() {
    let mut cluster = MemoryCluster::start(&FOUR, 9);
    let mut refusal = |terms| {
        let number = cluster.submit_on_terms("pacific", terms, put("value", 1));
        let answer = cluster.take_reply("pacific", number);
        assert_eq!(cluster.at("pacific").log.dots(), [], "nothing was appended");
        answer
    };
    for w in [0, 5, u16::MAX] {
        let expected = RequestError::InvalidCopies { w, n: 4 };
        assert_eq!(refusal(copies(w)), Some(Response::Refused(expected)));
    }
    for deadline_ms in [0, 600_001] {
        let terms = Terms { deadline_ms, ..Terms::default() };
        let expected = RequestError::InvalidDeadline(deadline_ms);
        assert_eq!(refusal(terms), Some(Response::Refused(expected)));
    }
}

/// Two stations that cannot hear each other write one key with a majority: the writes meet at a third, and the one that
/// arrives there later is told. Disproved by two committed receipts of which neither names the other.
#[test]
fn of_two_committed_concurrent_writes_one_receipt_names_the_other() {
    let mut named = 0;
    for seed in 0..60 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.settle();
        cluster.cut("pacific", "indian_ocean");
        let left = cluster.submit_on_terms("pacific", copies(3), put("left", 1));
        let right = cluster.submit_on_terms("indian_ocean", copies(3), put("right", 2));
        while cluster.step() {}
        let left = answered(&mut cluster, "pacific", left);
        let right = answered(&mut cluster, "indian_ocean", right);
        assert_eq!([left.outcome, right.outcome], [Outcome::Committed; 2], "seed {seed}");
        let names = |receipt: &Receipt, other: &Dot| receipt.concurrent_with.contains(other);
        assert!(
            names(&left, &right.dot) || names(&right, &left.dot),
            "seed {seed}: {} and {} were committed side by side, and neither receipt says so",
            left.dot,
            right.dot
        );
        named += 1;
    }
    assert_eq!(named, 60);
}

/// A welcome names what is on its way to a disk. Disproved by a write that is committed before any other disk has it.
#[test]
fn what_a_peer_has_not_synced_is_no_copy() {
    let mut cluster = MemoryCluster::start(&FOUR, 11);
    cluster.settle();
    let number = cluster.submit_on_terms("pacific", copies(2), put("value", 1));
    cluster.finish_sync(&"pacific".parse().unwrap());
    cluster.freeze_disks();
    while cluster.step() {}
    for peer in &FOUR[1..] {
        cluster.dial_again("pacific", peer);
    }
    while cluster.step() {}
    assert_eq!(cluster.take_reply("pacific", number), None, "no other disk has it");
}

/// A restart forgets what peers have said. Disproved by a receipt that says *committed* on memory alone, or never again.
#[test]
fn a_receipt_asked_for_after_a_restart_counts_from_the_acks_again() {
    let mut cluster = two_cut_off(12);
    let number = cluster.submit_on_terms("pacific", copies(3), put("value", 1));
    while cluster.step() {}
    cluster.advance(Duration::from_secs(3));
    assert_eq!(answered(&mut cluster, "pacific", number).outcome, Outcome::Indeterminate);
    cluster.crash_and_restart("pacific", |_| {});
    let asked = cluster.submit_on_terms("pacific", copies(3), Request::Receipt { request: RequestId(1) });
    assert_eq!(cluster.take_reply("pacific", asked), None, "nobody has acknowledged anything yet");
    cluster.heal();
    cluster.settle();
    assert_eq!(answered(&mut cluster, "pacific", asked).outcome, Outcome::Committed);
    let unknown = cluster.ask("pacific", Request::Receipt { request: RequestId(99) });
    assert_eq!(unknown, Response::Refused(RequestError::UnknownRequest(RequestId(99))));
}

/// Disproved by a station that appends more than it may have on its way to the disk, or that refuses a retry's answer.
#[test]
fn a_station_whose_disk_is_behind_is_busy_and_appends_nothing() {
    let limits = Limits { staged: 3, ..Limits::default() };
    let mut cluster = MemoryCluster::start_with(&FOUR, 13, limits);
    let numbers: Vec<u64> = (0..5).map(|n| cluster.submit("pacific", put(&n.to_string(), n))).collect();
    let busy = |answer: Option<Response>| matches!(answer, Some(Response::Refused(RequestError::Busy { retry_after_ms, .. })) if retry_after_ms > 0);
    assert!(busy(cluster.take_reply("pacific", numbers[3])));
    assert!(busy(cluster.take_reply("pacific", numbers[4])));
    let retry = cluster.submit("pacific", put("2", 2));
    cluster.finish_sync(&"pacific".parse().unwrap());
    let last = answered(&mut cluster, "pacific", numbers[2]);
    assert_eq!(answered(&mut cluster, "pacific", retry), last);
    assert_eq!(cluster.at("pacific").log.dots().len(), 3);
    assert_eq!(receipt(cluster.ask("pacific", put("4", 4))).dot.seq, 4);
}

/// Disproved by a message about a stranger's write that changes what a receipt says, or ends the session.
#[test]
fn what_is_told_about_writes_nobody_waits_for_is_harmless() {
    let mut cluster = MemoryCluster::start(&FOUR, 14);
    cluster.settle();
    let dot: Dot = "nobody.00000001:9".parse().unwrap();
    let beside = clock_core::wire::message::Beside { dot: dot.clone(), versions: vec![dot] };
    let session = cluster.session("pacific", "atlantic").expect("it is up");
    cluster.inject_on(session, "pacific", Message::Beside(beside));
    assert_eq!(cluster.session("pacific", "atlantic"), Some(session), "the session goes on");
    let number = cluster.submit_on_terms("pacific", copies(4), put("value", 1));
    while cluster.step() {}
    assert_eq!(answered(&mut cluster, "pacific", number).concurrent_with, []);
}

/// What nobody waits for any more takes nobody's place. Disproved by a station that is busy for a write of one copy
/// because many writes before it are indeterminate.
#[test]
fn a_long_partition_leaves_room_for_writes() {
    let limits = Limits { awaited: 4, indeterminate: 2, ..Limits::default() };
    let mut cluster = MemoryCluster::start_with(&FOUR, 15, limits);
    cluster.settle();
    for other in &FOUR[1..] {
        cluster.cut("pacific", other);
    }
    for request in 0..20 {
        let number = cluster.submit_on_terms("pacific", copies(3), put("value", request));
        cluster.finish_sync(&"pacific".parse().unwrap());
        cluster.advance(Duration::from_millis(2001));
        assert_eq!(
            answered(&mut cluster, "pacific", number).outcome,
            Outcome::Indeterminate,
            "write {request}"
        );
    }
    assert_eq!(receipt(cluster.ask("pacific", put("value", 20))).outcome, Outcome::Local);
    assert_eq!(cluster.at("pacific").replica.usage().awaited, 2, "the oldest are let go");
    let waiting = [0; 5].map(|_| cluster.submit_on_terms("pacific", copies(4), put("value", 20)));
    let last = cluster.take_reply("pacific", waiting[4]);
    assert!(
        matches!(last, Some(Response::Refused(RequestError::Busy { .. }))),
        "a fifth that waits: {last:?}"
    );
    cluster.end_client_session("pacific");
    assert_eq!(cluster.at("pacific").replica.usage().awaited, 2, "nobody waits there any more");
}

/// Disproved by a receipt, asked for later and committed, that does not name what the write met elsewhere.
#[test]
fn what_a_write_met_is_known_to_whoever_asks_for_its_receipt_later() {
    let mut met = 0;
    for seed in 0..40 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.settle();
        cluster.cut_one_way("indian_ocean", "pacific");
        cluster.cut_one_way("atlantic", "pacific");
        let other = receipt(cluster.ask("indian_ocean", put("other", 1))).dot;
        let own = receipt(cluster.ask("pacific", put("own", 2))).dot;
        while cluster.step() {}
        cluster.heal();
        while cluster.step() {}
        let asked = cluster.submit_on_terms("pacific", copies(4), Request::Receipt { request: RequestId(2) });
        cluster.settle();
        let later = answered(&mut cluster, "pacific", asked);
        assert_eq!(
            (later.outcome, &later.concurrent_with),
            (Outcome::Committed, &vec![other]),
            "{own}, seed {seed}"
        );
        met += 1;
    }
    assert_eq!(met, 40);
}
