//! Batches: all writes or none, in one commit, each with a receipt and a retry of its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use bytes::Bytes;
use clock_core::wire::{
    Change, Copies, Outcome, Receipt, Request, RequestError, Response, Terms, Write, WriteContext,
};
use clock_core::{BodyKind, Dot, Key, RequestId};
use clock_tests::memory::{MemoryCluster, station};

use super::FOUR;

fn write(key: &str, kind: BodyKind, value: &'static str, request: u128) -> Write {
    let change = Change::Put { kind, value: Bytes::from_static(value.as_bytes()) };
    Write {
        key: Key::new(key).unwrap(),
        change,
        context: WriteContext::StationView,
        request: RequestId(request),
    }
}

fn opaque(key: &str, value: &'static str, request: u128) -> Write {
    write(key, BodyKind::OPAQUE, value, request)
}

fn receipts(response: Response) -> Vec<Receipt> {
    match response {
        Response::BatchWritten(receipts) => receipts,
        other => panic!("expected receipts, got {other:?}"),
    }
}

/// Disproved by an answer before the commit, or by two quick writes of one key that stand side by side.
#[test]
fn a_batch_is_answered_when_all_of_it_is_durable_and_its_writes_follow_each_other() {
    let mut cluster = MemoryCluster::start(&FOUR, 1);
    let writes = vec![opaque("a", "1", 1), opaque("b", "2", 2), opaque("a", "3", 3)];
    let number = cluster.submit("pacific", Request::Batch { writes });
    assert_eq!(cluster.take_reply("pacific", number), None);
    cluster.finish_sync(&station("pacific"));
    let receipts = receipts(cluster.take_reply("pacific", number).unwrap());
    let requests: Vec<u128> = receipts.iter().map(|receipt| receipt.request.0).collect();
    assert_eq!(requests, [1, 2, 3], "in the order of the batch");
    assert_eq!(receipts[2].context, [receipts[0].dot.clone()]);
    assert!(receipts.iter().all(|receipt| receipt.concurrent_with.is_empty()));
}

/// Disproved by any write of the batch in the log.
#[test]
fn a_batch_with_one_bad_write_is_refused_as_a_whole_and_names_it() {
    let mut cluster = MemoryCluster::start(&FOUR, 2);
    let ahead: Dot = "atlantic.00000001:5".parse().unwrap();
    let exactly = WriteContext::Exactly(vec![ahead]);
    let bad = [
        write("b", BodyKind::ATTITUDE, "1,1,1,1", 2),
        Write { context: exactly, ..opaque("b", "2", 2) },
        Write { change: Change::Delete, ..opaque("never written", "", 2) },
        opaque("b", "2", 1),
    ];
    for bad in bad {
        let writes = vec![opaque("a", "1", 1), bad.clone()];
        let answer = cluster.ask("pacific", Request::Batch { writes });
        assert!(matches!(answer, Response::BatchRefused { index: 1, .. }), "{bad:?}: {answer:?}");
    }
    let empty = cluster.ask("pacific", Request::Batch { writes: vec![] });
    assert_eq!(empty, Response::Refused(RequestError::EmptyBatch));
    assert_eq!(cluster.at("pacific").log.dots(), [], "nothing was appended");
    assert_eq!(
        receipts(cluster.ask("pacific", Request::Batch { writes: vec![opaque("a", "1", 1)] })).len(),
        1
    );
}

/// Disproved by a second dot for a write that was made, or by a write that is missing because another one was.
#[test]
fn a_batch_that_is_sent_again_gets_the_same_receipts_and_makes_what_is_missing() {
    let mut cluster = MemoryCluster::start(&FOUR, 3);
    let batch = |from: u128| Request::Batch {
        writes: (from..4).map(|n| opaque(["a", "b", "c", "d"][n as usize], "value", n)).collect(),
    };
    let some = receipts(cluster.ask("pacific", batch(2)));
    let all = receipts(cluster.ask("pacific", batch(0)));
    assert_eq!((all.len(), &all[2..]), (4, &some[..]));
    cluster.crash_and_restart("pacific", |_| {});
    assert_eq!(receipts(cluster.ask("pacific", batch(0))), all);
    assert_eq!(cluster.at("pacific").log.dots().len(), 4);
}

#[test]
fn every_write_of_a_batch_waits_for_its_copies() {
    for seed in 0..20 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.settle();
        let writes = vec![opaque("a", "1", 1), opaque("b", "2", 2)];
        let terms = Terms { copies: Copies::Count(4), ..Terms::default() };
        let number = cluster.submit_on_terms("pacific", terms, Request::Batch { writes });
        while cluster.step() {}
        for receipt in receipts(cluster.take_reply("pacific", number).expect("everybody has it")) {
            assert_eq!((receipt.outcome, receipt.durable_on.len()), (Outcome::Committed, 4), "seed {seed}");
        }
    }
}

/// What is minted takes the place of the oldest requests that are remembered. Disproved by a batch that is never
/// answered because one of its own writes took the place of another that it repeats.
#[test]
fn a_batch_that_repeats_the_oldest_request_is_answered() {
    let limits = clock_core::replica::Limits { requests: 2, ..Default::default() };
    let mut cluster = MemoryCluster::start_with(&FOUR, 4, limits);
    cluster.ask("pacific", Request::Batch { writes: vec![opaque("a", "1", 1), opaque("b", "2", 2)] });
    let writes = vec![opaque("c", "3", 3), opaque("d", "4", 4), opaque("a", "1", 1)];
    let receipts = receipts(cluster.ask("pacific", Request::Batch { writes }));
    assert_eq!(receipts.iter().map(|receipt| receipt.dot.seq).collect::<Vec<_>>(), [3, 4, 1]);
}
