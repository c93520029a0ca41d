//! W of N with real stations: what a receipt says of copies is true, in time, and comes true by itself.
//!
//! The seed decides which stations are cut off. `QUORUM_SEED` says which; `QUORUM_WRITES` (12) how many writes there are.

#![allow(clippy::panic, reason = "a test says what came instead")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use clock_core::wire::{Copies, Notice, Outcome, Receipt, Request, RequestError, Response, Terms};
use clock_core::{Dot, NodeId, RequestId};
use clock_node::net::client::Client;
use clock_tests::processes::{FOUR, PATIENCE, Processes, refusal, run_processes, station};
use clock_tests::recorder::Write;
use clock_tests::setting::setting;
use tokio::task::spawn_local;
use tokio::time::timeout;

/// How long a station may wait for copies that do not come.
const DEADLINE_MS: u32 = 400;
/// What an answer may take beyond its deadline: the way there and back, and a turn on a busy machine. Far less than
/// the default deadline of five seconds, so that a station that ignores the one it was given is found.
const MARGIN: Duration = Duration::from_secs(2);

fn copies(w: u16) -> Terms {
    Terms { copies: Copies::Count(w), deadline_ms: DEADLINE_MS, session: None }
}

/// With time enough for everything that can come.
fn patiently(w: u16) -> Terms {
    Terms { deadline_ms: 30_000, ..copies(w) }
}

fn names_of(stations: &[NodeId]) -> BTreeSet<&str> {
    stations.iter().map(NodeId::as_str).collect()
}

/// The stations, in an order that the seed decides.
fn drawn(test: &str) -> [&'static str; 4] {
    let seed = setting("QUORUM_SEED", 20_261_121);
    let mut names = FOUR;
    fastrand::Rng::with_seed(seed).shuffle(&mut names);
    println!("{test}: seed {seed}, stations {names:?}");
    names
}

async fn receipt_of(client: &mut Client, request: RequestId, terms: Terms) -> Receipt {
    match client.request_on(terms, Request::Receipt { request }).await {
        Ok((Response::Written(receipt), _)) => receipt,
        other => panic!("expected the receipt of {request}, got {other:?}"),
    }
}

/// What was written with three copies while two stations are cut off: each is indeterminate, in time.
async fn write_in_vain(processes: &mut Processes, name: &str) -> Vec<Receipt> {
    let writes = setting("QUORUM_WRITES", 12);
    let mut receipts = Vec::new();
    for n in 0..writes {
        let begun = Instant::now();
        let write = Write::put(&format!("vain/{n}"), &format!("value {n}"));
        let receipt = processes.write_on(name, &write, copies(3)).await;
        let took = begun.elapsed();
        let deadline = Duration::from_millis(u64::from(DEADLINE_MS));
        assert!((deadline..deadline + MARGIN).contains(&took), "{deadline:?} were given, it took {took:?}");
        assert_eq!(receipt.outcome, Outcome::Indeterminate, "{receipt:?}");
        assert_eq!((receipt.w, receipt.n), (3, 4));
        receipts.push(receipt);
    }
    receipts
}

/// Every station that a receipt names has the write.
async fn is_truthful(processes: &mut Processes, receipt: &Receipt) {
    assert_eq!(receipt.durable_on.first(), Some(&receipt.dot.replica.node), "{receipt:?}");
    for holder in &receipt.durable_on {
        let history = processes.history(holder.as_str(), receipt.key.as_str()).await;
        assert!(
            history.contains(&receipt.dot),
            "{holder} is said to have {} and has {history:?}",
            receipt.dot
        );
    }
}

