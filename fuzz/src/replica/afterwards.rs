//! After everything: a disk that catches up, a client that is honest, and two peers that are.

use bytes::Bytes;
use clock_core::replica::{Effect, Input};
use clock_core::wire::message::{Claim, Message};
use clock_core::wire::{EncodedEvent, Request, RequestError, WriteContext};
use clock_core::{
    Body, BodyKind, Dot, HybridTimestamp, Incarnation, NodeId, ReplicaId, RequestId, VersionVector,
    WriteEvent,
};

use super::station::{Side, Station};
use super::world::WORLD;

/// Longer than the relay delay and than a heartbeat.
const LATER_NANOS: u64 = 10_000_000_000;
/// The first request id that the honest client draws; it takes the next if somebody had it.
const REQUEST: u128 = 0x5EED_0000_0000_0000;

/// Whatever happened, whoever is honest is served.
pub(super) fn serve(station: &mut Station<'_>) {
    sync_all(station);
    assert!(station.open.is_empty(), "never answered: {:?}", station.open);
    write_and_read(station);
    let wall_ms = station.now.wall_ms;
    station.pass(LATER_NANOS, wall_ms);
    ship_everything(station);
    take_in(station);
}

fn sync_all(station: &mut Station<'_>) {
    let upto = station.disk.sync(usize::MAX).unwrap_or_default();
    station.hand_in(Input::Synced { upto });
}

/// A client writes a key that nobody has written, and reads it back.
fn write_and_read(station: &mut Station<'_>) {
    let session = station.take_client(WORLD.config.cluster.clone());
    let put = |request: u128| Request::Put {
        key: WORLD.last_key.clone(),
        kind: BodyKind::OPAQUE,
        value: request.to_be_bytes().to_vec().into(),
        context: WriteContext::StationView,
        request: RequestId(request),
    };
    // Somebody may have used an id, if only on purpose: then the next one is new.
    for request in REQUEST.. {
        let number = station.next_number();
        let (written, appended) = (station.tally.written, station.disk.entries().len());
        station.ask(session, number, put(request));
        sync_all(station);
        assert!(station.open.is_empty(), "a write was not answered");
        if station.tally.written > written && station.disk.entries().len() > appended {
            break;
        }
        match station.last_refusal.take() {
            Some(RequestError::RequestReused { .. }) | None => {}
            Some(RequestError::Exhausted(_)) => return,
            Some(error) => panic!("an honest write was refused: {error}"),
        }
    }
    let number = station.next_number();
    let key = WORLD.last_key.clone();
    station.ask(session, number, Request::Get { key, skip: 0 });
    assert!(station.open.is_empty(), "a read was not answered");
    let number = station.next_number();
    station.ask(session, number, Request::Status);
}

/// A peer that has nothing is shipped everything, in the order of the log.
fn ship_everything(station: &mut Station<'_>) {
    let peer = WORLD.stations[1].clone();
    let session = station.dial(peer.clone());
    station.hear(session, Message::Welcome(nothing_of(peer.clone())));
    assert_eq!(*station.side(session), Side::Dialled(peer), "an honest peer was not taken");
    let mut shipped = Vec::<EncodedEvent>::new();
    while let Some(at) = station.reads.iter().position(|(reading, _)| *reading == session) {
        let (_, query) = station.reads.remove(at);
        let (events, next) = station.disk.read(&query);
        for effect in station.hand_in(Input::LogRead { session, events, next }) {
            if let Effect::Send { message: Message::Events(events), .. } = effect {
                shipped.extend(events);
            }
        }
    }
    let stored: Vec<_> = station.disk.durable_entries().iter().map(|entry| entry.encoded.clone()).collect();
    assert_eq!(shipped, stored, "what a peer without anything is shipped");
}

/// A peer ships its first event, is told that it is durable, and what it lost on the way is asked for again.
fn take_in(station: &mut Station<'_>) {
    let claim = nothing_of(WORLD.stations[2].clone());
    let seq = station.disk.upto(&claim.replica) + 1;
    let dot = Dot { replica: claim.replica.clone(), seq };
    let session = station.take_peer(WORLD.config.cluster.clone(), claim);
    let event = EncodedEvent::encode(&first_event(dot.clone())).expect("an honest event");
    station.hear(session, Message::Events(vec![event]));
    sync_all(station);
    assert!(station.disk.is_durable(&dot), "{dot} of an honest peer was not taken");
    for (upto, expected) in [(seq, false), (seq + 4, true)] {
        let sent = [(dot.replica.clone(), upto)].into_iter().collect();
        let effects = station.hand_in(Input::Frame { session, message: Message::Heartbeat { sent } });
        let [Effect::Send { message: Message::Ack { resend, .. }, .. }] = effects[..] else {
            panic!("a heartbeat was not answered: {effects:?}");
        };
        assert_eq!(resend, expected, "whether {dot} and what follows up to {upto} has to be sent again");
    }
}

fn nothing_of(node: NodeId) -> Claim {
    Claim { replica: ReplicaId { node, incarnation: Incarnation(4) }, durable: VersionVector::new() }
}

fn first_event(dot: Dot) -> WriteEvent {
    WriteEvent {
        dot,
        lamport: 1,
        hlc: HybridTimestamp::from_packed(1),
        wall_ms: 1,
        delta: Vec::new(),
        context: Vec::new(),
        key: WORLD.last_key.clone(),
        request: RequestId(u128::MAX),
        body: Body { kind: BodyKind::OPAQUE, bytes: Bytes::new() },
    }
}
