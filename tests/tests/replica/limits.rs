//! Requests that can be read and ask for too much: each limit, and one more. Refused by name, nothing stored.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test helpers stop the test")]

use bytes::Bytes;
use clock_core::wire::{Change, Copies, DEADLINE_MS_MAX, Request, Response, Terms, Write, WriteContext};
use clock_core::{BODY_BYTES_MAX, BodyKind, Dot, Key, RequestId, VersionVector};
use clock_tests::memory::MemoryCluster;

use super::{FOUR, put, receipt};

/// What is asked on which terms, and what the refusal says.
type Row = (Terms, Request, &'static str);

fn value(kind: u8, value: impl Into<Bytes>) -> Request {
    Request::Put {
        key: Key::new("limits").unwrap(),
        kind: BodyKind(kind),
        value: value.into(),
        context: WriteContext::StationView,
        request: RequestId(77),
    }
}

/// A batch whose last write has this value.
fn batch(kind: u8, last: &'static str) -> Request {
    let write = |number: u128, kind: u8, value: &'static str| Write {
        key: Key::new("limits").unwrap(),
        change: Change::Put { kind: BodyKind(kind), value: Bytes::from_static(value.as_bytes()) },
        context: WriteContext::StationView,
        request: RequestId(number),
    };
    Request::Batch { writes: vec![write(1, 0, "good"), write(2, kind, last)] }
}

fn values() -> Vec<Row> {
    let large = |kind| value(kind, vec![b'1'; BODY_BYTES_MAX + 1]);
    let rows = vec![
        (large(0), "the value has 131073 bytes: expected at most 131072"),
        (large(1), "the value has 131073 bytes: expected at most 131072"),
        (large(2), "the value has 131073 bytes: expected at most 131072"),
        (value(3, "from tomorrow"), "record kind 3: expected opaque (0), tle (1) or attitude (2)"),
        (value(254, ""), "record kind 254: expected"),
        (value(255, ""), "record kind 255: expected"),
        (value(1, "no element set"), "element set has 1 lines: expected 2"),
        (value(2, "1,1,1,1"), "attitude has norm 2.000000: expected 1 within 0.001"),
        (value(2, "NaN,0,0,1"), "attitude component w: \"NaN\": expected a finite number"),
        (batch(2, "1,0,0"), "attitude has 3 numbers: expected 4"),
        (batch(9, ""), "record kind 9: expected"),
        (Request::Batch { writes: vec![] }, "a batch of no writes: expected 1 to 256"),
        (Request::Snapshot { keys: vec![], at: None }, "a snapshot of no keys: expected 1 to 256"),
    ];
    rows.into_iter().map(|(request, said)| (Terms::default(), request, said)).collect()
}

fn terms() -> Vec<Row> {
    let copies = |count| Terms { copies: Copies::Count(count), ..Terms::default() };
    let deadline = |deadline_ms| Terms { deadline_ms, ..Terms::default() };
    let rows = vec![
        (copies(0), "w 0: expected 1 to 4, the number of stations, or majority"),
        (copies(5), "w 5: expected 1 to 4, the number of stations, or majority"),
        (copies(u16::MAX), "w 65535: expected 1 to 4"),
        (deadline(0), "deadline of 0 ms: expected 1 to 600000"),
        (deadline(DEADLINE_MS_MAX + 1), "deadline of 600001 ms: expected 1 to 600000"),
        (deadline(u32::MAX), "deadline of 4294967295 ms: expected 1 to 600000"),
    ];
    rows.into_iter().map(|(terms, said)| (terms, put("value", 78), said)).collect()
}

fn contexts() -> Vec<Row> {
    let ahead: Dot = "atlantic.00000001:9223372036854775807".parse().unwrap();
    let delete = Request::Delete {
        key: Key::new("never written").unwrap(),
        context: WriteContext::StationView,
        request: RequestId(79),
    };
    let at: VersionVector = [(ahead.replica.clone(), ahead.seq)].into_iter().collect();
    let snapshot = Request::Snapshot { keys: vec![Key::new("limits").unwrap()], at: Some(at) };
    let exactly = super::put_with("value", 80, WriteContext::Exactly(vec![ahead]));
    let rows = vec![
        (exactly, "the context names atlantic.00000001:9223372036854775807"),
        (delete, "no key never written here: there is nothing to delete"),
        (snapshot, "behind the session by 9223372036854775807 events"),
        (Request::Receipt { request: RequestId(81) }, "no write of request"),
    ];
    rows.into_iter().map(|(request, said)| (Terms::default(), request, said)).collect()
}

/// Disproved by a request beyond a limit that is answered with something else, or leaves anything in the log; or by a
/// good request behind it that is not served.
#[test]
fn a_request_beyond_a_limit_is_refused_by_name_and_stores_nothing() {
    let mut cluster = MemoryCluster::start(&FOUR, 1);
    for (number, (terms, request, expected)) in (1000..).zip([values(), terms(), contexts()].concat()) {
        let before = cluster.at("pacific").replica.shown().clone();
        let asked = cluster.submit_on_terms("pacific", terms, request);
        let said = match cluster.take_reply("pacific", asked) {
            Some(Response::Refused(error) | Response::BatchRefused { index: 1, error }) => error.to_string(),
            other => panic!("expected {expected:?} to be said at once, got {other:?}"),
        };
        assert!(said.contains(expected), "expected {expected:?}, it says {said:?}");
        let good = receipt(cluster.ask("pacific", put("good", number)));
        let after = cluster.at("pacific").replica.shown();
        assert_eq!(after.events_beyond(&before), 1, "{said}: more than {} was stored", good.dot);
    }
}
