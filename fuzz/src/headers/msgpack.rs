//! The binary forms, beside a naive reader of the few types that they are made of.

use std::collections::{BTreeMap, BTreeSet};

use clock_core::MAX_COUNTER;
use clock_core::headers::msgpack::{self, VectorEntries};
use clock_core::headers::{ENTRIES_MAX, HEADER_BYTES_MAX, positional};

use super::text::hold_codec;
use super::{INPUT_BYTES_MAX, SMALL_MULTIPLE};
use crate::allocation::Meter;
use crate::decoder::{Decoder, Outcome};
use crate::promises::{has_control, hold_named, hold_trace, is_node};

/// A vector as a header: as a whole, entry by entry, and by a codec that knows half of the names.
pub static VECTOR_MSGPACK: Decoder = Decoder {
    name: "vector_msgpack",
    check: vector,
    limit: SMALL_MULTIPLE,
    input_bytes_max: INPUT_BYTES_MAX,
};
/// A vector as a whole value.
pub static VECTOR_POSITIONAL: Decoder = Decoder {
    name: "vector_positional",
    check: vector_positional,
    limit: SMALL_MULTIPLE,
    input_bytes_max: INPUT_BYTES_MAX,
};
/// An event as a whole value.
pub static EVENT_POSITIONAL: Decoder = Decoder {
    name: "event_positional",
    check: event_positional,
    limit: SMALL_MULTIPLE,
    input_bytes_max: INPUT_BYTES_MAX,
};

fn vector(meter: &Meter, data: &[u8]) -> Outcome {
    let legal = judged(data).filter(|_| data.len() <= HEADER_BYTES_MAX);
    let raw = meter.decode(data.len(), || VectorEntries::new(data).collect::<Result<Vec<_>, _>>());
    assert_eq!(raw.as_ref().ok(), legal.as_ref(), "{data:02x?}");
    let decoded = meter.decode(data.len(), || msgpack::decode_vector(data));
    let is_in_range =
        legal.as_ref().is_some_and(|entries| entries.iter().all(|(_, counter)| *counter <= MAX_COUNTER));
    assert_eq!(decoded.is_ok(), is_in_range, "{data:02x?} gave {decoded:?}");
    hold_codec(&decoded, |codec, known| codec.decode_msgpack(data, known).cloned());
    let (Ok(vector), Some(entries)) = (decoded, legal) else { return Outcome::Refused };
    hold_named(&vector);
    let mut again = Vec::new();
    msgpack::encode_vector_into(&vector, &mut again).expect("what was read can be sent");
    assert_eq!(again, canonical(&entries), "the one form of {vector}");
    assert_eq!(msgpack::decode_vector(&again), Ok(vector), "the vector changed on the way");
    assert!(again.len() <= data.len(), "more bytes than were read: {data:02x?}");
    Outcome::Accepted
}

/// Names ascending, no zeros, everything in its shortest form.
fn canonical(entries: &[(&str, u64)]) -> Vec<u8> {
    let entries: BTreeMap<_, _> = entries.iter().copied().filter(|(_, counter)| *counter > 0).collect();
    let big_endian = |value: u64, width: usize| value.to_be_bytes()[8 - width..].to_vec();
    let behind = |tag: u8, value: u64, width: usize| [vec![tag], big_endian(value, width)].concat();
    let mut bytes = match entries.len() as u64 {
        count @ 0..=15 => vec![0x80 | count as u8],
        count => behind(0xDE, count, 2),
    };
    for (name, counter) in entries {
        bytes.extend(match name.len() as u64 {
            length @ 0..=31 => vec![0xA0 | length as u8],
            length => behind(0xD9, length, 1),
        });
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend(match counter {
            0..=0x7F => vec![counter as u8],
            0x80..=0xFF => behind(0xCC, counter, 1),
            0x100..=0xFFFF => behind(0xCD, counter, 2),
            0x1_0000..=0xFFFF_FFFF => behind(0xCE, counter, 4),
            _ => behind(0xCF, counter, 8),
        });
    }
    bytes
}