/// The notices of these writes, each once; anything else that is told is passed over.
async fn until_told_committed(watcher: &mut Client, awaited: &[Receipt]) -> BTreeMap<Dot, Vec<NodeId>> {
    let mut told = BTreeMap::new();
    let mut due: BTreeMap<&Dot, RequestId> = awaited.iter().map(|each| (&each.dot, each.request)).collect();
    while !due.is_empty() {
        let notice = timeout(PATIENCE, watcher.notice()).await;
        let notice = notice.unwrap_or_else(|_| panic!("expected within {PATIENCE:?}: {due:?} are committed"));
        match notice.unwrap_or_else(|error| panic!("while {due:?} were awaited: {error}")) {
            Notice::Committed { dot, request, durable_on } => {
                assert_eq!(
                    due.remove(&dot),
                    Some(request),
                    "{dot} is told a second time, or was no such write"
                );
                told.insert(dot, durable_on);
            }
            Notice::Lagged { missed } => panic!("{missed} notices were too many for the watcher"),
            _ => {}
        }
    }
    told
}

/// Disproved by a refusal, an answer that is late, a station named that has no copy, or a write that stays indeterminate.
#[test]
fn three_copies_with_two_stations_cut_off_are_indeterminate_and_then_committed_by_themselves() {
    run_processes(async {
        let [here, near, far, farther] = drawn("two cut off");
        let mut processes = Processes::start(&FOUR).await;
        let mut watcher = processes.connect(here).await;
        watcher.request(Request::Watch { after: None }).await.expect("it may watch");
        processes.proxy(&format!("isolate {far},{farther}")).await;
        let receipts = write_in_vain(&mut processes, here).await;
        for receipt in &receipts {
            assert!(names_of(&receipt.durable_on).is_subset(&BTreeSet::from([here, near])), "{receipt:?}");
            is_truthful(&mut processes, receipt).await;
            // With patience the near station's copy is told of, and it is still not enough for three.
            let two = receipt_of(processes.client(here).await, receipt.request, patiently(2)).await;
            assert_eq!(
                (two.outcome, names_of(&two.durable_on)),
                (Outcome::Committed, BTreeSet::from([here, near]))
            );
        }
        let again = receipt_of(processes.client(here).await, receipts[0].request, copies(3)).await;
        assert_eq!((again.outcome, &again.dot), (Outcome::Indeterminate, &receipts[0].dot));

        processes.proxy("heal").await;
        for (dot, durable_on) in until_told_committed(&mut watcher, &receipts).await {
            assert!(durable_on.len() >= 3, "{dot} is said to be committed, on {durable_on:?}");
        }
        for receipt in &receipts {
            let now = receipt_of(processes.client(here).await, receipt.request, copies(3)).await;
            assert_eq!((now.outcome, &now.dot, now.w), (Outcome::Committed, &receipt.dot, 3), "{now:?}");
            is_truthful(&mut processes, &now).await;
        }
        processes.stop().await;
    });
}

/// Disproved by another number of copies than was asked for, a wait where none is needed, or a range that is not named.
#[test]
fn every_number_of_copies_means_what_it_says_while_two_stations_are_cut_off() {
    run_processes(async {
        let [here, near, far, farther] = drawn("numbers of copies");
        let mut processes = Processes::start(&FOUR).await;
        processes.proxy(&format!("isolate {far},{farther}")).await;
        let majority = Terms { copies: Copies::Majority, ..copies(1) };
        let expected = [
            (patiently(1), 1, Outcome::Local),
            (patiently(2), 2, Outcome::Committed),
            (copies(3), 3, Outcome::Indeterminate),
            (copies(4), 4, Outcome::Indeterminate),
            (majority, 3, Outcome::Indeterminate),
        ];
        for (terms, w, outcome) in expected {
            let receipt = processes.write_on(here, &Write::put("copies", &format!("{terms:?}")), terms).await;
            assert_eq!((receipt.w, receipt.n, receipt.outcome), (w, 4, outcome), "{receipt:?}");
            // A slow machine may not have heard from the near one in time: then it is not named.
            let may_be_known = BTreeSet::from([here, near]);
            assert!(names_of(&receipt.durable_on).is_subset(&may_be_known), "{receipt:?}");
            assert!(outcome == Outcome::Indeterminate || receipt.durable_on.len() >= usize::from(w));
            is_truthful(&mut processes, &receipt).await;
        }
        processes.stop().await;
    });
}

