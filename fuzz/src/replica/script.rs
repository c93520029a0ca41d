//! Bytes as steps. Every byte means something; the frequent steps have more of them.

use bytes::Bytes;
use clock_core::replica::{Input, Lsn};
use clock_core::wire::Terms;
use clock_core::wire::frame::Frame;
use clock_core::wire::message::{Claim, Message, Refusal};
use clock_core::{Incarnation, NodeId, ReplicaId};

use super::disk::logged;
use super::forge::{self, Made};
use super::station::{Side, Station};
use super::world::WORLD;
use crate::input::Input as Script;

/// How far time goes on in one step, in nanoseconds: nothing, past the relay delay, past a heartbeat, to the end.
const NANOS: [u64; 4] = [0, 101_000_000, 1_001_000_000, u64::MAX];
const HOUR_MS: u64 = 3_600_000;

/// Takes one step.
pub(super) fn step(station: &mut Station<'_>, input: &mut Script<'_>) {
    match input.byte() % 20 {
        0 => drop(station.dial(node(input))),
        1 => take_peer(station, input),
        2 => take_client(station, input),
        3..=5 => ship(station, input),
        6 => {
            let (session, sent) = (station.session(input.byte()), forge::vector(station, input));
            station.hear(session, Message::Heartbeat { sent });
        }
        7 => {
            let (session, shape) = (station.session(input.byte()), input.byte());
            let (resend, durable) = (shape & 1 != 0, forge::vector(station, input));
            station.hear(session, Message::Ack { durable, resend });
        }
        8 => welcome(station, input),
        9 => say(station, input),
        10..=12 => ask(station, input),
        13 | 14 => sync(station, input),
        15 => read(station, input),
        16 => read_unasked(station, input),
        17 => pass(station, input),
        18 => hang_up(station, input),
        _ => station.crash(input.byte() % 4 == 3),
    }
}

fn node(input: &mut Script<'_>) -> NodeId {
    let pick = usize::from(input.byte());
    WORLD.stations.get(pick % 8).unwrap_or(&WORLD.stations[0]).clone()
}

fn claim(station: &Station<'_>, node: NodeId, input: &mut Script<'_>) -> Claim {
    let replica = ReplicaId { node, incarnation: Incarnation(1) };
    Claim { replica, durable: forge::vector(station, input) }
}

/// One in eight means another cluster.
fn cluster(byte: u8) -> NodeId {
    if byte % 8 == 7 { WORLD.other_cluster.clone() } else { WORLD.config.cluster.clone() }
}

fn take_peer(station: &mut Station<'_>, input: &mut Script<'_>) {
    let (cluster, node) = (cluster(input.byte()), node(input));
    let claim = claim(station, node, input);
    station.take_peer(cluster, claim);
}

fn take_client(station: &mut Station<'_>, input: &mut Script<'_>) {
    let cluster = cluster(input.byte());
    station.take_client(cluster);
}

/// One to four events in a frame.
fn ship(station: &mut Station<'_>, input: &mut Script<'_>) {
    let (session, count) = (station.session(input.byte()), input.byte() % 4 + 1);
    let mut made = Made::new();
    let events = (0..count).map(|_| forge::event(station, input, &mut made)).collect();
    station.hear(session, Message::Events(events));
}

/// The peer that was dialled, or somebody else who answers.
fn welcome(station: &mut Station<'_>, input: &mut Script<'_>) {
    let (session, shape) = (station.session(input.byte()), input.byte());
    let dialled = match station.side(session) {
        Side::Dialling(peer) | Side::Dialled(peer) if shape % 4 != 3 => peer.clone(),
        _ => node(input),
    };
    let claim = claim(station, dialled, input);
    station.hear(session, Message::Welcome(claim));
}

