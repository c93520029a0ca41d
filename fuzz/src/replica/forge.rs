//! What peers and clients say, out of bytes: mostly plausible, never trusted.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use clock_core::replica::ConflictId;
use clock_core::wire::{Change, Choice, Copies, EncodedEvent, Request, Terms, Write, WriteContext};
use clock_core::{
    Body, BodyKind, Dot, HybridTimestamp, Key, MAX_COUNTER, ReplicaId, RequestId, VersionVector, WriteEvent,
};

use super::station::Station;
use super::world::WORLD;
use crate::input::Input;

/// Times that a liar gives.
const LAMPORTS: [u64; 4] = [1, 1 << 40, MAX_COUNTER - 1, MAX_COUNTER];
/// Entries that a liar claims.
const COUNTERS: [u64; 4] = [1 << 40, MAX_COUNTER - 1, MAX_COUNTER, u64::MAX];

/// How long a client waits, in milliseconds: the last is out of range.
const DEADLINES_MS: [u32; 4] = [1, 500, 60_000, 0];

/// Counts up what one frame has made so far, so that its events may follow each other.
pub(super) type Made = BTreeMap<ReplicaId, u64>;

/// Who mints: the station's present incarnation, or one of those that everybody knows.
fn origin(station: &Station<'_>, byte: u8) -> ReplicaId {
    let known = WORLD.origins.get(usize::from(byte % 10));
    known.cloned().unwrap_or_else(|| station.replica.id().clone())
}

/// A sequence number around the end of what there is, a small one, or an absurd one.
fn sequence(upto: u64, byte: u8) -> u64 {
    match byte % 8 {
        0 | 1 | 6 => upto.saturating_add(1),
        2 => upto.saturating_add(2),
        3 => upto.max(1),
        4 => upto.saturating_add(3),
        5 => 1 + u64::from(byte / 8),
        _ => COUNTERS[usize::from(byte / 8) % COUNTERS.len()],
    }
}

pub(super) fn key(byte: u8) -> Key {
    WORLD.keys[usize::from(byte) % WORLD.keys.len()].clone()
}

fn dot(station: &Station<'_>, input: &mut Input<'_>) -> Dot {
    let replica = origin(station, input.byte());
    let seq = sequence(station.disk.upto(&replica), input.byte().wrapping_add(3)).min(MAX_COUNTER);
    Dot { replica, seq }
}

/// A claim: of nothing, of what is true, or of a few entries around it.
pub(super) fn vector(station: &Station<'_>, input: &mut Input<'_>) -> VersionVector {
    let shape = input.byte();
    let truth = if shape & 0x80 == 0 { VersionVector::new() } else { station.disk.visible() };
    let truth = truth.iter().map(|(replica, seq)| (replica.clone(), seq)).collect::<Vec<_>>();
    let claimed: Vec<_> = (0..shape % 4).map(|_| dot(station, input)).collect();
    truth.into_iter().chain(claimed.into_iter().map(|dot| (dot.replica, dot.seq))).collect()
}

/// One event: origin, sequence, shape, request and value, then what the shape announces.
pub(super) fn event(station: &Station<'_>, input: &mut Input<'_>, made: &mut Made) -> EncodedEvent {
    let (replica, seq, shape, tag) =
        (origin(station, input.byte()), input.byte(), input.byte(), input.byte());
    let upto = made.entry(replica.clone()).or_insert_with(|| station.disk.upto(&replica));
    let seq = sequence(*upto, seq);
    *upto = seq;
    let lies = if shape & 0x40 == 0 { None } else { Some(input.byte()) };
    let delta: BTreeMap<_, _> =
        (0..shape & 3).map(|_| dot(station, input)).map(|dot| (dot.replica, dot.seq)).collect();
    let context: BTreeSet<_> = (0..shape >> 2 & 3).map(|_| dot(station, input)).collect();
    let dot = Dot { replica, seq };
    let (lamport, hlc) = times(station, lies);
    let event = WriteEvent {
        lamport,
        hlc,
        wall_ms: station.now.wall_ms,
        delta: delta.into_iter().filter(|(replica, _)| *replica != dot.replica).collect(),
        context: context.into_iter().filter(|named| *named != dot).collect(),
        key: key(shape >> 4),
        request: RequestId(u128::from(tag % 8)),
        body: Body { kind: BodyKind(tag >> 7), bytes: Bytes::copy_from_slice(&[tag >> 3]) },
        dot,
    };
    let encoded = EncodedEvent::encode(&event);
    let encoded = encoded.unwrap_or_else(|_| EncodedEvent::from_bytes(Bytes::from_static(b"no event")));
    if shape & 0x80 == 0 { encoded } else { damaged(&encoded, input) }
}

/// Just above everything in the log, or what a liar says.
fn times(station: &Station<'_>, lies: Option<u8>) -> (u64, HybridTimestamp) {
    let above = |wall_ms: u64| HybridTimestamp::from_packed(wall_ms.min((1 << 44) - 1) << 20);
    let honest = station.disk.entries().iter().map(|entry| entry.event.lamport).max().unwrap_or(0) + 1;
    let wall_ms = station.now.wall_ms;
    let Some(lie) = lies else { return (honest.min(MAX_COUNTER), above(wall_ms)) };
    let hlc = match lie / 8 % 4 {
        0 => above(wall_ms.saturating_add(60_000)),
        1 => above(wall_ms.saturating_add(120_000)),
        2 => HybridTimestamp::from_packed(u64::MAX),
        _ => HybridTimestamp::from_packed(0),
    };
    (LAMPORTS.get(usize::from(lie % 8)).copied().unwrap_or(honest.min(MAX_COUNTER)), hlc)
}

