//! What frames say: the bodies that the wire's serialiser reads, the events frame, and a vector by itself.
//!
//! The serialiser reads numbers that are longer than they need be, so bytes need not come back. But writing never needs
//! more bytes than were read, and where it needs as many, they must be the same.

use bytes::{Bytes, BytesMut};
use clock_core::wire::frame::{self, FRAME_BYTES_MAX, Frame};
use clock_core::wire::message::{FRAME_EVENTS_MAX, Message, MessageError, Role};
use clock_core::wire::{
    BATCH_WRITES_MAX, Choice, Notice, Receipt, Request, Response, SNAPSHOT_KEYS_MAX, VersionView,
    WriteContext,
};
use clock_core::{CONTEXT_DOTS_MAX, Dot, Key};

use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};
use crate::promises::{hold_dot, hold_key, hold_node, hold_replica, hold_vector};

/// Text and values are reserved as claimed, within what the codec lets a message of this size decode to: 4 KiB for the
/// shortest, and at most 256 bytes for each byte, just behind a step of its limit. The rest is for lists: 32 bytes and a
/// name's block for a dot of four bytes, in memory that grew by doubling.
pub(crate) const BOUNDED: Limit = Limit { constant_bytes: 8 * 1024, bytes_per_byte: 320 };
/// Answers and notices hold lists within lists whose lengths are believed up to 1 MiB of memory each, three deep.
const ANSWERS: Limit = Limit { constant_bytes: 4 * 1024 * 1024, bytes_per_byte: 320 };

const INPUT_BYTES_MAX: usize = 8 * 1024;
const HEADER_BYTES: usize = 10;
/// The type of a request.
const REQUEST: u8 = 16;
/// No path through the types of a request is longer than this,
const FIELD_BYTES_MAX: usize = 96;
/// and what is said of a field quotes a key at most, of 512 characters with what was expected.
const DETAIL_BYTES_MAX: usize = 4 * 512;

/// A version vector as it travels: the body of a heartbeat.
pub static VECTOR_BINARY: Decoder = Decoder {
    name: "vector_binary",
    check: |meter, data| check(meter, 5, data),
    limit: BOUNDED,
    input_bytes_max: INPUT_BYTES_MAX,
};
/// Hello, welcome, refusal, events, heartbeat, ack, beside and an unknown type: the first byte picks.
pub static MESSAGE_PEER: Decoder = Decoder {
    name: "message_peer",
    check: |meter, data| picked(meter, &[0, 1, 2, 3, 4, 5, 6, 7], data),
    limit: BOUNDED,
    input_bytes_max: INPUT_BYTES_MAX,
};
/// Request, response and notice: the first byte picks.
pub static MESSAGE_CLIENT: Decoder = Decoder {
    name: "message_client",
    check: |meter, data| picked(meter, &[18, 16, 17], data),
    limit: ANSWERS,
    input_bytes_max: INPUT_BYTES_MAX,
};

/// The remainder of the first byte picks, so that the types of messages stand for themselves.
fn picked(meter: &Meter, kinds: &[u8], data: &[u8]) -> Outcome {
    let (first, body) = data.split_first().unwrap_or((&0, &[]));
    check(meter, kinds[usize::from(*first) % kinds.len()], body)
}

fn check(meter: &Meter, kind: u8, body: &[u8]) -> Outcome {
    let frame = Frame { kind, body: Bytes::copy_from_slice(body) };
    let message = match meter.decode(body.len(), || Message::from_frame(&frame)) {
        Ok(message) => message,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says what was expected");
            hold_malformed(kind, &error);
            return Outcome::Refused;
        }
    };
    hold(&message);
    let again = reframed(&message);
    assert_eq!(again.kind, kind, "the type of {message:?}");
    assert!(again.body.len() <= body.len(), "more bytes than were read for {message:?}");
    if again.body.len() == body.len() || kind == 4 {
        assert_eq!(again.body, body, "other bytes of the same length for {message:?}");
    }
    assert_eq!(Message::from_frame(&again).as_ref(), Ok(&message), "the message changed on the way");
    Outcome::Accepted
}

fn reframed(message: &Message) -> Frame {
    let bytes = message.to_frame().expect("what was read fits a frame");
    let mut buffer = BytesMut::from(bytes.as_ref());
    let frame = frame::cut(&mut buffer, FRAME_BYTES_MAX).expect("a good frame").expect("all of it");
    assert_eq!(bytes.len(), frame.body.len() + HEADER_BYTES + 4, "one frame and nothing else");
    frame
}

fn hold(message: &Message) {
    match message {
        Message::Hello(hello) => {
            hold_node(&hello.cluster);
            if let Role::Peer(claim) = &hello.role {
                hold_replica(&claim.replica);
                hold_vector(&claim.durable);
            }
        }
        Message::Welcome(claim) => {
            hold_replica(&claim.replica);
            hold_vector(&claim.durable);
        }
        Message::Refused(refusal) => assert!(!refusal.to_string().is_empty()),
        Message::Events(events) => assert!(events.len() <= FRAME_EVENTS_MAX, "{} events", events.len()),
        Message::Heartbeat { sent: vector } | Message::Ack { durable: vector, .. } => hold_vector(vector),
        Message::Beside(beside) => {
            hold_dot(&beside.dot);
            hold_context(&beside.versions);
        }
        Message::Request { terms, request, .. } => {
            terms.session.iter().for_each(hold_vector);
            hold_request(request);
        }
        Message::Response { token, response, .. } => {
            token.iter().for_each(hold_vector);
            hold_response(response);
        }
        Message::Notice(notice) => hold_notice(notice),
    }
}

