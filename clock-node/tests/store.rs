//! Claims about the durable store, on real files.

#![allow(clippy::panic, reason = "test helpers stop the test")]

mod support;

use std::fs;

use clock_core::replica::{LogQuery, LogStart, Lsn};
use clock_core::{Incarnation, Key, VersionVector};
use clock_node::store::{self, StoreError};
use support::{FILE, everything, history, identity, open, write};

/// Disproved by an event that is missing, or in another order, after closing and opening.
#[test]
fn what_was_committed_is_there_again_in_log_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let new = open(folder.path());
    assert!(new.recovered.incarnation_is_fresh, "nobody can have heard of a random incarnation");
    write(&new, (1..=50).map(|n| (n, n)));
    drop(new);
    let store = open(folder.path());
    assert!(!store.recovered.incarnation_is_fresh, "it may have minted, and the file be old");
    assert_eq!(everything(&store), (1..=50).collect::<Vec<_>>());
    assert_eq!(store.recovered.last_lsn, Lsn(50));
    assert!(!store.recovered.may_have_lost_events, "a clean store has lost nothing");
    assert_eq!(store.recovered.incarnation, Incarnation(7));
    let positions = history(&store.reader(), &Key::new("key-1").expect("valid")).expect("readable");
    assert_eq!(positions, (1..=50).filter(|n| n % 3 == 1).collect::<Vec<u64>>());
}

/// Disproved by a range that has one event too many or too few, in one piece or in many.
#[test]
fn a_range_is_exact_also_across_pieces() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&open(folder.path()), (1..=200).map(|n| (n, n)));
    let reader = open(folder.path()).reader();
    for events_max in [1, 7, 64, 1000] {
        let (mut from, mut seen) = (Lsn(50), Vec::new());
        while from <= Lsn(150) {
            let start = LogStart::At(from);
            let query = LogQuery {
                start,
                upto: Lsn(150),
                covered: VersionVector::new(),
                events_max,
                bytes_max: 1000,
            };
            let (events, next) = reader.read(&query).expect("readable");
            assert!(next > from, "no progress at {from:?}");
            seen.extend(events.iter().map(|event| event.dot.seq));
            from = next;
        }
        assert_eq!(seen, (50..=150).collect::<Vec<_>>(), "in pieces of {events_max}");
    }
}

/// Disproved by a dot that is stored twice after it moved.
#[test]
fn an_event_that_is_appended_again_moves() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&open(folder.path()), [(1, 1), (2, 2), (3, 3)]);
    write(&open(folder.path()), [(2, 4)]);
    let store = open(folder.path());
    assert_eq!(everything(&store), [1, 3, 2]);
    assert_eq!(history(&store.reader(), &Key::new("key-2").expect("valid")).expect("readable"), [4]);
}

/// Disproved by a store that opens for somebody else, or twice.
#[test]
fn a_store_opens_for_its_own_station_only_and_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let held = open(folder.path());
    let second = store::open(folder.path(), &identity("pacific")).expect_err("it is in use");
    assert!(matches!(second, StoreError::InUse(_)), "{second}");
    drop(held);
    let other = store::open(folder.path(), &identity("atlantic")).expect_err("it belongs to pacific");
    assert!(other.to_string().contains("station is \"pacific\", expected \"atlantic\""), "{other}");
}

/// Disproved by a salvage that is lost, or taken for complete, because the process stopped in the middle of it.
#[test]
fn an_interrupted_salvage_is_finished_or_started_over() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&open(folder.path()), (1..=10).map(|n| (n, n)));
    let (file, salvaged) = (folder.path().join(FILE), folder.path().join("catalog.redb.salvaged"));
    fs::rename(&file, &salvaged).expect("moved");
    assert_eq!(everything(&open(folder.path())).len(), 10, "stopped between the two renames");
    fs::write(&salvaged, b"half a file").expect("written");
    assert_eq!(everything(&open(folder.path())).len(), 10, "stopped while the new file was written");
    assert!(!salvaged.exists());
}
