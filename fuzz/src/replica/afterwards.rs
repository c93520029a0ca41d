//! After everything: a disk that catches up, a client that is honest, and two peers that are.

use bytes::Bytes;
use clock_core::replica::{Effect, Input, SessionId};
use clock_core::wire::message::{Claim, Message};
use clock_core::wire::{DEADLINE_MS_MAX, EncodedEvent, Request, RequestError, Terms, WriteContext};
use clock_core::{
    Body, BodyKind, Dot, HybridTimestamp, Incarnation, NodeId, ReplicaId, RequestId, VersionVector,
    WriteEvent,
};

use super::station::{Side, Station};
use super::world::WORLD;

/// Longer than the relay delay and than a heartbeat.
const LATER_NANOS: u64 = 10_000_000_000;
/// Longer than any client may wait.
const LONGEST_DEADLINE_NANOS: u64 = (DEADLINE_MS_MAX as u64 + 1) * 1_000_000;
/// The first request id that the honest client draws; it takes the next if somebody had it.
const REQUEST: u128 = 0x5EED_0000_0000_0000;

/// Whatever happened, whoever is honest is served.
pub(super) fn serve(station: &mut Station<'_>) {
    sync_all(station);
    // Whoever waits for copies, or for what their session has seen, has an answer now; and so has a write that waited.
    if station.now.mono.0 > u64::MAX - LONGEST_DEADLINE_NANOS {
        hang_up_clients(station);
    }
    station.pass(LONGEST_DEADLINE_NANOS, station.now.wall_ms);
    sync_all(station);
    assert_eq!(station.unanswered(), Vec::<&Request>::new(), "never answered");
    write_and_read(station);
    station.pass(LATER_NANOS, station.now.wall_ms);
    let other = ship_everything(station);
    take_in(station, other);
}

/// At the end of time, in 584 years, no deadline passes any more.
fn hang_up_clients(station: &mut Station<'_>) {
    for index in 0..station.sessions.len() {
        if station.sessions[index] == Side::Client {
            station.hang_up(SessionId(index as u64));
        }
    }
}

fn sync_all(station: &mut Station<'_>) {
    let upto = station.disk.sync(usize::MAX).unwrap_or_default();
    station.hand_in(Input::Synced { upto });
}

/// A client writes a key that nobody has written, and asks for everything there is.
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
        station.ask(session, number, (Terms::default(), put(request)));
        sync_all(station);
        assert_eq!(station.unanswered(), Vec::<&Request>::new(), "a write was not answered");
        if station.tally.written > written && station.disk.entries().len() > appended {
            break;
        }
        match station.last_refusal.take() {
            Some(RequestError::RequestReused { .. }) | None => {}
            Some(RequestError::Exhausted(_)) => return,
            Some(error) => panic!("an honest write was refused: {error}"),
        }
    }
    let gets =
        WORLD.keys.iter().chain([&WORLD.last_key]).map(|key| Request::Get { key: key.clone(), skip: 0 });
    for question in gets.chain([Request::Conflicts { after: None }, Request::Status]) {
        let number = station.next_number();
        station.ask(session, number, (Terms::default(), question));
        assert_eq!(station.unanswered(), Vec::<&Request>::new(), "a question was not answered");
    }
}

/// A peer that has nothing is shipped everything, in the order of the log; and once more, if it says that it lost it.
fn ship_everything(station: &mut Station<'_>) -> SessionId {
    let peer = WORLD.stations[2].clone();
    let session = station.dial(peer.clone());
    station.hear(session, Message::Welcome(nothing_of(peer.clone())));
    assert_eq!(*station.side(session), Side::Dialled(peer), "an honest peer was not taken");
    // The read that is under way is overtaken.
    for _ in 0..2 {
        station.hear(session, Message::Ack { durable: VersionVector::new(), resend: true });
        let stored: Vec<_> =
            station.disk.durable_entries().iter().map(|entry| entry.encoded.clone()).collect();
        assert_eq!(shipped(station, session), stored, "what a peer without anything is shipped");
    }
    session
}

/// Answers the session's reads until there are no more; what was sent on it then.
fn shipped(station: &mut Station<'_>, session: SessionId) -> Vec<EncodedEvent> {
    let mut shipped = Vec::new();
    while let Some(at) = station.reads.iter().position(|(reading, _)| *reading == session) {
        let (_, query) = station.reads.remove(at);
        let (events, next) = station.disk.read(&query);
        for effect in station.hand_in(Input::LogRead { session, events, next }) {
            if let Effect::Send { message: Message::Events(events), .. } = effect {
                shipped.extend(events);
            }
        }
    }
    shipped
}

/// A peer ships its first event, is told that it is durable, and what it lost on the way is asked for again. The event
/// goes on to the other peer, when it has waited for its origin.
fn take_in(station: &mut Station<'_>, other: SessionId) {
    let claim = nothing_of(WORLD.stations[1].clone());
    let seq = station.disk.upto(&claim.replica) + 1;
    let dot = Dot { replica: claim.replica.clone(), seq };
    let session = station.take_peer(WORLD.config.cluster.clone(), claim);
    let event = EncodedEvent::encode(&first_event(dot.clone())).expect("an honest event");
    station.hear(session, Message::Events(vec![event.clone()]));
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
    station.pass(LATER_NANOS, station.now.wall_ms);
    assert!(shipped(station, other).contains(&event), "{dot} was not passed on");
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
