//! An event as bytes: even in memory nothing is handed over that has not been encoded and decoded.
//!
//! | bytes | content |
//! |---|---|
//! | 1 | version, 1 |
//! | 4 + n | origin: length, UTF-8 |
//! | 8 | Lamport value |
//! | 4 | number of vector entries |
//! | 4 + n, 8 | per entry: node id, counter |
//! | rest | payload |
//!
//! Integers are big-endian. Entries are strictly ascending by id, counters are not zero, and the origin has an
//! entry, so an event has one encoding only. Decoding allocates no more than the input is long.

use super::event::Event;
use std::collections::HashMap;

const VERSION: u8 = 1;

pub(super) fn encode(event: &Event) -> Vec<u8> {
    let entries = event.sorted_entries();
    let mut bytes = vec![VERSION];
    put_text(&mut bytes, &event.origin);
    bytes.extend(event.lamport.to_be_bytes());
    bytes.extend(length_prefix(entries.len()));
    for (node, counter) in entries {
        put_text(&mut bytes, node);
        bytes.extend(counter.to_be_bytes());
    }
    bytes.extend(&event.payload);
    bytes
}

/// The event, or `None` for anything that [`encode`] does not produce.
pub(super) fn decode(bytes: &[u8]) -> Option<Event> {
    let mut rest = bytes;
    let [version] = take_array(&mut rest)?;
    if version != VERSION {
        return None;
    }
    let origin = take_text(&mut rest)?.to_owned();
    let lamport = u64::from_be_bytes(take_array(&mut rest)?);
    let vector = take_vector(&mut rest)?;
    vector.contains_key(&origin).then(|| Event { origin, lamport, vector, payload: rest.to_vec() })
}

fn take_vector(rest: &mut &[u8]) -> Option<HashMap<String, u64>> {
    let count = u32::from_be_bytes(take_array(rest)?);
    let mut vector = HashMap::new();
    let mut previous = None;
    for _ in 0..count {
        let node = take_text(rest)?;
        let counter = u64::from_be_bytes(take_array(rest)?);
        if counter == 0 || previous.is_some_and(|previous| node <= previous) {
            return None;
        }
        vector.insert(node.to_owned(), counter);
        previous = Some(node);
    }
    Some(vector)
}

/// A length over 4 GiB cannot be written, and need not be: the bus refuses such a message for its size.
fn length_prefix(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(length_prefix(text.len()));
    bytes.extend(text.as_bytes());
}

fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(u32::from_be_bytes(take_array(rest)?)).ok()?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (array, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*array)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events() -> impl Strategy<Value = Event> {
        let vector = prop::collection::hash_map("[a-z]{0,4}", 1..=u64::MAX, 0..6);
        ("[a-z]{0,4}", any::<u64>(), vector, 1..=u64::MAX, any::<Vec<u8>>()).prop_map(
            |(origin, lamport, mut vector, own, payload)| {
                vector.insert(origin.clone(), own);
                Event { origin, lamport, vector, payload }
            },
        )
    }

    proptest! {
        #[test]
        fn decoding_gives_back_what_was_encoded(event in events()) {
            prop_assert_eq!(decode(&encode(&event)), Some(event));
        }

        /// Disproved by a panic, or by two inputs that decode to the same event.
        #[test]
        fn what_decodes_has_one_encoding(event in events(), at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = encode(&event);
            let index = at.index(bytes.len());
            bytes[index] = byte;
            if let Some(decoded) = decode(&bytes) {
                prop_assert_eq!(encode(&decoded), bytes);
            }
        }

        #[test]
        fn noise_never_panics(bytes: Vec<u8>) {
            let _noise = decode(&bytes);
        }
    }

    #[test]
    fn every_cut_before_the_payload_is_refused() {
        let vector = HashMap::from([("a".to_owned(), 3), ("b".to_owned(), 1)]);
        let bytes = encode(&Event { origin: "a".to_owned(), lamport: 4, vector, payload: Vec::new() });
        assert!((0..bytes.len()).all(|length| decode(&bytes[..length]).is_none()));
    }
}
