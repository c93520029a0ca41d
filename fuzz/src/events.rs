//! Writes as bytes: as they come, behind the right lengths and checksum, and as a disk gives them back.

use bytes::Bytes;
use clock_core::record;
use clock_core::wire::EncodedEvent;
use clock_core::{BODY_BYTES_MAX, CONTEXT_DOTS_MAX, VECTOR_ENTRIES_MAX, WriteEvent};

use crate::allocation::Meter;
use crate::checksum::crc32c;
use crate::decoder::{Decoder, Outcome};
use crate::input::Input;
use crate::messages::BOUNDED;
use crate::promises::{hold_counter, hold_dot, hold_key, hold_replica};

const VERSION: u8 = 1;
const INPUT_BYTES_MAX: usize = 8 * 1024;

/// An event, to the letter.
pub static EVENT: Decoder =
    Decoder { name: "event", check: event, limit: BOUNDED, input_bytes_max: INPUT_BYTES_MAX };
/// A header and a body, put into a well-formed event: what a fuzzer cannot get past the checksum.
pub static EVENT_HEADER: Decoder =
    Decoder { name: "event_header", check: event_header, limit: BOUNDED, input_bytes_max: INPUT_BYTES_MAX };

/// An event out of a store's log, whole and with bits that are not what they were.
pub static STORED_EVENT: Decoder =
    Decoder { name: "stored_event", check: stored_event, limit: BOUNDED, input_bytes_max: INPUT_BYTES_MAX };

fn event(meter: &Meter, data: &[u8]) -> Outcome {
    let encoded = EncodedEvent::from_bytes(Bytes::copy_from_slice(data));
    match meter.decode(data.len(), || encoded.decode()) {
        Ok(event) => {
            hold(&event);
            hold_bytes(&event, data);
            Outcome::Accepted
        }
        Err(error) => {
            assert!(!error.to_string().is_empty(), "an error says what was expected");
            Outcome::Refused
        }
    }
}

/// The input: the length of the header, in two bytes, big-endian; the header; the body.
fn event_header(meter: &Meter, data: &[u8]) -> Outcome {
    let mut input = Input::new(data);
    let header_bytes = usize::from(input.u16());
    let header = input.slice(header_bytes);
    event(meter, &sealed(header, input.rest()))
}

/// The most bits that any CRC-32C tells, wherever they are and however long the record.
const BITS_TOLD: usize = 3;
/// The longest run of bits in which it tells every change.
const RUN_BYTES: usize = 4;

/// The input: three places of two bytes and a pattern of four, then a record to the letter or, if the first bit of the
/// pattern is set, a header and a body as above.
///
/// A store has nothing but the record to tell what is damaged by, so damage that a checksum of 32 bits always tells has
/// to be told: up to three bits anywhere, any change within four bytes, and any cut.
fn stored_event(meter: &Meter, data: &[u8]) -> Outcome {
    let mut input = Input::new(data);
    let places = [input.u16(), input.u16(), input.u16()].map(usize::from);
    let pattern = [input.byte(), input.byte(), input.byte(), input.byte()];
    let record = if pattern[0] & 0x80 == 0 {
        input.rest().to_vec()
    } else {
        let header_bytes = usize::from(input.u16());
        let header = input.slice(header_bytes);
        sealed(header, input.rest())
    };
    let outcome = event(meter, &record);
    if outcome == Outcome::Accepted {
        (1..=BITS_TOLD).for_each(|count| hold_bits(meter, &record, &places[..count]));
        hold_run(meter, &record, places[0], pattern);
        hold_refused(meter, &record[..places[0] % record.len()]);
    }
    outcome
}

fn hold_bits(meter: &Meter, record: &[u8], places: &[usize]) {
    let mut damaged = record.to_vec();
    for place in places {
        let bit = place % (record.len() * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
    }
    if damaged != record {
        hold_refused(meter, &damaged);
    }
}

fn hold_run(meter: &Meter, record: &[u8], place: usize, pattern: [u8; RUN_BYTES]) {
    let mut damaged = record.to_vec();
    let from = place % record.len();
    damaged[from..].iter_mut().zip(pattern).for_each(|(byte, change)| *byte ^= change);
    if damaged != record {
        hold_refused(meter, &damaged);
    }
}

fn hold_refused(meter: &Meter, damaged: &[u8]) {
    let stored = EncodedEvent::from_bytes(Bytes::copy_from_slice(damaged));
    let decoded = meter.decode(damaged.len(), || stored.decode());
    assert!(decoded.is_err(), "damage was not told: {damaged:02x?} gave {decoded:?}");
}

/// A well-formed event of this header and body.
pub(crate) fn sealed(header: &[u8], body: &[u8]) -> Vec<u8> {
    let length = |part: &[u8]| u32::try_from(part.len()).expect("far below 4 GiB").to_be_bytes();
    let mut bytes = [&[VERSION], length(header).as_slice(), &length(body), header, body].concat();
    let checksum = crc32c(&[&bytes]);
    bytes.extend_from_slice(&checksum.to_be_bytes());
    bytes
}

fn hold(event: &WriteEvent) {
    hold_dot(&event.dot);
    hold_counter(event.lamport);
    hold_key(&event.key);
    assert!(event.delta.len() <= VECTOR_ENTRIES_MAX, "a delta of {} entries", event.delta.len());
    assert!(event.delta.is_sorted_by(|left, right| left.0 < right.0), "a delta out of order: {event:?}");
    for (replica, counter) in &event.delta {
        hold_replica(replica);
        hold_counter(*counter);
        assert_ne!(*replica, event.dot.replica, "an event's delta is about others");
    }
    assert!(event.context.len() <= CONTEXT_DOTS_MAX, "a context of {} dots", event.context.len());
    assert!(event.context.is_sorted_by(|left, right| left < right), "a context out of order: {event:?}");
    event.context.iter().for_each(hold_dot);
    assert!(!event.context.contains(&event.dot), "an event does not supersede itself");
    assert!(event.body.bytes.len() <= BODY_BYTES_MAX, "a body of {} bytes", event.body.bytes.len());
    assert!(record::display(&event.body).len() <= 4 * BODY_BYTES_MAX, "a body shows");
}

/// A station that minted this event would have made bytes that read as the same event: as many as these at most, and
/// these if as many.
fn hold_bytes(event: &WriteEvent, data: &[u8]) {
    let again = EncodedEvent::encode(event).expect("what was read can be minted");
    assert_eq!(again.decode().as_ref(), Ok(event), "the event changed on the way");
    let again = again.as_bytes();
    assert!(again.len() <= data.len(), "more bytes than were read for {event}");
    if again.len() == data.len() {
        assert_eq!(again, data, "other bytes of the same length for {event}");
    }
}
