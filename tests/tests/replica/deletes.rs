//! Deletes are writes: they supersede what their author had read, and conflict with what was written beside them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use clock_core::wire::{Choice, Presence, Request, RequestError, Response, WriteContext};
use clock_core::{BodyKind, RequestId};
use clock_tests::memory::MemoryCluster;

use super::{FOUR, entry, key, put, receipt};

fn delete(request: u128) -> Request {
    Request::Delete { key: key(), context: WriteContext::StationView, request: RequestId(request) }
}

/// Disproved by a key that is unknown after it was deleted, or whose context cannot be written over.
#[test]
fn a_deleted_key_is_neither_unknown_nor_live_and_can_be_written_again() {
    let mut cluster = MemoryCluster::start(&FOUR, 1);
    assert_eq!(cluster.ask("pacific", Request::Get { key: key(), skip: 0 }), Response::UnknownKey);
    cluster.ask("pacific", put("value", 1));
    let deleted = receipt(cluster.ask("pacific", delete(2)));
    cluster.settle();
    for name in FOUR {
        let entry = entry(&mut cluster, name);
        assert_eq!(
            (entry.presence, entry.conflict, entry.versions.len()),
            (Presence::Deleted, None, 1),
            "{name}"
        );
        assert_eq!(
            (entry.versions[0].kind, entry.versions[0].value.len()),
            (BodyKind::TOMBSTONE, 0),
            "{name}"
        );
    }
    let again = receipt(cluster.ask("atlantic", put("again", 3)));
    assert_eq!(again.context, [deleted.dot]);
    assert_eq!(entry(&mut cluster, "atlantic").presence, Presence::Live);
}

/// Disproved by a deletion that wins over a write it had not read, or that loses against it.
#[test]
fn a_deletion_and_a_concurrent_write_stand_side_by_side() {
    for seed in 0..30 {
        let mut cluster = MemoryCluster::start(&FOUR, seed);
        cluster.ask("pacific", put("base", 1));
        cluster.settle();
        cluster.cut("pacific", "indian_ocean");
        cluster.ask("pacific", delete(2));
        cluster.ask("indian_ocean", put("newer", 3));
        cluster.settle();
        for name in FOUR {
            let entry = entry(&mut cluster, name);
            let kinds: Vec<BodyKind> = entry.versions.iter().map(|version| version.kind).collect();
            assert_eq!((kinds.len(), entry.presence), (2, Presence::Live), "{name}, seed {seed}: {kinds:?}");
            assert!(entry.conflict.is_some(), "{name}, seed {seed}");
        }
    }
}

/// Disproved by two deletions that melt into one, or by values that history no longer has.
#[test]
fn concurrent_deletions_are_a_conflict_of_a_deleted_key() {
    let mut cluster = MemoryCluster::start(&FOUR, 4);
    cluster.ask("pacific", put("base", 1));
    cluster.settle();
    cluster.cut("pacific", "indian_ocean");
    cluster.ask("pacific", delete(2));
    cluster.ask("indian_ocean", delete(3));
    cluster.settle();
    let both = entry(&mut cluster, "atlantic");
    assert_eq!((both.presence, both.versions.len()), (Presence::Deleted, 2));
    let conflict = both.conflict.expect("two versions are a conflict");
    let Response::History { entries, .. } =
        cluster.ask("atlantic", Request::History { key: key(), after: 0 })
    else {
        panic!("the key has a history");
    };
    assert_eq!(entries[0].value.as_ref(), b"base");
    let resolve = Request::Resolve { conflict, choice: Choice::Delete, request: RequestId(4) };
    assert_eq!(receipt(cluster.ask("atlantic", resolve)).context.len(), 2);
    assert_eq!(entry(&mut cluster, "atlantic").conflict, None);
}

#[test]
fn there_is_nothing_to_delete_where_nothing_was_written() {
    let mut cluster = MemoryCluster::start(&FOUR, 5);
    let refused = cluster.ask("pacific", delete(1));
    assert_eq!(refused, Response::Refused(RequestError::UnknownKey(key())));
    let tombstone = Request::Put {
        key: key(),
        kind: BodyKind::TOMBSTONE,
        value: bytes::Bytes::new(),
        context: WriteContext::Blind,
        request: RequestId(2),
    };
    let refused = cluster.ask("pacific", tombstone);
    assert!(matches!(&refused, Response::Refused(RequestError::InvalidValue(_))), "{refused:?}");
    assert_eq!(cluster.at("pacific").log.dots(), []);
    // Two in a row, of which the second is not visible yet, are two writes.
    cluster.submit("pacific", put("value", 3));
    let number = cluster.submit("pacific", delete(4));
    cluster.finish_sync(&"pacific".parse().unwrap());
    assert_eq!(receipt(cluster.take_reply("pacific", number).unwrap()).context.len(), 1);
}