/// An array of one, around the map.
fn vector_positional(meter: &Meter, data: &[u8]) -> Outcome {
    let decoded = meter.decode(data.len(), || positional::decode_vector(data));
    let mut rest = data;
    let map = (length(&mut rest, 0x90, 4, [None, Some(0xDC), Some(0xDD)]) == Some(1)).then_some(rest);
    let entries = map.and_then(judged);
    let is_legal = entries.is_some_and(|entries| entries.iter().all(|(_, counter)| *counter <= MAX_COUNTER));
    assert_eq!(decoded.is_ok(), is_legal, "{data:02x?} gave {decoded:?}");
    let Ok(vector) = decoded else { return Outcome::Refused };
    hold_named(&vector);
    let mut again = Vec::new();
    positional::encode_vector_into(&vector, &mut again).expect("what was read can be sent");
    assert!(again.len() <= data.len(), "more bytes than were read: {data:02x?}");
    assert_eq!(positional::decode_vector(&again), Ok(vector), "the vector changed on the way");
    Outcome::Accepted
}

fn event_positional(meter: &Meter, data: &[u8]) -> Outcome {
    let Ok(event) = meter.decode(data.len(), || positional::decode_event(data)) else {
        return Outcome::Refused;
    };
    hold_trace(event.trace());
    if let Some(clock_core::headers::DisplayTime::Text(text)) = event.time() {
        assert!((1..=64).contains(&text.as_str().len()) && !has_control(text.as_str()), "a time {text:?}");
    }
    let mut again = Vec::new();
    positional::encode_event_into(&event, &mut again).expect("what was read can be sent");
    assert!(again.len() <= data.len(), "more bytes than were read: {data:02x?}");
    let decoded = positional::decode_event(&again).expect("what was sent is read");
    assert_eq!(decoded, event, "the event changed on the way");
    let mut third = Vec::new();
    positional::encode_event_into(&decoded, &mut third).expect("what was read can be sent");
    assert_eq!(third, again, "a second canonical form");
    Outcome::Accepted
}

/// The entries of a map that is all of the bytes.
fn judged(mut bytes: &[u8]) -> Option<Vec<(&str, u64)>> {
    let rest = &mut bytes;
    let count = length(rest, 0x80, 4, [None, Some(0xDE), Some(0xDF)])?;
    let entry = |rest: &mut &'_ [u8]| {
        let bytes = length(rest, 0xA0, 5, [Some(0xD9), Some(0xDA), Some(0xDB)])?;
        let (name, after) = rest.split_at_checked(usize::try_from(bytes).ok()?)?;
        *rest = after;
        Some((name.len(), number(rest)?))
    };
    let mut entries = Vec::new();
    for _ in 0..count.min(ENTRIES_MAX as u64 + 1) {
        let mut before = *rest;
        length(&mut before, 0xA0, 5, [Some(0xD9), Some(0xDA), Some(0xDB)])?;
        let (name_bytes, counter) = entry(rest)?;
        entries.push((std::str::from_utf8(&before[..name_bytes]).ok()?, counter));
    }
    let names: BTreeSet<_> = entries.iter().map(|(name, _)| *name).collect();
    let is_legal = names.len() == entries.len() && names.iter().all(|name| is_node(name));
    (is_legal && rest.is_empty() && entries.len() <= ENTRIES_MAX).then_some(entries)
}

/// A length: in the low bits of the first byte, or in one, two or four bytes behind a tag of its own.
fn length(rest: &mut &[u8], short: u8, bits: u32, tags: [Option<u8>; 3]) -> Option<u64> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    if first >> bits == short >> bits {
        return Some(u64::from(first & ((1 << bits) - 1)));
    }
    let width = tags.iter().position(|tag| *tag == Some(*first))?;
    big_endian(rest, 1 << width)
}

/// An integer of any width that is not negative.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    match *first {
        positive @ 0..=0x7F => Some(u64::from(positive)),
        unsigned @ 0xCC..=0xCF => big_endian(rest, 1 << (unsigned - 0xCC)),
        signed @ 0xD0..=0xD3 => {
            let is_negative = rest.first().is_some_and(|byte| byte & 0x80 != 0);
            big_endian(rest, 1 << (signed - 0xD0)).filter(|_| !is_negative)
        }
        _ => None,
    }
}

fn big_endian(rest: &mut &[u8], width: usize) -> Option<u64> {
    let (digits, after) = rest.split_at_checked(width)?;
    *rest = after;
    Some(digits.iter().fold(0, |value, digit| value << 8 | u64::from(*digit)))
}
