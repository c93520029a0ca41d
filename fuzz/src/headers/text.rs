//! The text forms. Each has a grammar of one line, so a naive judge decides what must be accepted.

use std::collections::BTreeSet;

use clock_core::headers::text::{self, VectorEntries};
use clock_core::headers::{ENTRIES_MAX, HEADER_BYTES_MAX, Malformed, VectorCodec};
use clock_core::{MAX_COUNTER, VectorTimestamp};

use super::{INPUT_BYTES_MAX, SMALL_MULTIPLE};
use crate::allocation::{Limit, Meter};
use crate::decoder::{Decoder, Outcome};
use crate::input;
use crate::promises::{decimal, hold_named, hold_node, is_node};

/// One name.
const NAME: Limit = Limit { constant_bytes: 128, bytes_per_byte: 0 };
const BLANKS: [char; 2] = [' ', '\t'];

/// A Lamport time.
pub static LAMPORT_TEXT: Decoder =
    Decoder { name: "lamport_text", check: lamport, limit: NAME, input_bytes_max: 1024 };
/// A vector: as a whole, entry by entry, and by a codec that knows half of the names.
pub static VECTOR_TEXT: Decoder =
    Decoder { name: "vector_text", check: vector, limit: SMALL_MULTIPLE, input_bytes_max: INPUT_BYTES_MAX };

fn lamport(meter: &Meter, data: &[u8]) -> Outcome {
    let value = input::text(data);
    let decoded = meter.decode(value.len(), || text::decode_lamport(value));
    let trimmed = value.trim_matches(BLANKS);
    let parts = trimmed.split_once(':').and_then(|(node, time)| Some((node, decimal(time)?)));
    let is_legal = parts.is_some_and(|(node, time)| is_node(node) && time <= MAX_COUNTER);
    assert_eq!(decoded.is_ok(), is_legal && value.len() <= HEADER_BYTES_MAX, "{value:?} gave {decoded:?}");
    let Ok(lamport) = decoded else { return Outcome::Refused };
    hold_node(lamport.node());
    assert_eq!(lamport.to_string(), trimmed, "another spelling of a time");
    Outcome::Accepted
}

fn vector(meter: &Meter, data: &[u8]) -> Outcome {
    let value = input::text(data);
    let legal = judged(value);
    let raw = meter.decode(value.len(), || VectorEntries::new(value).collect::<Result<Vec<_>, _>>());
    assert_eq!(raw.as_ref().ok(), legal.as_ref(), "{value:?}");
    let decoded = meter.decode(value.len(), || text::decode_vector(value));
    let is_in_range = legal.is_some_and(|entries| entries.iter().all(|(_, counter)| *counter <= MAX_COUNTER));
    assert_eq!(decoded.is_ok(), is_in_range, "{value:?} gave {decoded:?}");
    hold_codec(&decoded, |codec, known| codec.decode_text(value, known).cloned());
    let Ok(vector) = decoded else { return Outcome::Refused };
    hold_named(&vector);
    let mut again = String::new();
    match text::encode_vector_into(&vector, &mut again) {
        Ok(()) => assert_eq!(text::decode_vector(&again), Ok(vector), "the vector changed on the way"),
        Err(error) => assert!(vector.is_empty(), "{error}"),
    }
    assert!(again.len() <= value.len(), "more bytes than were read for {value:?}");
    Outcome::Accepted
}

fn judged(value: &str) -> Option<Vec<(&str, u64)>> {
    let entry = |part: &'_ str| {
        let part = part.trim_matches(BLANKS);
        part.split_once('=').and_then(|(name, counter)| Some((name.len(), decimal(counter)?)))
    };
    let mut entries = Vec::new();
    for part in value.split(',') {
        let (name_bytes, counter) = entry(part)?;
        let name = &part.trim_matches(BLANKS)[..name_bytes];
        entries.push((name, counter));
    }
    let names: BTreeSet<_> = entries.iter().map(|(name, _)| *name).collect();
    let is_legal = names.len() == entries.len() && names.iter().all(|name| is_node(name));
    (is_legal && entries.len() <= ENTRIES_MAX && value.len() <= HEADER_BYTES_MAX).then_some(entries)
}

/// A codec reads the same and refuses the same, whatever names it knows already.
pub(super) fn hold_codec(
    decoded: &Result<VectorTimestamp, Malformed>,
    decode: impl Fn(&mut VectorCodec, &VectorTimestamp) -> Result<VectorTimestamp, Malformed>,
) {
    let names: Vec<&str> = match decoded {
        Ok(vector) => vector.entries().map(|(node, _)| node).step_by(2).collect(),
        Err(_) => vec!["a", "b", "svc-a"],
    };
    let known =
        VectorTimestamp::from_entries(names.into_iter().map(|node| (node, 1))).expect("small counters");
    assert_eq!(decode(&mut VectorCodec::new(), &known), *decoded, "read by a codec that knows {known}");
}