/// Disproved by a receipt, an error that does not say the range, or an event that was appended all the same.
#[test]
fn none_and_more_copies_than_stations_are_refused_with_the_range_and_nothing_is_written() {
    run_processes(async {
        let mut processes = Processes::start(&FOUR).await;
        for w in [0, 5, u16::MAX] {
            let client = processes.client("pacific").await;
            let before = client.status().await.expect("it answers").durable;
            let request = clock_tests::processes::put_request("copies", "value");
            let error = refusal(client.request_on(copies(w), request).await.map(|(response, _)| response));
            assert_eq!(error, Some(RequestError::InvalidCopies { w, n: 4 }));
            let text = error.expect("compared above").to_string();
            assert!(text.contains(&w.to_string()) && text.contains("expected 1 to 4"), "{text}");
            assert_eq!(client.status().await.expect("it answers").durable, before, "w {w} was appended");
        }
        assert_eq!(processes.get("pacific", "copies").await, None);
        processes.stop().await;
    });
}

/// Disproved by two concurrent writes that are both committed by three of four, and of which neither receipt names the
/// other; or by one that names a write that was not concurrent.
#[test]
fn of_two_concurrent_writes_with_three_copies_one_names_the_other() {
    run_processes(async {
        let [left, right, _, _] = drawn("two writers");
        let mut processes = Processes::start(&FOUR).await;
        processes.proxy(&format!("cut {left}<->{right}")).await;
        let mut met = 0;
        for n in 0..setting("QUORUM_WRITES", 12) {
            let text = format!("both/{n}");
            let [one, other] = [left, right].map(|name| {
                let (mut client, place) = (processes.recorder.client(), processes.place(name));
                let write = Write::put(&text, &format!("from {name}"));
                spawn_local(async move { client.write_on(&place, &write, patiently(3)).await })
            });
            let (one, other) = (one.await.expect("it ends"), other.await.expect("it ends"));
            let (one, other) = (one.expect("a receipt").0, other.expect("a receipt").0);
            met += u32::from(is_conflict_named(&one, &other));
        }
        println!("{met} pairs were concurrent");
        assert!(met > 0, "the two never wrote at the same time");
        processes.stop().await;
    });
}

/// Whether the two were concurrent; then at least one of them says so.
fn is_conflict_named(one: &Receipt, other: &Receipt) -> bool {
    for receipt in [one, other] {
        assert_eq!(receipt.outcome, Outcome::Committed, "{receipt:?}");
        assert!(receipt.durable_on.len() >= 3, "{receipt:?}");
    }
    let concurrent = !one.vector.covers(&other.dot) && !other.vector.covers(&one.dot);
    let one_names = one.concurrent_with.contains(&other.dot);
    let other_names = other.concurrent_with.contains(&one.dot);
    assert_eq!(concurrent, one_names || other_names, "both are committed: {one:?} and {other:?}");
    concurrent
}

/// Disproved by a receipt that `kill -9` took, that is better than the truth after it, or that stays indeterminate.
#[test]
fn what_was_indeterminate_before_kill_9_is_committed_after_it() {
    run_processes(async {
        let [here, _, _, _] = drawn("killed");
        let mut processes = Processes::start(&FOUR).await;
        processes.proxy(&format!("isolate {here}")).await;
        let receipts = write_in_vain(&mut processes, here).await;
        processes.kill(here).await;
        processes.restart(here).await;
        let mut watcher = processes.connect(here).await;
        watcher.request(Request::Watch { after: None }).await.expect("it may watch");
        for receipt in &receipts {
            let now = receipt_of(processes.client(here).await, receipt.request, copies(3)).await;
            assert_eq!((now.outcome, &now.dot), (Outcome::Indeterminate, &receipt.dot), "{now:?}");
            assert_eq!(now.durable_on, [station(here)], "{now:?}");
        }
        processes.proxy("heal").await;
        until_told_committed(&mut watcher, &receipts).await;
        for receipt in &receipts {
            let now = receipt_of(processes.client(here).await, receipt.request, patiently(3)).await;
            assert_eq!((now.outcome, &now.dot), (Outcome::Committed, &receipt.dot), "{now:?}");
            is_truthful(&mut processes, &now).await;
        }
        processes.stop().await;
    });
}