/// One bit is not what it was.
fn damaged(event: &EncodedEvent, input: &mut Input<'_>) -> EncodedEvent {
    let mut bytes = event.as_bytes().to_vec();
    let (at, bit) = (usize::from(input.byte()) % bytes.len(), input.byte() % 8);
    bytes[at] ^= 1 << bit;
    EncodedEvent::from_bytes(bytes.into())
}

/// Terms: what most clients ask for; or copies, a deadline, and a session that has seen what the station has or more.
pub(super) fn terms(station: &Station<'_>, input: &mut Input<'_>) -> Terms {
    let shape = input.byte();
    let copies = match shape & 7 {
        0 => Copies::Majority,
        7 => Copies::Count(u16::from(shape)),
        count => Copies::Count(u16::from(count - 1)),
    };
    let deadline_ms = DEADLINES_MS[usize::from(shape >> 3 & 3)];
    let session = (shape & 0x80 != 0).then(|| vector(station, input));
    Terms { copies, deadline_ms, session }
}

/// Several writes at once, one of them perhaps a deletion.
pub(super) fn batch(station: &Station<'_>, input: &mut Input<'_>) -> Request {
    let count = input.byte() % 5;
    Request::Batch { writes: (0..count).map(|_| write(station, input)).collect() }
}

fn write(station: &Station<'_>, input: &mut Input<'_>) -> Write {
    match put(station, input) {
        Request::Put { key, kind, value, context, request } if kind.0 & 0x40 == 0 => {
            Write { key, change: Change::Put { kind, value }, context, request }
        }
        Request::Put { key, context, request, .. } => Write { key, change: Change::Delete, context, request },
        other => unreachable!("a put is {other:?}"),
    }
}

/// A deletion: key, context, request.
pub(super) fn delete(station: &Station<'_>, input: &mut Input<'_>) -> Request {
    let (shape, tag) = (input.byte(), input.byte());
    let context = context(station, input, shape);
    Request::Delete { key: key(shape), context, request: RequestId(u128::from(tag % 8)) }
}

fn context(station: &Station<'_>, input: &mut Input<'_>, shape: u8) -> WriteContext {
    match shape >> 2 & 3 {
        0 | 1 => WriteContext::StationView,
        2 => WriteContext::Blind,
        _ => WriteContext::Exactly((0..shape >> 4 & 3).map(|_| dot(station, input)).collect()),
    }
}

/// A write: key, value, context, request.
pub(super) fn put(station: &Station<'_>, input: &mut Input<'_>) -> Request {
    let (shape, tag) = (input.byte(), input.byte());
    let context = context(station, input, shape);
    let (kind, value) = match shape >> 6 {
        0 | 1 => (BodyKind::OPAQUE, vec![tag >> 3]),
        2 => (BodyKind::ATTITUDE, b"1,0,0,0".to_vec()),
        _ => (BodyKind(tag), input.short().to_vec()),
    };
    let request = RequestId(u128::from(tag % 8));
    Request::Put { key: key(shape), kind, value: value.into(), context, request }
}

/// A resolution: of a conflict that is open, mostly, with one of its siblings or a value.
pub(super) fn resolve(station: &Station<'_>, input: &mut Input<'_>) -> Request {
    let (shape, tag) = (input.byte(), input.byte());
    let current = station.disk.current(&key(shape));
    // A conflict as it was before the latest of its versions came is none any more.
    let latest = if shape & 0x40 == 0 { current.len() } else { current.len().saturating_sub(1) };
    let conflict = ConflictId::of(current[..latest].iter().map(|event| &event.dot));
    let sibling = current.get(usize::from(shape >> 4 & 3)).map(|event| event.dot.clone());
    let choice = match shape >> 2 & 3 {
        0 | 1 => Choice::Take(sibling.unwrap_or_else(|| dot(station, input))),
        2 => Choice::Value { kind: BodyKind::OPAQUE, value: vec![tag >> 3].into() },
        _ => Choice::Take(dot(station, input)),
    };
    Request::Resolve { conflict, choice, request: RequestId(u128::from(tag % 8)) }
}

/// A question.
pub(super) fn question(station: &Station<'_>, input: &mut Input<'_>) -> Request {
    let (shape, operand) = (input.byte(), input.byte());
    match shape % 9 {
        0 => Request::Get { key: key(operand), skip: u32::from(shape >> 6) },
        1 => Request::History { key: key(operand), after: u64::from(operand >> 2) },
        2 => Request::Conflicts { after: (operand & 0x80 != 0).then(|| key(operand)) },
        3 => Request::Status,
        4 => Request::Watch { after: None },
        5 => Request::Receipt { request: RequestId(u128::from(operand % 8)) },
        6 => {
            let keys = (0..operand % 3).map(key).collect();
            Request::Snapshot { keys, at: (operand & 0x80 != 0).then(|| vector(station, input)) }
        }
        7 => Request::Why { dot: dot(station, input) },
        _ => Request::Impact { dot: dot(station, input) },
    }
}