/// Any message at all, as it would come out of a frame.
fn say(station: &mut Station<'_>, input: &mut Script<'_>) {
    let (session, kind) = (station.session(input.byte()), input.byte());
    let frame = Frame { kind: kind % 19, body: Bytes::copy_from_slice(input.short()) };
    match Message::from_frame(&frame) {
        Ok(Message::Request { number, terms, request }) => {
            // Numbers are a client's to keep apart; this one keeps them apart from those of the steps.
            if !station.open.keys().any(|ticket| ticket.session == session && ticket.number == number) {
                station.ask(session, number, (terms, request));
            }
        }
        Ok(message) => station.hear(session, message),
        Err(_) => station.hear(session, Message::Refused(Refusal::Stopping)),
    }
}

fn ask(station: &mut Station<'_>, input: &mut Script<'_>) {
    let (session, shape) = (station.session(input.byte()), input.byte());
    let terms = if shape & 0x80 == 0 { Terms::default() } else { forge::terms(station, input) };
    let request = match shape & 0x0F {
        0..=3 | 8 | 9 => forge::put(station, input),
        4 | 5 => forge::resolve(station, input),
        10 | 11 => forge::delete(station, input),
        12 | 13 => forge::batch(station, input),
        _ => forge::question(station, input),
    };
    let number = station.next_number();
    station.ask(session, number, (terms, request));
}

/// The disk speaks: of the next batches, of all, of a part, of what it was never given, or again of what it said before.
fn sync(station: &mut Station<'_>, input: &mut Script<'_>) {
    let shape = input.byte();
    let claimed = match shape % 8 {
        0..=2 => station.disk.sync(1),
        3 | 4 => station.disk.sync(usize::MAX),
        5 => Some(Lsn(station.disk.durable_entries().len() as u64 + u64::from(shape / 8))),
        6 => Some(Lsn(u64::MAX)),
        _ => Some(Lsn(u64::from(shape / 8))),
    };
    let upto = station.disk.sync_upto(claimed.unwrap_or_default());
    station.hand_in(Input::Synced { upto });
}

/// The answer to a read that was asked for: not always of the first that was.
fn read(station: &mut Station<'_>, input: &mut Script<'_>) {
    let pick = usize::from(input.byte());
    if station.reads.is_empty() {
        return;
    }
    let (session, query) = station.reads.remove(pick % station.reads.len());
    let (events, next) = station.disk.read(&query);
    station.hand_in(Input::LogRead { session, events, next });
}

/// A read that nobody asked for, of some piece of the log: also of what is not durable yet.
fn read_unasked(station: &mut Station<'_>, input: &mut Script<'_>) {
    let (session, from, count) = (station.session(input.byte()), input.byte(), input.byte());
    let entries = (1..).zip(station.disk.entries()).skip(usize::from(from)).take(usize::from(count % 8));
    let events = entries.map(|(position, entry)| logged(Lsn(position), entry)).collect();
    let next = if count < 0xF0 { Lsn(u64::from(from) + u64::from(count % 8)) } else { Lsn(u64::MAX) };
    station.reads.retain(|(reading, _)| *reading != session);
    station.hand_in(Input::LogRead { session, events, next });
}

fn pass(station: &mut Station<'_>, input: &mut Script<'_>) {
    let shape = input.byte();
    let nanos = NANOS[usize::from(shape % 4)];
    let wall_ms = station.now.wall_ms;
    let wall_ms = match shape / 4 % 16 {
        0..=7 => wall_ms.saturating_add((nanos / 1_000_000).min(HOUR_MS)),
        8 => wall_ms,
        9 => wall_ms.saturating_sub(HOUR_MS),
        10 => wall_ms.saturating_add(HOUR_MS),
        11 => wall_ms.saturating_add(10_000 * HOUR_MS),
        12 => 0,
        13 => (1 << 44) - 1,
        14 => u64::MAX,
        _ => u64::from(input.byte()),
    };
    station.pass(nanos, wall_ms);
}

/// Harmless of a session that was never announced, and of one that is over.
fn hang_up(station: &mut Station<'_>, input: &mut Script<'_>) {
    station.hang_up(station.session(input.byte()));
}
