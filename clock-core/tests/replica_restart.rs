//! A replica that starts again from a log in which a peer has forged events of the station itself.

#![allow(clippy::unwrap_used, reason = "test helpers stop the test")]

use std::collections::BTreeSet;

use bytes::Bytes;
use clock_core::replica::{
    Effect, Input, LogRecord, Lsn, Mono, Now, Opener, Recovered, Replica, ReplicaConfig, SessionId, Ticket,
};
use clock_core::wire::message::{Claim, Message};
use clock_core::wire::{EncodedEvent, Request, Response, Terms, WriteContext};
use clock_core::{
    Body, BodyKind, Dot, HybridTimestamp, Incarnation, Key, MAX_COUNTER, NodeId, RequestId, VersionVector,
    WriteEvent,
};

const NOW: Now = Now { mono: Mono(0), wall_ms: 1_760_000_000_000 };

fn node(name: &str) -> NodeId {
    NodeId::new(name).unwrap()
}

fn recovered(incarnation: u32, log: &[EncodedEvent]) -> Replica {
    let config = ReplicaConfig::new(node("mss"), node("pacific"), BTreeSet::from([node("atlantic")]), 7);
    let found = Recovered {
        incarnation: Incarnation(incarnation),
        incarnation_is_fresh: false,
        may_have_lost_events: false,
        quarantined: 0,
        last_lsn: Lsn(log.len() as u64),
    };
    let events = (1..).map(Lsn).zip(log.iter().cloned());
    Replica::recover(config, NOW, found, events).unwrap().0
}

fn handle(replica: &mut Replica, input: Input) -> Vec<Effect> {
    let mut effects = Vec::new();
    replica.handle(NOW, input, &mut effects);
    effects
}

/// The first event of an earlier life of this station, from the end of both clocks' ranges.
fn forged() -> EncodedEvent {
    let event = WriteEvent {
        dot: "pacific.00000009:1".parse::<Dot>().unwrap(),
        lamport: MAX_COUNTER,
        hlc: HybridTimestamp::from_packed(u64::MAX),
        wall_ms: 0,
        delta: Vec::new(),
        context: Vec::new(),
        key: Key::new("MSS-17/attitude").unwrap(),
        request: RequestId(1),
        body: Body { kind: BodyKind::OPAQUE, bytes: Bytes::from_static(b"forged") },
    };
    EncodedEvent::encode(&event).unwrap()
}

/// The answer to a write.
fn put(replica: &mut Replica) -> Response {
    let session = SessionId(2);
    handle(replica, Input::SessionUp { session, opener: Opener::Client { cluster: node("mss") } });
    let request = Request::Put {
        key: Key::new("MSS-17/tle").unwrap(),
        kind: BodyKind::OPAQUE,
        value: Bytes::from_static(b"nominal"),
        context: WriteContext::StationView,
        request: RequestId(2),
    };
    let mut effects = handle(
        replica,
        Input::Client { ticket: Ticket { session, number: 1 }, terms: Terms::default(), request },
    );
    effects.extend(handle(replica, Input::Synced { upto: Lsn(u64::MAX) }));
    let answer = effects.into_iter().find_map(|effect| match effect {
        Effect::Reply { response, .. } => Some(response),
        _ => None,
    });
    answer.expect("a write is answered after its sync")
}

/// Disproved by a peer that ends a station's clocks for ever: with one event under its name, from when it starts again.
#[test]
fn a_forged_event_of_the_station_itself_does_not_exhaust_its_clocks_after_a_restart() {
    let mut replica = recovered(1, &[]);
    let claim = Claim { replica: "atlantic.00000001".parse().unwrap(), durable: VersionVector::new() };
    let session = SessionId(1);
    handle(&mut replica, Input::SessionUp { session, opener: Opener::Peer { cluster: node("mss"), claim } });
    let effects = handle(&mut replica, Input::Frame { session, message: Message::Events(vec![forged()]) });
    let stored: Vec<_> = effects
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Append(LogRecord::Event { event, .. }) => Some(event),
            _ => None,
        })
        .collect();
    assert_eq!(stored, [forged()], "the data is kept, whatever its timestamps");
    assert!(matches!(put(&mut replica), Response::Written(_)), "before the restart");

    let answer = put(&mut recovered(1, &stored));
    assert!(matches!(answer, Response::Written(_)), "after the restart: {answer:?}");
}