/// Only a request is refused under a number: with a field and a reason, neither of them as long as what was sent.
fn hold_malformed(kind: u8, error: &MessageError) {
    let MessageError::Request { field, detail, .. } = error else { return };
    assert_eq!(kind, REQUEST, "refused as a request: {error}");
    assert!((1..=FIELD_BYTES_MAX).contains(&field.len()), "the field of {error}");
    assert!((1..=DETAIL_BYTES_MAX).contains(&detail.len()), "the reason of {error}");
}

fn hold_request(request: &Request) {
    match request {
        Request::Put { key, context, .. } | Request::Delete { key, context, .. } => hold_write(key, context),
        Request::Batch { writes } => {
            assert!(writes.len() <= BATCH_WRITES_MAX, "a batch of {} writes", writes.len());
            writes.iter().for_each(|write| hold_write(&write.key, &write.context));
        }
        Request::Resolve { choice: Choice::Take(dot), .. } => hold_dot(dot),
        Request::Get { key, .. } | Request::History { key, .. } => hold_key(key),
        Request::Conflicts { after } => after.iter().for_each(hold_key),
        Request::Snapshot { keys, at } => {
            assert!(keys.len() <= SNAPSHOT_KEYS_MAX, "a snapshot of {} keys", keys.len());
            keys.iter().for_each(hold_key);
            at.iter().for_each(hold_vector);
        }
        Request::Watch { after } => after.iter().for_each(hold_vector),
        Request::Why { dot } | Request::Impact { dot } => hold_dot(dot),
        Request::Resolve { choice: Choice::Value { .. } | Choice::Delete, .. }
        | Request::Receipt { .. }
        | Request::Status => {}
    }
}

fn hold_write(key: &Key, context: &WriteContext) {
    hold_key(key);
    if let WriteContext::Exactly(dots) = context {
        hold_context(dots);
    }
}

fn hold_context(dots: &[Dot]) {
    assert!(dots.len() <= CONTEXT_DOTS_MAX, "a context of {} dots", dots.len());
    hold_dots(dots);
}

fn hold_response(response: &Response) {
    match response {
        Response::Written(receipt) => hold_receipt(receipt),
        Response::BatchWritten(receipts) => {
            assert!(receipts.len() <= BATCH_WRITES_MAX, "{} receipts", receipts.len());
            receipts.iter().for_each(hold_receipt);
        }
        Response::Entry(entry) => entry.versions.iter().for_each(hold_version),
        Response::History { entries, .. } => entries.iter().for_each(|entry| hold_dot(&entry.dot)),
        Response::Conflicts { conflicts, .. } => conflicts.iter().for_each(|view| hold_key(&view.key)),
        Response::Status(status) => hold_vector(&status.durable),
        Response::Snapshot { at, entries, .. } => {
            hold_vector(at);
            let versions = entries.iter().flat_map(|entry| &entry.versions);
            versions.for_each(|version| hold_dots(&version.dots));
        }
        Response::Why(why) => {
            hold_vector(&why.vector);
            [&why.superseded_by, &why.concurrent_with, &why.built_on]
                .into_iter()
                .for_each(|dots| hold_dots(dots));
        }
        Response::Impact(impact) => {
            hold_dots(&impact.same_key);
            impact.stations.iter().for_each(|station| hold_dot(&station.first));
            impact.keys.iter().for_each(hold_key);
        }
        Response::Refused(error) | Response::BatchRefused { error, .. } => {
            assert!(!error.to_string().is_empty());
        }
        Response::UnknownKey | Response::Watching => {}
    }
}

fn hold_receipt(receipt: &Receipt) {
    hold_dot(&receipt.dot);
    hold_vector(&receipt.vector);
    hold_dots(&receipt.context);
    hold_dots(&receipt.concurrent_with);
    receipt.durable_on.iter().for_each(hold_node);
}

fn hold_notice(notice: &Notice) {
    match notice {
        Notice::Applied(applied) => hold_version(&applied.version),
        Notice::ConflictOpened(conflict) => hold_key(&conflict.key),
        Notice::ConflictClosed { key, by, .. } => {
            hold_key(key);
            hold_dot(by);
        }
        Notice::Replayed { key, entry } => {
            hold_key(key);
            hold_dot(&entry.dot);
        }
        Notice::Committed { dot, durable_on, .. } => {
            hold_dot(dot);
            durable_on.iter().for_each(hold_node);
        }
        Notice::Lagged { .. } => {}
    }
}

fn hold_version(version: &VersionView) {
    hold_dots(&version.dots);
    hold_dots(&version.context);
    hold_vector(&version.vector);
}

fn hold_dots(dots: &[Dot]) {
    dots.iter().for_each(hold_dot);
}
